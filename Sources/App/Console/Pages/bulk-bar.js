// What a person can do with marked servers: set labels, acknowledge their findings, silence them.

import { ask } from './api.js';
import { field, openForm } from './dialog.js';
import { button, element, replace } from './element.js';
import { taken } from './filters.js';
import { number } from './format.js';
import { openLabelForm } from './label-form.js';
import { mayAct } from './session.js';
import { silenceFields, silenceFrom } from './silence-form.js';
import { tell } from './toast.js';

const PAGE_SIZE = 100;
/** Servers that one request names, so that its address does not become too long. */
const BATCH = 200;

/**
 * Makes the bar.
 * @param {import('./visit.js').Visit} visit The page of the fleet.
 * @param {import('./selection.js').Selection} marked
 * @param {import('./source.js').Source} servers The list.
 * @returns {{ node: HTMLElement, show: () => void }}
 */
export function bulkBar(visit, marked, servers) {
  const node = element('div', { class: 'bulk-bar', role: 'region', 'aria-label': 'Marked servers', hidden: true });
  const count = () => (marked.isAll ? servers.answer?.total ?? 0 : marked.keys.size);
  const done = (text) => {
    tell(text);
    marked.clear();
    servers.renew();
  };
  return {
    node,
    show() {
      node.hidden = count() === 0;
      replace(node,
        element('strong', {}, `${number(count())} ${count() === 1 ? 'server' : 'servers'} marked`),
        mayAct('operator') && [
          button('Label', () => label(done)),
          button('Acknowledge findings', () => acknowledge(done)),
          button('Silence', () => silence(done)),
        ],
        button('Clear', () => marked.clear(), { class: 'button plain-button' }));
    },
  };

  function label(finish) {
    openLabelForm(`Label ${number(count())} servers`, async (labels) => {
      let changes = 0;
      for (const filter of await filters()) {
        const answer = await ask({ path: 'collectors', parameters: filter, method: 'PATCH', body: { labels } });
        changes += answer.changed;
      }
      finish(`The labels of ${number(changes)} servers have changed.`);
    });
  }

  function acknowledge(finish) {
    const note = element('input', { name: 'note', maxlength: 1000, placeholder: 'What is being done about it' });
    openForm({
      title: `Acknowledge the findings of ${number(count())} servers`,
      fields: [
        element('p', {}, 'You take care of all their open findings. No notification follows, not even of their end.'),
        field('Note', note),
      ],
      action: 'Acknowledge',
      async submit() {
        let changes = 0;
        for (const filter of await filters()) {
          const parameters = Object.keys(filter).length ? filter : { all: true };
          const answer = await ask({ path: 'findings/acknowledge', parameters, method: 'POST', body: { note: note.value || null } });
          changes += answer.changed;
        }
        finish(`${number(changes)} findings are acknowledged.`);
      },
    });
  }

  function silence(finish) {
    openForm({
      title: `Silence ${number(count())} servers`,
      fields: [element('p', {}, 'Their findings open and end as before, but nobody is notified.'), silenceFields()],
      action: 'Silence',
      async submit(form) {
        const ids = await markedIDs();
        for (const id of ids) await ask({ path: 'silences', method: 'POST', body: { ...silenceFrom(form), server_id: id } });
        finish(`${number(ids.length)} servers are silenced.`);
      },
    });
  }

  /** The filters that select the marked servers: one request each. */
  async function filters() {
    // All servers that labels and words select need no list of ids; the API has no filter by state for changes.
    if (marked.isAll && !visit.route.parameters.get('state')) return [present(taken(visit.route, 'q', 'label'))];
    const ids = await markedIDs();
    return Array.from({ length: Math.ceil(ids.length / BATCH) }, (_, place) => ({ server: ids.slice(place * BATCH, (place + 1) * BATCH) }));
  }

  async function markedIDs() {
    if (!marked.isAll) return [...marked.keys];
    const ids = [];
    for (let page = 1; ids.length < count(); page += 1) {
      const parameters = { ...taken(visit.route, 'q', 'label', 'state'), sort: 'server_id', page, page_size: PAGE_SIZE };
      const answer = await ask({ path: 'fleet', parameters });
      if (!answer.data.length) break;
      ids.push(...answer.data.map((row) => row.server_id));
    }
    return ids;
  }
}

function present(filter) {
  return Object.fromEntries(Object.entries(filter).filter(([, values]) => values.length));
}
