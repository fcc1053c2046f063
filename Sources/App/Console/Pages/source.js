// A source asks the API for what a part of the page shows. It asks anew when the address of the page asks for something else.

import { ask, urlOf } from './api.js';

/**
 * @typedef {Object} Source
 * @property {import('./api.js').Request | null} request The last request.
 * @property {'asking' | 'answered' | 'failed' | 'idle'} state
 * @property {any} answer The last answer; it stays while the next one is under way.
 * @property {Error | null} problem
 * @property {(watcher: (source: Source) => void) => void} watch Calls the watcher now, and at each change.
 * @property {() => Promise<void>} renew Asks again for the same.
 */

/**
 * Makes a source.
 * @param {import('./visit.js').Visit} visit
 * @param {(route: import('./route.js').Route) => import('./api.js').Request | null} requestOf What to ask for at an address; null:
 *   nothing.
 * @returns {Source}
 */
export function source(visit, requestOf) {
  const watchers = [];
  let controller = null;
  let isUnderWay = false;
  const self = {
    request: null,
    state: 'idle',
    answer: null,
    problem: null,
    watch(watcher) {
      watchers.push(watcher);
      watcher(self);
    },
    renew: () => run(false),
  };

  visit.signal.addEventListener('abort', () => controller?.abort());
  visit.watch((route) => {
    const request = requestOf(route);
    const isSame = request && self.request && urlOf(request) === urlOf(self.request);
    self.request = request;
    if (!isSame) run(true);
  });
  // A server that needs longer than the time between two renewals still gets to answer.
  visit.watchTime(() => isUnderWay || run(false));
  return self;

  async function run(isNew) {
    controller?.abort();
    controller = new AbortController();
    const { signal } = controller;
    isUnderWay = self.request !== null;
    if (!isUnderWay) return settle('idle', null, null);
    if (isNew) settle('asking', self.answer, null);
    try {
      const answer = await ask({ ...self.request, signal });
      if (!signal.aborted) settle('answered', answer, null);
    } catch (problem) {
      if (!signal.aborted) settle('failed', self.answer, problem);
    } finally {
      if (controller.signal === signal) isUnderWay = false;
    }
    return undefined;
  }

  function settle(state, answer, problem) {
    Object.assign(self, { state, answer, problem });
    for (const watcher of watchers) watcher(self);
  }
}

/**
 * Two sources as one: what shows the first is told when the second has answered, too.
 * @param {Source} first
 * @param {Source} second
 * @returns {Source}
 */
export function joined(first, second) {
  return Object.assign(Object.create(first), {
    watch: (watcher) => [first.watch(watcher), second.watch(() => watcher(first))],
  });
}
