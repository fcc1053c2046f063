// The session of the person at the browser. The access token is in memory only; the refresh token is in a cookie that no script
// can read. All tabs of a browser share one session: one tab at a time refreshes it, and tells the others the new access token.

import { Problem } from './problem.js';

const LOCK = 'pganalytics-session';
// A token that is about to expire is replaced before a request, so that the request need not be sent twice.
const MARGIN_MILLISECONDS = 20_000;

const channel = new BroadcastChannel(LOCK);
const watchers = [];
let token = null;
let expiresAt = 0;

/** The user, as the API describes him; null: nobody is logged in. */
export let user = null;

channel.addEventListener('message', (event) => {
  if (event.data.token) keep(event.data);
  // The person has logged out, so nothing may stay on the page.
  else location.reload();
});

/**
 * Calls the watcher each time a session has begun, continued or ended, here or in another tab.
 * @param {(isOpen: boolean) => void} watcher
 */
export function watchSession(watcher) {
  watchers.push(watcher);
}

/**
 * Whether the user has at least a role.
 * @param {'viewer' | 'operator' | 'admin'} role
 */
export function mayAct(role) {
  const roles = ['viewer', 'operator', 'admin'];
  return user !== null && roles.indexOf(user.role) >= roles.indexOf(role);
}

/**
 * The access token for a request.
 * @returns {Promise<string | null>} null: the session has ended.
 */
export async function accessToken() {
  if (token && Date.now() < expiresAt - MARGIN_MILLISECONDS) return token;
  return (await refresh(token)) ? token : null;
}

/**
 * Replaces an access token that the server refused, or that expires.
 * @param {string | null} used The token to replace. If another tab has replaced it meanwhile, nothing is sent.
 * @returns {Promise<boolean>} false: the session has ended.
 * @throws {Problem} The server does not answer, or refuses for another reason.
 */
export async function refresh(used) {
  return navigator.locks.request(LOCK, async () => {
    if (token && token !== used) return true;
    const response = await post('refresh', {});
    if (response.ok) {
      keep(await response.json(), true);
      return true;
    }
    if (response.status === 400 || response.status === 401 || response.status === 403) {
      forget();
      return false;
    }
    throw await problemOf(response);
  });
}

/**
 * Logs in.
 * @param {string} username
 * @param {string} password
 * @throws {Problem}
 */
export async function logIn(username, password) {
  const response = await post('login', { username, password, cookie: true });
  if (!response.ok) throw await problemOf(response);
  keep(await response.json(), true);
}

/**
 * Logs out in all tabs of this browser, or ends every session of the user. The page is loaded anew.
 * @param {boolean} everywhere
 */
export async function logOut(everywhere = false) {
  const bearer = await accessToken().catch(() => null);
  await post(everywhere ? 'logout-everywhere' : 'logout', null, bearer);
  // It only clears the cookie.
  if (everywhere) await post('logout', null, null).catch(() => null);
  channel.postMessage({});
  location.reload();
}

async function post(action, body, bearer = null) {
  const headers = {};
  if (body !== null) headers['Content-Type'] = 'application/json';
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  try {
    return await fetch(`/api/v1/auth/${action}`, {
      method: 'POST', headers, body: body === null ? null : JSON.stringify(body), credentials: 'same-origin', cache: 'no-store',
    });
  } catch {
    throw new Problem(0);
  }
}

function keep(answer, isNew = false) {
  token = answer.access_token ?? answer.token;
  user = answer.user;
  expiresAt = answer.expiresAt ?? Date.now() + answer.expires_in * 1000;
  if (isNew) channel.postMessage({ token, user, expiresAt });
  for (const watcher of watchers) watcher(true);
}

function forget() {
  token = null;
  expiresAt = 0;
  for (const watcher of watchers) watcher(false);
}

/** @returns {Promise<Problem>} */
export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('Retry-After'));
  if (!body.request_id) body.request_id = response.headers.get('X-Request-ID') || '';
  return new Problem(response.status, body, Number.isFinite(seconds) && seconds > 0 ? seconds : null);
}
