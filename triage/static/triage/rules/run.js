// "Run this case": the test case as it stands on the page, against the rules as they would be released now.

import { ask, button, el } from "./page.js";

const field = (name) => document.querySelector(`[name="${name}"]`);
const lines = (name) => (field(name)?.value ?? "").split("\n").map((line) => line.trim()).filter(Boolean);

function theCase() {
  const abstain = field("expected_abstain")?.value;
  return {
    kind: field("kind")?.value ?? "",
    facts: JSON.parse(field("facts")?.value || "{}"),
    findings_present: lines("findings_present"), findings_absent: lines("findings_absent"),
    expected_level: field("expected_level")?.value ?? "", expected_rules: lines("expected_rules"),
    expected_first: field("expected_first")?.value || null,
    expected_abstain: abstain === "true" ? true : abstain === "false" ? false : null,
    acceptable: lines("acceptable"), must_not_miss: lines("must_not_miss"),
  };
}

const list = (items) => el("ul", {}, items.map((item) => el("li", {}, item)));

function verdict(found) {
  if (found.message) return [el("p", { class: "problem" }, found.message)];
  const icon = el("span", { class: "material-symbols-outlined", "aria-hidden": "true" }, found.agrees ? "check_circle" : "cancel");
  const head = el("p", { class: `said ${found.agrees ? "yes" : "wrong"}` }, icon, found.agrees ? "Agrees with what is expected." : "Does not agree with what is expected.");
  const answer = found.ranking ? ranked(found) : triaged(found);
  return [head, ...(found.problems.length ? [list(found.problems)] : []), ...answer];
}

function triaged(found) {
  const rules = found.rules.map((rule) => [el("strong", {}, rule.title), ` (${rule.level}): ${rule.because.join("; ")}`]);
  return [
    el("p", {}, "The rules say: ", el("span", { class: `level level-${found.level_id.replaceAll("_", "-")}` }, found.level), ` ${found.timeframe}${found.provisional ? ", provisional: facts are missing" : ""}`),
    rules.length ? list(rules) : el("p", {}, "No rule fires."),
  ];
}

function ranked(found) {
  const rows = found.ranking.map((each) => `${each.name}: ${each.percent} % (${each.band})`);
  return [el("p", {}, found.abstained ? `It does not answer yet: ${found.abstain_reason ?? ""}` : "The ranking:"), list(rows)];
}

for (const place of document.querySelectorAll("[data-run]")) {
  const result = el("div", { role: "status", "aria-live": "polite" });
  const start = button("Run this case as it stands here", async () => {
    start.disabled = true;
    try {
      result.replaceChildren(...verdict((await ask(place.dataset.run, theCase())).found));
    } catch {
      result.replaceChildren(el("p", { class: "problem" }, "The facts cannot be read as JSON."));
    }
    start.disabled = false;
  }, { icon: "play_arrow", text: "Run this case" });
  place.replaceChildren(el("div", { class: "criteria-bar" }, start), result);
  start.click();
}

// Only what the chosen kind of case expects is shown.
const sections = { triage: field("expected_level")?.closest("fieldset"), differential: field("expected_first")?.closest("fieldset") };
const arrange = () => {
  for (const [kind, section] of Object.entries(sections)) section?.classList.toggle("behind", field("kind").value !== kind);
};
if (field("kind")) {
  field("kind").addEventListener("change", arrange);
  arrange();
}
