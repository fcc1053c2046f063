// The address of a view. Everything that a person chooses is in the part of the URL after `#`: page, filters, order, range. So each
// view can be sent to a colleague, and the browser's buttons back and forward work.

/**
 * @typedef {Object} Route
 * @property {string[]} path The parts of the path: ['servers', '7', 'queries'].
 * @property {URLSearchParams} parameters
 */

/**
 * Reads the address of the browser, or another one.
 * @param {string} hash `#/servers/7/queries?range=1h`
 * @returns {Route}
 */
export function parsed(hash = location.hash) {
  const [path, query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { path: path.split('/').filter(Boolean).map(decoded), parameters: new URLSearchParams(query) };
}

/**
 * Writes an address.
 * @param {string | string[]} path A text is taken as it is; parts are encoded.
 * @param {Object<string, any> | URLSearchParams} parameters Values: text, number, boolean, or a list of them. Empty ones are left out.
 * @returns {string} `#/fleet?state=critical`
 */
export function address(path, parameters = {}) {
  const place = Array.isArray(path) ? path.map(encodeURIComponent).join('/') : path;
  const query = queryOf(parameters);
  return `#/${place}${query ? `?${query}` : ''}`;
}

/**
 * The address of a route with other parameters. A change of anything but the place in a list goes back to its beginning.
 * @param {Route} route
 * @param {Object<string, any>} changes null, '' and []: the parameter is removed.
 * @returns {string}
 */
export function changed(route, changes) {
  const parameters = new URLSearchParams(route.parameters);
  if (!('page' in changes)) {
    parameters.delete('page');
    parameters.delete('row');
  }
  for (const [name, value] of Object.entries(changes)) {
    parameters.delete(name);
    for (const one of [value].flat()) {
      if (one !== null && one !== undefined && one !== '') parameters.append(name, one);
    }
  }
  return address(route.path, parameters);
}

/**
 * Writes parameters as the query of a URL. A parameter without a value is left out.
 * @param {Object<string, any> | URLSearchParams} parameters
 * @returns {string}
 */
export function queryOf(parameters) {
  const pairs = parameters instanceof URLSearchParams ? [...parameters] : Object.entries(parameters);
  return pairs
    .flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value).replace(/%(3A|2C|3D)/g, decodeURIComponent)}`)
    .join('&');
}

/**
 * Goes to an address.
 * @param {string} to
 * @param {boolean} replaces Whether the button back skips the present address.
 */
export function go(to, replaces = false) {
  if (to === location.hash) return;
  if (!replaces) {
    location.hash = to;
    return;
  }
  history.replaceState(null, '', to);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    // A broken escape is shown as it was typed.
    return part;
  }
}
