// The matrix of findings and conditions: a grid that is edited with the keyboard or the mouse and saved once.

import { ask, button, el, later, select } from "./rules/page.js";

const KEYS = { a: "always", o: "often", s: "sometimes", r: "rarely", n: "never", Delete: "", Backspace: "" };
const LETTERS = { always: "A", often: "O", sometimes: "S", rarely: "R", never: "N", "": "" };
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-10, 0], PageDown: [10, 0] };
const said = (word) => word || "blank";

class Grid {
  constructor(place, data, mayEdit) {
    Object.assign(this, { data, mayEdit });
    this.base = structuredClone(data.cells); // what the server has, as far as this page knows
    this.pending = new Map(); // "condition/finding" -> word
    this.past = [];
    this.conflicts = new Map(); // the same key -> what somebody else stored
    this.at = null; // the cell that has the keyboard
    this.build(place);
    this.filter();
    window.addEventListener("beforeunload", (event) => this.pending.size && event.preventDefault());
  }

  // --- The page --------------------------------------------------------------------------------------
  build(place) {
    const refilter = later(120, () => this.filter());
    const search = (label) => el("input", { type: "search", placeholder: label, "aria-label": label, oninput: refilter });
    this.findingSearch = search("Filter findings");
    this.conditionSearch = search("Filter conditions");
    this.category = select("Category of condition", this.data.categories, "", refilter, { empty: "All categories" });
    this.onlyFilled = el("input", { type: "checkbox", onchange: refilter });
    this.onlyChanged = el("input", { type: "checkbox", onchange: refilter });
    this.status = el("p", { class: "grid-status", role: "status", "aria-live": "polite" });
    this.info = el("p", { class: "grid-info", "aria-live": "polite" }, "Choose a cell.");
    this.saveButton = button("Save all changes", () => this.confirm(), { text: "Save", class: "primary", disabled: true });
    this.undoButton = button("Undo the last change (Ctrl + Z)", () => this.undo(), { icon: "undo", text: "Undo", disabled: true });
    this.dialog = el("dialog", { class: "grid-dialog", "aria-label": "Confirm the changes" });
    this.trouble = el("div", { class: "grid-conflicts", role: "alert", hidden: true });
    this.table = el("table", { role: "grid", "aria-label": "How often each finding occurs in each condition" });
    this.draw();
    place.replaceChildren(
      el("div", { class: "grid-bar" }, this.findingSearch, this.conditionSearch, this.category,
        el("label", {}, this.onlyFilled, " Findings with an entry"), el("label", {}, this.onlyChanged, " Only changed")),
      el("div", { class: "grid-bar" }, this.palette(), this.info, this.undoButton, this.saveButton),
      this.status, this.trouble, el("div", { class: "grid-frame" }, this.table), this.dialog);
  }

  palette() {
    const words = [...this.data.words, ""];
    const faces = words.map((word) => button(`Set to ${said(word)}`, () => this.at && this.set(this.at, word, true),
      { text: said(word), class: `word ${word}`, disabled: !this.mayEdit }));
    return el("span", { class: "palette", role: "group", "aria-label": "Set the chosen cell" }, faces);
  }

  draw() {
    const heads = this.data.conditions.map((condition) =>
      el("th", { scope: "col", "data-condition": condition.id, title: condition.name }, el("span", {}, condition.name)));
    const body = [];
    let group = "";
    for (const finding of this.data.findings) {
      if (finding.group !== group) body.push(this.groupRow((group = finding.group)));
      body.push(this.findingRow(finding));
    }
    this.table.replaceChildren(el("thead", {}, el("tr", {}, el("th", { class: "corner" }, "Finding"), heads)), el("tbody", {}, body));
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => event.target.dataset.cell && this.choose(event.target));
    this.table.addEventListener("mousedown", (event) => event.target.closest("td")?.focus());
    this.table.querySelector("td[data-cell]")?.setAttribute("tabindex", "0");
  }

  groupRow(group) {
    return el("tr", { class: "grid-group", "data-group": group }, el("th", { scope: "rowgroup" }, group),
      el("td", { colspan: this.data.conditions.length }));
  }

  findingRow(finding) {
    const cells = this.data.conditions.map((condition) => this.face(
      el("td", { role: "gridcell", tabindex: "-1", "data-cell": `${condition.id}/${finding.id}` })));
    return el("tr", { "data-finding": finding.id, "data-of": finding.group },
      el("th", { scope: "row", title: `${finding.question} In anybody: ${finding.background}.` }, finding.name), cells);
  }

  /** How a cell looks: its letter, its colour, and whether it is changed or disputed. */
  face(cell) {
    const key = cell.dataset.cell;
    const word = this.value(key);
    cell.textContent = LETTERS[word];
    cell.className = word;
    cell.classList.toggle("changed", this.pending.has(key));
    cell.classList.toggle("conflict", this.conflicts.has(key));
    const [condition, finding] = this.names(key);
    cell.setAttribute("aria-label", `${finding} in ${condition}: ${said(word)}${this.pending.has(key) ? ", changed" : ""}`);
    return cell;
  }

  names(key) {
    const [condition, finding] = key.split("/");
    this.conditionNames ??= new Map(this.data.conditions.map((each) => [each.id, each.name]));
    this.findingNames ??= new Map(this.data.findings.map((each) => [each.id, each.name]));
    return [this.conditionNames.get(condition) ?? condition, this.findingNames.get(finding) ?? finding];
  }

  cell(key) {
    return this.table.querySelector(`[data-cell="${key}"]`);
  }

  // --- Values ----------------------------------------------------------------------------------------
  stored(key) {
    const [condition, finding] = key.split("/");
    return this.base[condition]?.[finding] ?? "";
  }

  value(key) {
    return this.pending.has(key) ? this.pending.get(key) : this.stored(key);
  }

  set(key, word, refocus = false) {
    if (!this.mayEdit || this.value(key) === word) return;
    this.past.push([key, this.value(key)]);
    this.put(key, word);
    if (refocus) this.cell(key).focus();
  }

  put(key, word) {
    if (word === this.stored(key)) this.pending.delete(key);
    else this.pending.set(key, word);
    this.face(this.cell(key));
    this.report();
  }

  undo() {
    const last = this.past.pop();
    if (!last) return;
    this.put(...last);
    this.cell(last[0]).focus();
  }

  report() {
    const count = this.pending.size;
    this.undoButton.disabled = !this.past.length;
    this.saveButton.disabled = !count || this.conflicts.size > 0;
    this.saveButton.textContent = count ? `Save ${count} ${count === 1 ? "change" : "changes"}` : "Save";
    if (this.at) this.choose(this.cell(this.at));
  }

  // --- Moving ----------------------------------------------------------------------------------------
  choose(cell) {
    if (this.at && this.at !== cell.dataset.cell) this.cell(this.at)?.setAttribute("tabindex", "-1");
    this.at = cell.dataset.cell;
    cell.setAttribute("tabindex", "0");
    const [condition, finding] = this.names(this.at);
    const before = this.pending.has(this.at) ? ` (was ${said(this.stored(this.at))})` : "";
    this.info.replaceChildren(el("strong", {}, finding), ` in ${condition}: `, el("strong", {}, said(this.value(this.at))), before);
    for (const old of this.table.querySelectorAll("th.here")) old.classList.remove("here");
    cell.parentElement.firstElementChild.classList.add("here");
    this.table.querySelector(`thead [data-condition="${this.at.split("/")[0]}"]`)?.classList.add("here");
  }

  key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      return this.undo();
    }
    const cell = event.target.closest("[data-cell]");
    if (!cell || event.altKey || event.metaKey) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.key in STEPS || event.key === "Home" || event.key === "End") this.step(cell, event);
    else if (name in KEYS && !event.ctrlKey) this.set(cell.dataset.cell, KEYS[name]);
    else return;
    event.preventDefault();
  }

  step(cell, event) {
    const rows = [...this.table.querySelectorAll("tbody tr[data-finding]:not([hidden])")];
    const columns = [...rows[0].querySelectorAll("td:not([hidden])")].map((each) => each.dataset.cell.split("/")[0]);
    const [condition] = cell.dataset.cell.split("/");
    let row = rows.indexOf(cell.parentElement);
    let column = columns.indexOf(condition);
    if (event.key === "Home") [row, column] = [event.ctrlKey ? 0 : row, 0];
    else if (event.key === "End") [row, column] = [event.ctrlKey ? rows.length - 1 : row, columns.length - 1];
    else [row, column] = [row + STEPS[event.key][0], column + STEPS[event.key][1]];
    row = Math.max(0, Math.min(rows.length - 1, row));
    column = Math.max(0, Math.min(columns.length - 1, column));
    const goal = this.cell(`${columns[column]}/${rows[row].dataset.finding}`);
    goal.focus({ preventScroll: true });
    goal.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  filter() {
    const has = (text, search) => text.toLowerCase().includes(search.value.trim().toLowerCase());
    const changed = this.onlyChanged.checked ? [...this.pending.keys()].map((key) => key.split("/")) : null;
    const conditions = this.data.conditions.filter((each) =>
      has(each.name, this.conditionSearch) && (!this.category.value || each.category === this.category.value) &&
      (!changed || changed.some(([condition]) => condition === each.id)));
    const shown = new Set(conditions.map((each) => each.id));
    const filled = (finding) => conditions.some((each) => this.value(`${each.id}/${finding.id}`));
    const findings = new Set(this.data.findings.filter((each) =>
      (has(each.name, this.findingSearch) || has(each.group, this.findingSearch)) && (!this.onlyFilled.checked || filled(each)) &&
      (!changed || changed.some(([, finding]) => finding === each.id))).map((each) => each.id));
    for (const head of this.table.querySelectorAll("thead [data-condition]")) head.hidden = !shown.has(head.dataset.condition);
    const groups = new Set();
    for (const row of this.table.querySelectorAll("tr[data-finding]")) {
      row.hidden = !findings.has(row.dataset.finding);
      if (!row.hidden) groups.add(row.dataset.of);
      for (const cell of row.cells) if (cell.dataset.cell) cell.hidden = !shown.has(cell.dataset.cell.split("/")[0]);
    }
    for (const row of this.table.querySelectorAll("tr[data-group]")) row.hidden = !groups.has(row.dataset.group);
    const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
    this.status.textContent = `${count(findings.size, "finding")} in ${count(shown.size, "condition")}`;
  }

  // --- Saving ----------------------------------------------------------------------------------------
  confirm() {
    const lines = [...this.pending].map(([key, word]) => {
      const [condition, finding] = this.names(key);
      return el("tr", {}, el("td", {}, condition), el("td", {}, finding), el("td", {}, said(this.stored(key))), el("td", {}, el("strong", {}, said(word))));
    });
    this.dialog.replaceChildren(
      el("h2", {}, `Save ${lines.length} ${lines.length === 1 ? "change" : "changes"}?`),
      el("p", {}, "They take effect with the next release that another supervisor approves."),
      el("div", { class: "grid-changes" }, el("table", {}, el("thead", {}, el("tr", {}, ["Condition", "Finding", "Before", "After"].map((each) => el("th", {}, each)))), el("tbody", {}, lines))),
      el("div", { class: "grid-bar" }, button("Back", () => this.dialog.close(), { text: "Back" }), el("span", { class: "grow" }),
        button("Yes, save", () => this.save(), { text: "Yes, save", class: "primary", autofocus: true })));
    this.dialog.showModal();
  }

  async save() {
    const changes = [...this.pending].map(([key, after]) => {
      const [condition, finding] = key.split("/");
      return { condition, finding, before: this.stored(key), after };
    });
    const { ok, found } = await ask(location.pathname, { changes });
    this.dialog.close();
    if (!ok) return this.refused(found);
    for (const { condition, finding, after } of changes) {
      this.base[condition] ??= {};
      if (after) this.base[condition][finding] = after;
      else delete this.base[condition][finding];
    }
    const keys = [...this.pending.keys()];
    this.pending.clear();
    this.past = [];
    keys.forEach((key) => this.face(this.cell(key)));
    this.report();
    this.status.textContent = `Saved ${found.saved} ${found.saved === 1 ? "change" : "changes"}.`;
  }

  /** What somebody else stored becomes the base; each dispute is settled by hand before the next save. */
  refused(found) {
    for (const { place, now } of found.conflicts ?? []) {
      const [condition, finding] = place.split("/");
      if (!this.base[condition]) continue;
      if (now) this.base[condition][finding] = now;
      else delete this.base[condition][finding];
      this.conflicts.set(place, now);
    }
    this.showConflicts(found.message);
  }

  showConflicts(message = "") {
    const rows = [...this.conflicts].map(([key, now]) => {
      const [condition, finding] = this.names(key);
      const settle = (word) => {
        this.conflicts.delete(key);
        this.put(key, word);
        this.showConflicts(message);
      };
      const mine = this.value(key);
      return el("li", {}, `${finding} in ${condition}: somebody else set it to `, el("strong", {}, said(now)), ", you to ", el("strong", {}, said(mine)), ". ",
        button("Take theirs", () => settle(now), { text: "Take theirs" }), button("Keep mine", () => settle(mine), { text: "Keep mine" }));
    });
    this.trouble.hidden = !rows.length && !message;
    if (!rows.length && this.pending.size && message) message = "Settled. Save again when you are ready.";
    this.trouble.replaceChildren(el("p", {}, message), el("ul", {}, rows));
    for (const key of this.conflicts.keys()) this.face(this.cell(key));
    this.report();
  }
}

const place = document.querySelector("[data-frequencies]");
new Grid(place.querySelector("[data-place]"), JSON.parse(document.getElementById("grid-data").textContent), place.dataset.mayEdit === "yes");
