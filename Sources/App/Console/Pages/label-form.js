// The form that changes the labels of servers.

import { field, openForm } from './dialog.js';
import { element } from './element.js';
import { labelsFrom } from './labels.js';

/**
 * Opens the form.
 * @param {string} title
 * @param {(labels: Object<string, string | null>) => Promise<void>} change Sends the labels to change. What it throws is shown in the form.
 */
export function openLabelForm(title, change) {
  const text = element('input', { name: 'labels', required: true, placeholder: 'env=production, old=', maxlength: 2000 });
  openForm({
    title,
    fields: field('Labels', text, 'key=value, separated by commas. “key=” removes a label; other labels stay.'),
    action: 'Set labels',
    submit: () => change(labelsFrom(text.value)),
  });
}
