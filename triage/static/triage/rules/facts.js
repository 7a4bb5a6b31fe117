// Facts of a case: a row per fact with the right input. Used by test cases and by "try it".

import { factControl } from "./controls.js";
import { adder, button, el } from "./page.js";

export class Facts {
  /** `facts`: name -> value. `always`: names shown even when unknown. `free`: others may be added. */
  constructor({ vocabulary, facts, changed, label, always = [], free = true }) {
    Object.assign(this, { vocabulary, facts, changed, label, always, free, problems: {}, added: [] });
    this.element = el("div", { class: "facts", role: "group", "aria-label": label });
    this.render();
  }

  names() {
    return [...new Set([...this.always, ...Object.keys(this.facts), ...this.added])];
  }

  set(name, value, key) {
    const facts = { ...this.facts };
    if (value === undefined) delete facts[name];
    else facts[name] = value;
    if (value === undefined && !this.added.includes(name)) this.added.push(name);
    this.facts = facts;
    if (key) this.render(key);
    this.changed(facts);
  }

  drop(name) {
    this.added = this.added.filter((each) => each !== name);
    const { [name]: _, ...rest } = this.facts;
    this.facts = rest;
    this.render("add");
    this.changed(rest);
  }

  render(focus = null) {
    const add = this.free ? this.adder() : null;
    this.element.replaceChildren(...this.names().map((name) => this.row(name)), ...(add ? [add] : []));
    if (focus) this.element.querySelector(`[data-key="${focus}"]`)?.focus();
  }

  row(name) {
    const fact = this.vocabulary.facts.get(name);
    const problem = el("span", { class: "problem", "data-problem": name, hidden: !this.problems[name] }, this.problems[name] ?? "");
    const away = this.free && !this.always.includes(name) ? button(`Take ${fact?.label ?? name} away`, () => this.drop(name), { icon: "close" }) : null;
    const control = fact
      ? factControl(fact, this.facts[name], this.vocabulary, name, (value, key) => this.set(name, value, key))
      : el("code", {}, JSON.stringify(this.facts[name]));
    return el("div", { class: "fact-row", title: fact?.question ?? "" }, el("span", { class: "fact-label" }, fact?.label ?? `${name} (unknown)`), control, away, problem);
  }

  adder() {
    const shown = new Set(this.names());
    const pairs = [...this.vocabulary.facts.values()].filter((fact) => !shown.has(fact.name)).map((fact) => [fact.name, fact.label]);
    pairs.sort((a, b) => a[1].localeCompare(b[1]));
    const pick = (name) => {
      this.added.push(name);
      this.render(name);
    };
    return el("div", { class: "fact-row" }, adder("Add a fact", pairs, "Add a fact", "add", pick));
  }

  /** Messages of the server, name -> sentence. */
  show(problems) {
    this.problems = problems;
    for (const place of this.element.querySelectorAll("[data-problem]")) {
      const message = problems[place.dataset.problem] ?? "";
      place.textContent = message;
      place.hidden = !message;
    }
  }
}
