// The administration without a tab leads to the first one that the user may open.

import { firstTab } from './administration-frame.js';
import { go } from './route.js';

/** Opens the page. @returns {import('./pages.js').Page} */
export function open() {
  queueMicrotask(() => go(firstTab(), true));
  return { title: 'Administration', node: null };
}
