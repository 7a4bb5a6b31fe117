// Exported rules under json-logic-js: which of them are true of each set of facts.
// In:  {"rules": [expression, ...], "facts": [{...}, ...]}   Out: ["0110...", ...], one text per set.
import jsonLogic from "json-logic-js";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { rules, facts } = JSON.parse(text);
const answers = facts.map((known) =>
  rules.map((rule) => (jsonLogic.truthy(jsonLogic.apply(rule, known)) ? "1" : "0")).join(""),
);
process.stdout.write(JSON.stringify(answers));
