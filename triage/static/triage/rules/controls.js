// The right input for each type of fact; the rule builder, "try it" and test cases use the same ones.

import { adder, button, el, select, words } from "./page.js";

export const isNumber = (fact) => fact.kind === "integer" || fact.kind === "number";

const OPERATORS = {
  eq: "is", ne: "is not", gt: "is more than", gte: "is at least", lt: "is less than", lte: "is at most",
  in: "is one of", contains: "include", contains_any: "include any of", is_unknown: "is not known",
};

export const severalValues = (op) => op === "in" || op === "contains_any";

/** What a new test of `fact` starts with. */
export function firstGuess(fact) {
  if (fact.kind === "boolean") return { op: "eq", value: true };
  if (isNumber(fact)) return { op: "gte", value: undefined };
  return fact.kind === "choices" ? { op: "contains_any", value: [] } : { op: "in", value: [] };
}

export const operators = (fact) => fact.ops.map((op) => [op, OPERATORS[op] ?? op]);

export function pairsOf(fact, vocabulary) {
  return fact.kind === "condition" ? vocabulary.codes.condition : fact.choices;
}

/** The value of a test that is not a boolean. */
export function valueControl(fact, op, value, vocabulary, key, onchange) {
  const label = `${fact.label}: value`;
  if (op === "is_unknown") return null;
  if (isNumber(fact)) return numberControl(fact, value, label, key, onchange);
  const pairs = pairsOf(fact, vocabulary);
  if (severalValues(op)) return chips(fact.label, pairs, Array.isArray(value) ? value : [], key, onchange);
  return select(label, pairs, value ?? "", (each) => onchange(each || undefined), { empty: "Choose one", key });
}

export function numberControl(fact, value, label, key, onchange) {
  const hint = el("span", { class: "hint" });
  const input = el("input", {
    type: "number", "aria-label": fact.unit ? `${label} (${fact.unit})` : label, "data-key": key,
    min: fact.low, max: fact.high, step: fact.kind === "integer" ? 1 : "any", value: value ?? "",
    title: `From ${fact.low} to ${fact.high} ${fact.unit}`.trim(),
    oninput: (event) => {
      const text = event.target.value;
      const number = text === "" ? undefined : Number(text);
      hint.textContent = inYears(fact, number);
      onchange(number);
    },
  });
  hint.textContent = inYears(fact, value);
  return el("span", { class: "number" }, input, el("span", { class: "unit" }, fact.unit), hint);
}

function inYears(fact, months) {
  if (fact.name !== "age_months" || !Number.isFinite(months) || months < 12) return "";
  const years = Math.floor(months / 12);
  const rest = months % 12;
  return `= ${years} ${years === 1 ? "year" : "years"}${rest ? ` ${rest} months` : ""}`;
}

/** Several values: each with a button to take it away, and a list to add one. */
export function chips(label, pairs, values, key, onchange) {
  const names = new Map(pairs);
  const chosen = values.map((value) =>
    el("span", { class: names.has(value) ? "chip" : "chip wrong" }, names.get(value) ?? words(value),
      button(`Take ${names.get(value) ?? value} away`, () => onchange(values.filter((each) => each !== value), key), { icon: "close" })),
  );
  const left = pairs.filter(([value]) => !values.includes(value));
  const add = adder(`${label}: add one`, left, values.length ? "Add another" : "Choose", key, (value) => onchange([...values, value], key));
  return el("span", { class: "chips" }, chosen, add);
}

/** A known or unknown value of a fact, as a patient's case has it. */
export function factControl(fact, value, vocabulary, key, onchange) {
  const label = fact.question || fact.label;
  if (fact.kind === "boolean") {
    const now = value === undefined || value === null ? "" : String(value);
    return select(label, [["true", "Yes"], ["false", "No"]], now, (each) => onchange(each ? each === "true" : undefined), {
      empty: "Not known", key,
    });
  }
  if (isNumber(fact)) return numberControl(fact, value, label, key, onchange);
  const pairs = pairsOf(fact, vocabulary);
  if (fact.kind === "choices") {
    return chips(fact.label, pairs, value ?? [], key, (each) => onchange(each.length ? each : undefined, key));
  }
  return select(label, pairs, value ?? "", (each) => onchange(each || undefined), { empty: "Not known", key });
}
