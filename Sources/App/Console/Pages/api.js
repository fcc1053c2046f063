// Requests to the REST API. A request whose session has ended waits until the person has logged in again, so that nothing on the
// page is lost.

import { askForLogin } from './login.js';
import { Problem } from './problem.js';
import { queryOf } from './route.js';
import { accessToken, problemOf, refresh } from './session.js';

/**
 * @typedef {Object} Request
 * @property {string} path Below /api/v1: `servers/7/overview`.
 * @property {Object<string, any>} [parameters] Of the query; empty ones are left out.
 * @property {string} [method] Without it GET.
 * @property {any} [body] Sent as JSON; a text is sent as it is with `type`.
 * @property {string} [type] The media type of a body that is a text.
 * @property {string} [accept] The media type of the answer. Without it JSON.
 * @property {Object<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/**
 * The URL of a request, from the root of the server.
 * @param {Request} request
 */
export function urlOf({ path, parameters = {} }) {
  const query = queryOf(parameters);
  return `/api/v1/${path}${query ? `?${query}` : ''}`;
}

/**
 * Sends a request and reads the answer.
 * @param {Request} request
 * @returns {Promise<any>} What the JSON says; null for an answer without content.
 * @throws {Problem} DOMException AbortError if the signal aborted it.
 */
export async function ask(request) {
  const response = await respond(request);
  return response.status === 204 ? null : response.json();
}

/**
 * Sends a request and reads the answer as text, with its tag.
 * @param {Request} request
 * @returns {Promise<{ text: string, tag: string | null }>}
 * @throws {Problem}
 */
export async function askText(request) {
  const response = await respond(request);
  return { text: await response.text(), tag: response.headers.get('ETag') };
}

/**
 * Sends a request.
 * @param {Request} request
 * @returns {Promise<Response>} An answer with a status of success.
 * @throws {Problem}
 */
export async function respond(request) {
  let token = await currentToken();
  for (let attempt = 1; ; attempt += 1) {
    const response = await send(request, token);
    if (response.ok) return response;
    if (response.status !== 401 || attempt === 3) throw await problemOf(response);
    token = (await refresh(token)) ? await currentToken() : await afterLogin();
  }
}

async function currentToken() {
  return (await accessToken()) ?? afterLogin();
}

async function afterLogin() {
  await askForLogin();
  return accessToken();
}

async function send({ path, parameters, method = 'GET', body, type, accept = 'application/json', headers = {}, signal }, token) {
  const fields = { ...headers, Accept: accept, Authorization: `Bearer ${token}` };
  const isText = typeof body === 'string';
  if (body !== undefined) fields['Content-Type'] = isText ? type : 'application/json';
  const content = body === undefined || isText ? body : JSON.stringify(body);
  try {
    return await fetch(urlOf({ path, parameters }), {
      method, headers: fields, body: content, signal, credentials: 'same-origin', cache: 'no-store',
    });
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    throw new Problem(0);
  }
}
