// The roles of people and tokens, with what they may do.

/** What a role may do, by its name. */
export const ROLES = {
  viewer: 'Viewer: reads everything about servers',
  operator: 'Operator: also runs the fleet',
  admin: 'Administrator: also has people, revokes and removes',
};

const ORDER = Object.keys(ROLES);

/**
 * The roles up to one.
 * @param {string} most
 * @returns {Object<string, string>}
 */
export function rolesUpTo(most) {
  return Object.fromEntries(Object.entries(ROLES).slice(0, ORDER.indexOf(most) + 1));
}
