// Puts the controls in place of the text areas of a form, and keeps words, errors and trial up to date.

import { Builder } from "./builder.js";
import { chips } from "./controls.js";
import { Facts } from "./facts.js";
import { ask, el, later, vocabulary } from "./page.js";
import { startTrial } from "./trial.js";
import { inPlaceOf, parsed, put } from "./textual.js";
import { factsOf, read, write } from "./tree.js";

const WAIT = 250; // milliseconds after the last key before the server is asked

async function start() {
  const fields = [...document.querySelectorAll("textarea[data-criteria], textarea[data-facts], textarea[data-codes]")];
  if (!fields.length) return;
  const words = await vocabulary(fields[0].dataset.vocabulary);
  const page = { words, builders: [], trial: null, facts: new Map(), url: fields[0].dataset.examine };
  const check = later(WAIT, () => examine(page));
  page.check = check;
  for (const field of fields) {
    if ("criteria" in field.dataset) criteria(field, page);
    else if ("facts" in field.dataset) facts(field, page);
    else codes(field, page);
  }
  const place = document.querySelector("[data-try]");
  if (place && page.builders.length) page.trial = startTrial(place, page);
  if (page.builders.length) examine(page);
  document.addEventListener("keydown", saveByKey);
}

/** Ctrl + S saves and stays, so that nobody has to pass every control of a long rule. */
function saveByKey(event) {
  const save = document.querySelector('button[name="_continue"]');
  if (!save || event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  save.click();
}

function labelOf(field) {
  return document.querySelector(`label[for="${field.id}"]`)?.textContent.trim().replace(/[:*\s]+$/, "") ?? field.name;
}

function criteria(field, page) {
  const name = field.dataset.criteria;
  const builder = new Builder({
    field, name, title: labelOf(field), vocabulary: page.words, root: read(null),
    changed: () => {
      put(field, builder.json());
      page.trial?.wanted();
      page.check();
    },
  });
  page.builders.push(builder);
  inPlaceOf(field, builder.element, builder.bar, {
    what: "this rule",
    take: (text, first) => {
      const root = read(parsed(text));
      if (JSON.stringify(write(root)) === JSON.stringify(builder.json())) return;
      if (first) {
        builder.root = root;
        builder.render(null);
        return;
      }
      builder.past.push(structuredClone(builder.root));
      builder.root = root;
      builder.render(null);
      page.trial?.wanted();
      page.check();
    },
  });
}

function facts(field, page) {
  const editor = new Facts({
    vocabulary: page.words, facts: {}, label: labelOf(field),
    changed: (now) => put(field, Object.keys(now).length ? now : {}),
  });
  const bar = el("div", { class: "criteria-bar" });
  const control = el("div", { class: "enhanced" }, editor.element, bar);
  page.facts.set(field.name, { editor, field });
  inPlaceOf(field, control, bar, {
    what: "these facts",
    take: (text) => {
      const found = parsed(text) ?? {};
      if (typeof found !== "object" || Array.isArray(found)) throw new Error("not facts");
      editor.facts = found;
      editor.added = [];
      editor.render();
    },
  });
}

function codes(field, page) {
  const pairs = page.words.codes[field.dataset.codes];
  if (!pairs) return;
  const place = el("div", { class: "code-list" });
  const bar = el("div", { class: "criteria-bar" });
  const control = el("div", { class: "enhanced" }, place, bar);
  const draw = (values, focus) => {
    place.replaceChildren(chips(labelOf(field), pairs, values, field.name, (next) => {
      put(field, next.join("\n"));
      draw(next, true);
    }));
    if (focus) place.querySelector("select")?.focus();
  };
  inPlaceOf(field, control, bar, {
    what: "this list",
    take: (text) => draw(text.split("\n").map((line) => line.trim()).filter(Boolean)),
  });
}

/** Ask the server what the rule says, lacks and answers; a late answer to an old question is dropped. */
async function examine(page) {
  const question = (page.question = (page.question ?? 0) + 1);
  const parts = Object.fromEntries(page.builders.map((builder) => [builder.name, builder.json()]));
  const { ok, found } = await ask(page.url, { parts, facts: page.trial?.facts() ?? {} });
  if (question !== page.question) return;
  if (!ok) return page.trial?.fail(found.message);
  const values = found.verdict?.nodes ?? {};
  const tried = page.trial && Object.keys(page.trial.facts()).length > 0;
  for (const builder of page.builders) {
    const own = ({ path }) => path === builder.name || path.startsWith(`${builder.name}.`);
    builder.show(found.errors.filter(own), tried ? Object.fromEntries(Object.entries(values).filter(([path]) => own({ path }))) : {});
  }
  say(found.words, found.errors);
  page.trial?.show(found.verdict, found.errors.length);
}

function say(words, errors) {
  const place = document.querySelector("[data-rule-words]");
  if (!place) return;
  const lines = [...(words.when ?? [])];
  if (words.unless) lines.push({ indent: 0, text: "Unless:", head: true }, ...words.unless.map((line) => ({ ...line, indent: line.indent + 1 })));
  const drawn = lines.map(({ indent, text, head }) => el("div", { class: head ? "head" : "", style: `padding-left: ${indent * 1.1}rem` }, text));
  const left = errors.length ? el("div", { class: "problem" }, `${errors.length === 1 ? "A part is" : `${errors.length} parts are`} not complete yet and not in these words.`) : null;
  place.replaceChildren(...(drawn.length ? drawn : [el("div", { class: "quiet" }, "Nothing yet: add a condition.")]), ...(left ? [left] : []));
}

export const usedFacts = (page) => [...new Set(page.builders.flatMap((builder) => factsOf(builder.root)))];

start();
