// The forms with which a person takes care of findings, or keeps them from being notified.

import { element } from './element.js';
import { choice, openForm, textField } from './form.js';

const DURATIONS = { '1h': '1 hour', '4h': '4 hours', '1d': '1 day', '1w': '1 week', '4w': '4 weeks' };

/**
 * Opens the form of an acknowledgement.
 * @param {string} title
 * @param {string} what What the person takes care of: `it`, `them`.
 * @param {(body: { note: string | null }) => Promise<void>} submit
 */
export function openAcknowledgement(title, what, submit) {
  openForm({
    title, action: 'Acknowledge', submit,
    fields: [
      element('p', {}, `You take care of ${what}. No notification follows, not even of the end.`),
      textField('Note', 'note', { placeholder: 'What is being done about it' }),
    ],
  });
}

/**
 * Opens the form of a silence.
 * @param {string} title
 * @param {string} text What is silenced.
 * @param {(body: { duration: string, reason: string }) => Promise<void>} submit Gets the other fields, too.
 * @param {import('./element.js').Child} [others] More fields.
 */
export function openSilence(title, text, submit, others = null) {
  openForm({
    title, action: 'Silence', submit,
    fields: [
      element('p', {}, text), others, choice('For', 'duration', DURATIONS),
      textField('Reason', 'reason', { required: true, placeholder: 'Maintenance of the storage' }),
    ],
  });
}
