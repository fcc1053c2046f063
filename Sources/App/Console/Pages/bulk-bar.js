// What a person can do with marked rows: with those of the fleet, set labels, acknowledge findings and silence servers.

import { ask } from './api.js';
import { change } from './change.js';
import { button, element, replace } from './element.js';
import { openAcknowledgement, openSilence } from './finding-forms.js';
import { number } from './format.js';
import { openLabelForm } from './labels.js';
import { taken } from './list.js';
import { mayAct } from './session.js';

const PAGE_SIZE = 100;
/** Servers that one address names, so that it does not become too long. */
const BATCH = 200;
const SILENCED = 'Their findings open and end as before, but nobody is notified.';

/**
 * Makes a bar for marked rows. It is there while rows are marked.
 * @param {string} noun What a row is: `server`.
 * @param {import('./selection.js').Selection} marked
 * @param {import('./source.js').Source} rows The list.
 * @param {(words: string) => import('./element.js').Child} actions Buttons; `words` names the marked rows.
 * @returns {{ node: HTMLElement, show: () => void }}
 */
export function markedBar(noun, marked, rows, actions) {
  const node = element('div', { class: 'bulk-bar', role: 'region', 'aria-label': `Marked ${noun}s`, hidden: true });
  return {
    node,
    show() {
      const count = countOf(marked, rows);
      const words = `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
      node.hidden = count === 0;
      replace(node, element('strong', {}, `${words} marked`), actions(words),
        button('Clear', () => marked.clear(), { class: 'button plain-button' }));
    },
  };
}

/**
 * What happens after a change of marked rows: they are asked for again, and no row is marked any more.
 * @param {import('./selection.js').Selection} marked
 * @param {import('./source.js').Source} rows
 */
export function afterChange(marked, rows) {
  return { renew: () => [marked.clear(), rows.renew()] };
}

function countOf(marked, rows) {
  return marked.isAll ? rows.answer?.total ?? 0 : marked.keys.size;
}

/**
 * Makes the bar of the fleet.
 * @param {import('./visit.js').Visit} visit
 * @param {import('./selection.js').Selection} marked
 * @param {import('./source.js').Source} servers
 */
export function bulkBar(visit, marked, servers) {
  const origin = afterChange(marked, servers);
  return markedBar('server', marked, servers, (words) => mayAct('operator') && [
    button('Label', () => openLabelForm(`Label ${words}`, (labels) =>
      changeEach(() => ({ path: 'collectors', method: 'PATCH', body: { labels } }),
        (changed) => `The labels of ${number(changed)} servers have changed.`))),
    button('Acknowledge findings', () => openAcknowledgement(`Acknowledge the findings of ${words}`, 'all open ones', (body) =>
      changeEach((filter) => ({ path: 'findings/acknowledge', method: 'POST', body, parameters: filter ?? { all: true } }),
        (changed) => `${number(changed)} findings are acknowledged.`))),
    button('Silence', () => openSilence(`Silence ${words}`, SILENCED, async (body) =>
      change({ path: 'silences/servers', method: 'POST', body: { ...body, server_ids: await markedIDs() } },
        ({ changed }) => `${number(changed)} servers are silenced.`, origin))),
  ]);

  /** Sends a change for each of the filters, which together select the marked servers. */
  async function changeEach(requestOf, done) {
    const chosen = await filters();
    let changed = 0;
    for (const [place, filter] of chosen.entries()) {
      const request = { parameters: filter ?? {}, ...requestOf(filter) };
      if (place < chosen.length - 1) changed += (await ask(request)).changed;
      else await change(request, (answer) => done(changed + answer.changed), origin);
    }
  }

  /** The filters: one request each; null: no condition. */
  async function filters() {
    // All servers that labels and words select need no list of ids; the API has no filter by state for changes.
    if (marked.isAll && !visit.route.parameters.get('state')) {
      const given = Object.entries(taken(visit.route, 'q', 'label')).filter(([, values]) => values.length);
      return [given.length ? Object.fromEntries(given) : null];
    }
    const ids = await markedIDs();
    const count = Math.ceil(ids.length / BATCH);
    return Array.from({ length: count }, (_, place) => ({ server: ids.slice(place * BATCH, (place + 1) * BATCH) }));
  }

  async function markedIDs() {
    if (!marked.isAll) return [...marked.keys];
    const ids = [];
    for (let page = 1; ids.length < countOf(marked, servers); page += 1) {
      const parameters = { ...taken(visit.route, 'q', 'label', 'state'), sort: 'server_id', page, page_size: PAGE_SIZE };
      const answer = await ask({ path: 'fleet', parameters });
      if (!answer.data.length) break;
      ids.push(...answer.data.map((row) => row.server_id));
    }
    return ids;
  }
}
