// What went wrong with a request, in words for a person.

import { button, element, icon } from './element.js';

/** A request that the server refused, or that did not reach it. */
export class Problem extends Error {
  /**
   * @param {number} status The HTTP status; 0: there was no answer.
   * @param {Object<string, any>} body The members of the server's refusal: error, message, details, request_id.
   * @param {number | null} retryAfter Seconds.
   */
  constructor(status, body = {}, retryAfter = null) {
    super(body.message || WORDS[status] || `The server answered ${status}.`);
    this.status = status;
    this.kind = body.error || '';
    this.details = body.details || '';
    this.requestID = body.request_id || '';
    this.retryAfter = retryAfter;
  }
}

const WORDS = {
  0: 'The server does not answer. Check that it runs and that the network reaches it.',
  404: 'The server has nothing under this address.',
};

const ADVICE = {
  403: 'Your role does not permit this. An administrator can change it.',
  412: 'Somebody changed it meanwhile. Load it again and repeat your change.',
  503: 'Try again in a moment.',
};

/**
 * Shows a problem where the data would be.
 * @param {Problem | Error} problem
 * @param {(() => void) | null} retry
 * @returns {HTMLElement}
 */
export function problemNotice(problem, retry = null) {
  return element('div', { class: 'notice notice-problem', role: 'alert' },
    icon('warning'),
    element('div', { class: 'notice-text' },
      element('p', {}, problem.message),
      problem.details && element('p', { class: 'quiet' }, String(problem.details)),
      ADVICE[problem.status] && element('p', { class: 'quiet' }, ADVICE[problem.status]),
      problem.requestID && element('p', { class: 'quiet' }, 'Request ', element('code', {}, problem.requestID)),
    ),
    retry && button('Try again', retry),
  );
}

/**
 * A problem in one line, for a toast or beside a form.
 * @param {Problem | Error} problem
 * @returns {string}
 */
export function problemLine(problem) {
  const details = problem.details ? ` ${problem.details}` : '';
  const request = problem.requestID ? ` (request ${problem.requestID})` : '';
  return `${problem.message}${details}${request}`;
}
