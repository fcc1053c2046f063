// Makes elements of the page. Text becomes text nodes and never markup, so that no text of a collector can become an element.

const SVG = 'http://www.w3.org/2000/svg';
const ICONS = new URL('./icons.svg', import.meta.url).pathname;

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */

/**
 * Makes an element.
 * @param {string} tag
 * @param {Object<string, any>} attributes `on`: listeners by event; `style`: properties, which may be custom ones; `data`: data
 *   attributes. Every other name is an attribute. true: an attribute without a value. null, undefined, false: no attribute.
 * @param {...Child} children null, undefined and false are left out.
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/**
 * Makes an element of SVG, with the same rules as `element`.
 * @param {string} tag
 * @param {Object<string, any>} attributes
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function drawing(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * Replaces everything in a node.
 * @param {Element} node
 * @param {...Child} children
 */
export function replace(node, ...children) {
  node.replaceChildren(...nodes(children));
}

/**
 * Makes one of the icons in icons.svg.
 * @param {string} name
 * @param {string} [label] What it says to a screen reader. Without it the icon is decoration.
 * @returns {SVGElement}
 */
export function icon(name, label) {
  const attributes = label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' };
  return drawing('svg', { class: `icon icon-${name}`, ...attributes }, drawing('use', { href: `${ICONS}#${name}` }));
}

/**
 * Makes a button with a text.
 * @param {string} text
 * @param {(event: Event) => void} press
 * @param {Object<string, any>} attributes
 * @returns {HTMLElement}
 */
export function button(text, press, attributes = {}) {
  const { icon: name, ...others } = attributes;
  return element('button', { type: 'button', class: 'button', ...others, on: { click: press } }, name && icon(name), text);
}

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (name === 'style') {
      for (const [property, text] of Object.entries(value)) node.style.setProperty(property, text);
    } else if (name === 'data') {
      for (const [key, text] of Object.entries(value)) node.dataset[key] = text;
    } else {
      node.setAttribute(name, value === true ? '' : value);
    }
  }
  node.append(...nodes(children));
  return node;
}

function nodes(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
