// The configuration of a collector: an editor, the differences before it is stored, and the versions so far.

import { ask, askText } from './api.js';
import { button, element, replace } from './element.js';
import { openForm } from './form.js';
import { bytes, plain, time } from './format.js';
import { list } from './list.js';
import { card, pageTitle } from './parts.js';
import { problemNotice } from './problem.js';
import { changed } from './route.js';
import { mayAct } from './session.js';
import { mark } from './state.js';
import { diffView, unifiedDiff } from './text-diff.js';
import { textEditor } from './text-editor.js';
import { tell } from './toast.js';

/** What a person has typed and not stored, by collector, so that it is there after a look at another page. */
const drafts = new Map();

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const { id } = visit.names;
  const title = pageTitle('Configuration');
  // The editor shows the same refusal.
  ask({ path: `collectors/${id}`, signal: visit.signal }).then(({ name }) => title.set(`Configuration of ${name}`)).catch(() => {});
  return {
    title: title.node,
    trail: [{ text: 'Collectors', href: '#/collectors' }, { text: 'Collector', href: `#/collectors/${id}` }],
    node: element('div', { class: 'stack' },
      editorPanel(visit, id),
      versionPanel(visit, id),
      list(visit, {
        title: 'Versions', sort: null, request: () => ({ path: `config/${id}/versions` }), height: 80,
        empty: 'It has no configuration yet. Write one above and store it; the collector takes it after its next push.',
        columns: versionColumns(visit),
      })),
  };
}

function editorPanel(visit, id) {
  const body = element('div', { class: 'panel-body', 'aria-busy': 'true', style: { 'min-height': '46dvh' } });
  const failure = element('div');
  const state = element('span', { class: 'quiet' });
  const editor = textEditor('Configuration in TOML', (text) => {
    drafts.set(id, { text, base });
    show();
  });
  const store = button('Review and store', review, { class: 'button primary', disabled: true });
  const discard = button('Discard changes', () => {
    drafts.delete(id);
    editor.set(base.text);
    replace(failure);
    show();
  }, { disabled: true });
  /** The version that the text is a change of. */
  let base = { text: '', tag: null, version: 0 };
  load();
  window.addEventListener('beforeunload', (event) => isChanged() && event.preventDefault(), { signal: visit.signal });
  return card('Editor', [state, mayAct('operator') && [discard, store]], body);

  async function load() {
    try {
      base = await latest(id, visit.signal);
      const draft = drafts.get(id);
      if (draft) base = draft.base;
      editor.set(draft?.text ?? base.text);
      editor.area.readOnly = !mayAct('operator');
      replace(body, failure, editor.node,
        !mayAct('operator') && element('p', { class: 'panel-text quiet' }, 'Operators and administrators can change it.'));
      show();
    } catch (problem) {
      if (!visit.signal.aborted) replace(body, problemNotice(problem, load));
    }
    body.setAttribute('aria-busy', 'false');
  }

  function isChanged() {
    return editor.area.value !== base.text;
  }

  function show() {
    store.disabled = !isChanged();
    discard.disabled = !isChanged();
    replace(state, isChanged() ? `changed, from version ${base.version}` : base.version ? `version ${base.version}` : 'no version yet');
  }

  /** Shows what changes, and stores it. The server says at which line the text is no TOML. */
  function review() {
    const text = editor.area.value;
    replace(failure);
    const dialog = openForm({
      title: base.version ? `Changes from version ${base.version}` : 'The first version',
      isWide: true,
      fields: diffView(unifiedDiff(base.text, text)),
      action: 'Store',
      async submit() {
        try {
          const headers = base.tag ? { 'If-Match': base.tag } : {};
          const answer = await ask({ path: `config/${id}`, method: 'PUT', body: text, type: 'text/plain', headers });
          drafts.delete(id);
          base = await latest(id, visit.signal);
          show();
          visit.renew();
          tell(`Version ${answer.version} is stored. The collector takes it after its next push.`);
        } catch (problem) {
          const place = /^line (\d+)/.exec(problem.details);
          if (problem.status === 422 && place) dialog.closed.then(() => editor.blame(Number(place[1]), problem.details));
          else if (problem.status === 412) await conflict();
          else throw problem;
        }
      },
    });
  }

  /** Somebody has stored another version meanwhile: the person sees it, and decides. */
  async function conflict() {
    const theirs = await latest(id, visit.signal);
    const before = base;
    const rebase = () => {
      base = theirs;
      drafts.set(id, { text: editor.area.value, base });
      replace(failure);
      show();
    };
    replace(failure, element('div', { class: 'notice notice-problem', role: 'alert' }, element('div', { class: 'notice-text' },
      element('p', {}, `Nothing was stored: somebody has stored version ${theirs.version} since you began with version ${before.version}. `,
        'Your text is still here.'),
      element('p', { class: 'quiet' }, 'This is what the other person changed:'),
      diffView(unifiedDiff(before.text, theirs.text) || 'nothing'),
      element('div', { class: 'tools' },
        button(`Keep my text, and compare it with version ${theirs.version}`, () => {
          rebase();
          review();
        }),
        button(`Take version ${theirs.version}, and drop my text`, () => {
          editor.set(theirs.text);
          rebase();
          drafts.delete(id);
        })))));
  }
}

/** The latest version, with its tag. A collector without one has an empty text. */
async function latest(id, signal) {
  try {
    const { text, tag } = await askText({ path: `config/${id}`, accept: 'text/plain', signal });
    return { text, tag, version: Number(/-(\d+)"$/.exec(tag)?.[1] ?? 0) };
  } catch (problem) {
    if (problem.status === 404 && /no configuration/.test(problem.details)) return { text: '', tag: null, version: 0 };
    throw problem;
  }
}

function versionColumns(visit) {
  const other = (version, name, changes) => element('a', {
    href: changed(visit.route, { from: null, to: null, version: null, ...changes }), 'aria-label': `${name} of version ${version}`,
  }, name);
  return [
    { name: 'version',
      show: (version, row) => (row.is_effective ? mark('ok', `${version}, taken by the collector`) : version) },
    { name: 'created_at', title: 'Stored', show: time },
    { name: 'created_by', title: 'By' },
    { name: 'bytes', title: 'Size', rank: 2, show: bytes },
    { name: 'version', title: 'Text', show: (version) => other(version, 'Text', { version }) },
    { name: 'version', title: 'Changes', show: (version) => version > 1 && other(version, 'Changes', { from: version - 1, to: version }) },
  ];
}

/** The text of a version, or what changed between two of them: whatever the address says. */
function versionPanel(visit, id) {
  const title = element('span');
  const body = element('div', { class: 'panel-body' });
  const node = card(title, button('Close', () => visit.change({ from: null, to: null, version: null })), body);
  let shown = '';
  visit.watch(async ({ parameters }) => {
    const [version, from, to] = ['version', 'from', 'to'].map((name) => parameters.get(name));
    const name = `${version} ${from} ${to}`;
    if (name === shown) return;
    shown = name;
    node.hidden = !version && !(from && to);
    if (node.hidden) return;
    replace(title, version ? `Version ${version}` : `Changes from version ${from} to ${to}`);
    try {
      const path = version ? `config/${id}/versions/${version}` : `config/${id}/diff`;
      const { text } = await askText({ path, parameters: version ? {} : { from, to }, accept: 'text/plain', signal: visit.signal });
      const view = version ? element('pre', { class: 'statement', tabindex: '0' }, text) : diffView(text || 'The versions are the same.');
      if (name === shown) replace(body, view);
    } catch (problem) {
      if (name === shown) replace(body, problemNotice(problem));
    }
  });
  return node;
}
