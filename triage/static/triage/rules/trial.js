// "Try it": a patient's facts against the rule as it stands on the page, saved or not.

import { Facts } from "./facts.js";
import { button, el } from "./page.js";
import { factsOf } from "./tree.js";

const LOOKS = { fires: ["notifications_active", "yes"], silent: ["notifications_off", "no"], unknown: ["help", "unknown"], unreadable: ["error", "no"] };

export function startTrial(place, page) {
  const verdict = el("div", { class: "verdict", role: "status", "aria-live": "polite" });
  const editor = new Facts({ vocabulary: page.words, facts: {}, label: "Facts to try the rule with", free: false, changed: () => page.check() });
  const cases = [...page.facts.entries()].filter(([name]) => name.endsWith("match_case"));
  const load = cases.map(([name, { field }]) => {
    const which = name === "match_case" ? "the case that must fire" : "the case that must not";
    return button(`Try ${which}`, () => take(field), { text: `Try ${which}` });
  });
  const keep = cases.map(([name, { field }]) => {
    const which = name === "match_case" ? "must fire" : "must not fire";
    return button(`Keep these facts as the case that ${which}`, () => store(field), { text: `Keep as: ${which}` });
  });
  const clear = button("Clear all facts", () => set({}), { text: "Clear" });
  place.replaceChildren(editor.element, verdict, el("div", { class: "criteria-bar" }, load, keep, clear));

  function set(facts) {
    editor.facts = facts;
    editor.added = [];
    editor.render();
    page.check();
  }

  function take(field) {
    try {
      set(JSON.parse(field.value || "{}"));
    } catch {
      fail("That case cannot be read.");
    }
  }

  function store(field) {
    field.value = JSON.stringify(editor.facts, null, 2);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    verdict.append(el("p", { class: "quiet" }, "Kept below, in the test cases of the rule."));
  }

  function fail(message) {
    verdict.replaceChildren(el("p", { class: "problem" }, message));
  }

  function wanted() {
    const names = [...new Set(page.builders.flatMap((builder) => factsOf(builder.root)))].filter((name) => page.words.facts.has(name));
    if (names.join() === editor.always.join()) return;
    editor.always = names;
    editor.render();
  }

  function show(found, problems) {
    if (!found) {
      const why = problems ? "Complete the rule first; what is missing is marked." : "Build the rule first.";
      return verdict.replaceChildren(el("p", { class: "quiet" }, why));
    }
    editor.show(found.fact_errors ?? {});
    const [icon, look] = LOOKS[found.state];
    const known = Object.keys(editor.facts).length > 0 || found.state === "fires";
    const because = (found.because ?? []).map((text) => el("li", {}, text));
    const missing = (found.missing ?? []).map((each) => el("li", {}, each.question));
    verdict.replaceChildren(
      el("p", { class: `said ${known ? look : "unknown"}` }, el("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, icon), found.said),
      ...(because.length ? [el("p", {}, "Decided by:"), el("ul", {}, because)] : []),
      ...(missing.length ? [el("p", {}, found.state === "fires" ? "It would be asked:" : "Missing, it would be asked:"), el("ul", {}, missing)] : []),
    );
  }

  wanted();
  return { facts: () => editor.facts, wanted, show, fail };
}
