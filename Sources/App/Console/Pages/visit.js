// A visit is the time that a person spends on one page. Its address may change meanwhile; its parts watch the address.

import { changed, go } from './route.js';

/**
 * @typedef {Object} Visit
 * @property {import('./route.js').Route} route The present address.
 * @property {Object<string, string>} names The variable parts of the path: { id: '7' }.
 * @property {AbortSignal} signal Aborts when the person leaves the page.
 * @property {(watcher: (route: import('./route.js').Route) => void) => void} watch Calls the watcher now, and after each change.
 * @property {(watcher: () => void) => void} watchTime Calls the watcher when the page should ask for newer data.
 * @property {() => void} renew Asks for newer data now.
 * @property {(seconds: number) => void} renewEvery Asks for newer data again and again, while the page is visible.
 * @property {(changes: Object<string, any>, replaces?: boolean) => void} change Changes parameters of the address.
 * @property {() => void} renew Lets every part of the page ask for newer data, such as after a change.
 */

/**
 * Begins a visit.
 * @param {import('./route.js').Route} route
 * @param {Object<string, string>} names
 * @returns {Visit & { move: (route: import('./route.js').Route) => void, end: () => void }}
 */
export function visit(route, names) {
  const controller = new AbortController();
  const watchers = [];
  const timeWatchers = [];
  const self = {
    route,
    names,
    signal: controller.signal,
    watch(watcher) {
      watchers.push(watcher);
      watcher(self.route);
    },
    watchTime(watcher) {
      timeWatchers.push(watcher);
    },
    change(changes, replaces = false) {
      go(changed(self.route, changes), replaces);
    },
    move(next) {
      self.route = next;
      for (const watcher of watchers) watcher(next);
    },
    renew() {
      for (const watcher of timeWatchers) watcher();
    },
    renewEvery(seconds) {
      const timer = setInterval(() => document.hidden || self.renew(), seconds * 1000);
      controller.signal.addEventListener('abort', () => clearInterval(timer));
    },
    end() {
      controller.abort();
    },
  };
  return self;
}
