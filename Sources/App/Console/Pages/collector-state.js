// The states of collectors, with their words and shapes.

import { mark } from './state.js';

/** The states, with the shapes of the states of servers. */
const SHAPES = { active: 'ok', offline: 'silent', registered: 'unknown', revoked: 'critical' };

/** The words by state. */
export const COLLECTOR_STATES = { active: 'Active', offline: 'Offline', registered: 'Never pushed', revoked: 'Revoked' };

/**
 * A state with its shape.
 * @param {'registered' | 'active' | 'offline' | 'revoked'} status
 * @returns {HTMLElement}
 */
export function collectorMark(status) {
  return mark(SHAPES[status] ?? 'unknown', COLLECTOR_STATES[status] ?? status);
}
