// The rule builder: groups and conditions as rows, edited in place, rearranged by buttons and keys.

import { firstGuess, operators, severalValues, valueControl } from "./controls.js";
import { button, el, select } from "./page.js";
import * as tree from "./tree.js";

const KINDS = [["all", "All of these"], ["any", "Any of these"], ["not", "None of these"]];
const BETWEEN = { all: "and", any: "or", not: "nor" };
const MARKS = { true: ["check_circle", "True of these facts", "yes"], false: ["cancel", "Not true of these facts", "no"], null: ["help", "Not known", "unknown"] };
const TOOLS = [
  ["Move up (Alt + arrow up)", "arrow_upward", "up"],
  ["Move down (Alt + arrow down)", "arrow_downward", "down"],
  ["Move into the group beside it (Alt + arrow right)", "format_indent_increase", "into"],
  ["Move out of its group (Alt + arrow left)", "format_indent_decrease", "out"],
  ["Put into a new group", "data_object", "wrap"],
  ["Copy", "content_copy", "copy"],
  ["Remove (Alt + Delete)", "delete", "remove"],
];
const KEYS = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "into", ArrowLeft: "out", Delete: "remove", Backspace: "remove" };
const UNDO_KEPT = 200;

export class Builder {
  /** `field`: the text area; `title` names it for screen readers; `changed` is called after every edit. */
  constructor({ field, name, title, vocabulary, root, changed }) {
    Object.assign(this, { field, name, title, vocabulary, root, changed, errors: [], values: {} });
    this.past = [];
    this.future = [];
    this.said = el("p", { class: "sr-only", "aria-live": "polite" });
    // Groups, not lists: each says how it combines its parts, and how many they are.
    this.list = el("ul", { class: "criteria-tree", role: "none" });
    this.undoButton = button("Undo (Ctrl + Z)", () => this.undo(), { icon: "undo", text: "Undo" });
    this.redoButton = button("Redo (Ctrl + Y)", () => this.redo(), { icon: "redo", text: "Redo" });
    this.bar = el("div", { class: "criteria-bar" }, this.undoButton, this.redoButton);
    this.element = el("div", { class: "criteria", role: "group", "aria-label": title, onkeydown: (e) => this.key(e) },
      this.skipper(), this.list, this.bar, this.said);
    this.render();
  }

  /** A long rule has many controls; whoever goes on by the tab key can pass them by. */
  skipper() {
    const skip = () => this.bar.querySelector("button:not(:disabled)")?.focus();
    return button("Skip this rule", skip, { text: `Skip “${this.title}”`, class: "skip" });
  }

  json() {
    return tree.write(this.root);
  }

  // --- Edits ---------------------------------------------------------------------------------------
  /** One step that can be undone. `focus`: the data-key that has the focus afterwards. What is typed into
   * one box is one step. */
  edit(change, { focus = null, said = "", redraw = true, only = null } = {}) {
    if (redraw || this.typing !== focus) this.past.push(structuredClone(this.root));
    if (this.past.length > UNDO_KEPT) this.past.shift();
    this.typing = redraw ? null : focus;
    this.future = [];
    change();
    this.values = {};
    if (redraw && !(only && this.redrawFace(only, focus))) this.render(focus);
    else this.refresh();
    if (said) this.say(said);
    this.changed();
  }

  undo() {
    this.travel(this.past, this.future, "Undone.");
  }

  redo() {
    this.travel(this.future, this.past, "Done again.");
  }

  travel(from, to, said) {
    if (!from.length) return;
    this.typing = null;
    to.push(this.root);
    this.root = from.pop();
    this.values = {};
    this.render(this.focusKey());
    this.say(said);
    this.changed();
  }

  replace(root) {
    this.edit(() => { this.root = root; });
  }

  say(text) {
    this.said.textContent = "";
    requestAnimationFrame(() => { this.said.textContent = text; });
  }

  act(what, id, key) {
    const draft = structuredClone(this.root);
    const done = {
      up: () => tree.move(draft, id, -1), down: () => tree.move(draft, id, 1), into: () => tree.moveInto(draft, id),
      out: () => tree.moveOut(draft, id), wrap: () => tree.wrap(draft, id), copy: () => tree.copy(draft, id),
      remove: () => tree.remove(draft, id),
    }[what]();
    if (!done) return this.say("It cannot go there.");
    const said = done.said ?? done;
    const focus = done.id ? `${done.id}:main` : key ?? `${id}:main`;
    this.edit(() => { this.root = draft; }, { focus, said });
  }

  add(parent, node) {
    this.edit(() => tree.find(this.root, parent.id).node.parts.push(node), {
      focus: `${node.id}:main`, said: tree.isGroup(node) ? "Group added." : "Condition added.",
    });
  }

  key(event) {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "z") {
      event.preventDefault();
      return event.shiftKey ? this.redo() : this.undo();
    }
    if (event.ctrlKey && event.key.toLowerCase() === "y") {
      event.preventDefault();
      return this.redo();
    }
    const row = event.target.closest("[data-id]");
    if (!event.altKey || !row || !KEYS[event.key]) return;
    event.preventDefault();
    this.act(KEYS[event.key], row.dataset.id, this.focusKey());
  }

  focusKey() {
    const focused = document.activeElement;
    return this.element.contains(focused) ? focused.dataset.key ?? null : null;
  }

  // --- The page ------------------------------------------------------------------------------------
  render(focus = this.focusKey()) {
    this.list.replaceChildren(this.row(this.root, 1, null, 0));
    this.refresh();
    if (focus) (this.list.querySelector(`[data-key="${focus}"]`) ?? this.list.querySelector("[data-key]"))?.focus();
  }

  /** A condition's other controls, without touching the one that is being used: a list that is typed
   * into must not be taken away between two letters. False when it is not in use. */
  redrawFace(id, key) {
    const face = this.list.querySelector(`[data-id="${id}"] > .line > .face`);
    const used = document.activeElement;
    if (!face || used.parentElement !== face || used.dataset.key !== key || used.classList.contains("add")) return false;
    const drawn = [...this.testFace(tree.find(this.root, id).node).children];
    const at = drawn.findIndex((each) => each.dataset.key === key);
    for (const old of [...face.children]) if (old !== used) old.remove();
    used.before(...drawn.slice(0, at));
    used.after(...drawn.slice(at + 1));
    return true;
  }

  /** What the server found: errors and answers are put beside their rows without drawing them anew. */
  show(errors, values) {
    const called = (name) => this.vocabulary.facts.get(name)?.label ?? name;
    const said = (message) => message.replace(/^[a-z_]+(?= (lies|takes|is true))/, called);
    this.errors = errors.map(({ path, message }) => ({ path, message: said(message) }));
    this.values = values;
    this.refresh();
  }

  refresh() {
    this.undoButton.disabled = !this.past.length;
    this.redoButton.disabled = !this.future.length;
    const placed = tree.places(this.root, this.name);
    const wrong = new Map();
    for (const { path, message } of this.errors) {
      const id = tree.nodeAt(placed, path);
      if (!wrong.has(id)) wrong.set(id, message);
    }
    const answers = new Map(Object.entries(this.values).map(([path, value]) => [placed.get(path), value]));
    for (const row of this.list.querySelectorAll("[data-id]")) {
      const { node } = tree.find(this.root, row.dataset.id);
      const empty = node === this.root && node.bare && !node.parts.length;
      const message = empty ? "" : tree.lacking(node, this.vocabulary.facts) || wrong.get(node.id) || "";
      const place = row.querySelector(":scope > .problem");
      place.textContent = message;
      place.hidden = !message;
      row.classList.toggle("has-problem", Boolean(message));
      this.mark(row, answers.get(node.id));
    }
  }

  mark(row, value) {
    const place = row.querySelector(":scope > .line > .mark");
    if (value === undefined) return place.replaceChildren();
    const [icon, meaning, look] = MARKS[String(value)];
    place.className = `mark ${look}`;
    place.replaceChildren(el("span", { class: "material-symbols-outlined", title: meaning, role: "img", "aria-label": meaning }, icon));
  }

  row(node, depth, parent, at) {
    const between = at > 0 ? el("span", { class: "between" }, BETWEEN[parent.kind]) : null;
    const face = tree.isGroup(node) ? this.groupFace(node) : this.testFace(node);
    const line = el("div", { class: "line" }, between, el("span", { class: "mark" }), face, parent ? this.tools(node) : null);
    const problem = el("p", { class: "problem", id: `${this.name}-${node.id}-problem`, hidden: true });
    if (!tree.isGroup(node)) return el("li", { class: "test", "data-id": node.id, role: "none" }, line, problem);
    const inner = el("ul", { role: "none" }, node.parts.map((part, i) => this.row(part, depth + 1, node, i)));
    const label = `${KINDS.find(([kind]) => kind === node.kind)[1]}, ${node.parts.length} parts, level ${depth}`;
    return el("li", { class: `group ${node.kind} depth-${depth % 4}`, "data-id": node.id, role: "group", "aria-label": label },
      line, problem, inner, this.adders(node));
  }

  adders(node) {
    return el("div", { class: "adders" },
      button("Add a condition to this group", () => this.add(node, tree.test()), { icon: "add", text: "Condition" }),
      button("Add a group inside this group", () => this.add(node, tree.group(node.kind === "any" ? "all" : "any")), { icon: "add", text: "Group" }));
  }

  /** One stop for the tab key; arrows move inside, as in every toolbar. */
  tools(node) {
    const buttons = TOOLS.map(([name, icon, what], at) => button(name, () => this.act(what, node.id, `${node.id}:${what}`),
      { icon, "data-key": `${node.id}:${what}`, tabindex: at ? "-1" : "0" }));
    const step = (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by || event.altKey) return;
      event.preventDefault();
      buttons[(buttons.indexOf(document.activeElement) + by + buttons.length) % buttons.length].focus();
    };
    return el("span", { class: "tools", role: "toolbar", "aria-label": "Arrange (arrow keys)", onkeydown: step }, buttons);
  }

  groupFace(node) {
    const change = (kind) => this.edit(() => {
      const { node: live } = tree.find(this.root, node.id);
      Object.assign(live, { kind, bare: live.bare && kind === "all" });
    }, { focus: `${node.id}:main`, said: KINDS.find(([each]) => each === kind)[1] });
    return select("How the parts below combine", KINDS, node.kind, change, { key: `${node.id}:main`, kind: "combine" });
  }

  testFace(node) {
    const key = `${node.id}:main`;
    const pairs = [...this.vocabulary.facts.values()].map((fact) => [fact.name, fact.label]).sort((a, b) => a[1].localeCompare(b[1]));
    const fact = this.vocabulary.facts.get(node.fact);
    const change = (name) => this.set(node, { fact: name, ...(name ? firstGuess(this.vocabulary.facts.get(name)) : { op: "eq", value: undefined }) }, key);
    const face = [select("What to look at", pairs, node.fact, change, { empty: "Choose what to look at", key, kind: "fact" })];
    if (fact) face.push(...(fact.kind === "boolean" ? this.booleanFace(node, fact) : this.valueFace(node, fact)));
    return el("span", { class: "face" }, face);
  }

  /** "is" or "is not" and a truth value are one choice for a person, said in the engine's words. */
  booleanFace(node, fact) {
    const now = node.op === "is_unknown" ? "unknown" : String(node.value === (node.op === "eq"));
    const pairs = [["true", `yes: ${fact.yes}`], ["false", `no: ${fact.no}`], ["unknown", "not known"]];
    const change = (each) => this.set(node, each === "unknown" ? { op: "is_unknown", value: undefined } : { op: "eq", value: each === "true" }, `${node.id}:value`);
    return [select(`${fact.label}: answer`, pairs, now, change, { key: `${node.id}:value`, kind: "answer" })];
  }

  valueFace(node, fact) {
    const changeOp = (op) => this.set(node, { op, value: fitting(tree.find(this.root, node.id).node, op) }, `${node.id}:op`);
    const key = `${node.id}:value`;
    const changeValue = (value, redrawn) => this.set(node, { value }, redrawn ?? key, redrawn !== undefined);
    return [
      select(`${fact.label}: comparison`, operators(fact), node.op, changeOp, { key: `${node.id}:op`, kind: "op" }),
      valueControl(fact, node.op, node.value, this.vocabulary, key, changeValue),
    ];
  }

  /** Change a condition. Typing does not redraw, so that the cursor stays where it is. */
  set(node, change, focus, redraw = true) {
    this.edit(() => Object.assign(tree.find(this.root, node.id).node, change), { focus, redraw, only: node.id });
  }
}

/** The value that survives another operator. */
function fitting(node, op) {
  if (op === "is_unknown") return undefined;
  if (severalValues(op)) return Array.isArray(node.value) ? node.value : node.value === undefined ? [] : [node.value];
  return Array.isArray(node.value) ? node.value[0] : node.value;
}
