// Small helpers for building a page by hand, and for asking the server.

/** An element: attributes, on* listeners, children (nodes, texts, nothing). */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A button that never submits the form; `icon` is a Material symbol, `name` what it does. */
export function button(name, onclick, { icon = "", text = "", ...rest } = {}) {
  const face = icon ? el("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, icon) : null;
  const attributes = { type: "button", title: name, onclick, ...rest };
  if (!text) attributes["aria-label"] = name;
  return el("button", attributes, face, text);
}

export function option(value, label, selected) {
  const made = el("option", { value }, label);
  made.selected = selected;
  return made;
}

/** A select of [value, label] pairs; a value that is not among them stays visible as it is. */
export function select(label, pairs, value, onchange, { empty = "", key = "", kind = "pick" } = {}) {
  const known = pairs.some(([each]) => each === value);
  const lost = !known && value ? [option(value, `${value} (unknown)`, true)] : [];
  const first = empty ? [option("", empty, !value)] : [];
  return el(
    "select",
    { "aria-label": label, class: kind, "data-key": key, onchange: (event) => onchange(event.target.value) },
    first,
    lost,
    pairs.map(([each, text]) => option(each, text, each === value)),
  );
}

/** A select that adds what is chosen. On a closed list every key changes the choice, so the keyboard adds
 * with Enter; the mouse adds at once. */
export function adder(label, pairs, empty, key, add) {
  let typing = false;
  const made = select(label, pairs, "", (value) => !typing && value && add(value), { empty, key, kind: "add" });
  made.title = "Enter adds what is chosen";
  made.addEventListener("keydown", (event) => {
    typing = event.key !== "Enter";
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (made.value) add(made.value);
  });
  made.addEventListener("mousedown", () => { typing = false; });
  return made;
}

export const words = (id) => String(id).replaceAll("_", " ");

export function later(wait, call) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), wait);
  };
}

export async function ask(url, body) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
    body: JSON.stringify(body),
  });
  const found = await answer.json().catch(() => ({ message: `The server answered ${answer.status}.` }));
  return { ok: answer.ok, status: answer.status, found };
}

const vocabularies = new Map();

/** Facts (a Map by name) and the ids with their names; fetched once per page. */
export function vocabulary(url) {
  if (!vocabularies.has(url)) vocabularies.set(url, fetch(url).then((answer) => answer.json()).then(arranged));
  return vocabularies.get(url);
}

function arranged(raw) {
  const named = Object.entries(raw.codes).map(([kind, pairs]) => [kind, new Map(pairs)]);
  return { facts: new Map(raw.facts.map((fact) => [fact.name, fact])), codes: raw.codes, names: Object.fromEntries(named) };
}
