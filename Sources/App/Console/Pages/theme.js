// Light or dark: as the system says, or as the person has chosen. The choice is kept by the browser.

const KEY = 'pganalytics-scheme';
const query = matchMedia('(prefers-color-scheme: dark)');

/** Applies the kept choice; called once at the start. */
export function startScheme() {
  apply(localStorage.getItem(KEY));
  query.addEventListener('change', announce);
}

/** @returns {boolean} Whether the page is dark now. */
export function isDark() {
  return (document.documentElement.dataset.scheme ?? (query.matches ? 'dark' : 'light')) === 'dark';
}

/** Changes from light to dark, or back. A choice that equals the system's is forgotten, so that the page follows the system again. */
export function switchScheme() {
  const next = isDark() ? 'light' : 'dark';
  const isSystems = (next === 'dark') === query.matches;
  if (isSystems) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, next);
  apply(isSystems ? null : next);
  announce();
}

function apply(scheme) {
  if (scheme) document.documentElement.dataset.scheme = scheme;
  else delete document.documentElement.dataset.scheme;
}

// Charts are drawn on a canvas, so they have to be told.
function announce() {
  document.dispatchEvent(new Event('scheme'));
}
