// What an app does without a network: check the bundle's signature, then triage by its rules alone.
// Reads {bundle, key, cases: [{id, facts}]} from standard input, writes {signature, levels: {id: {level, rules}}}.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import canonicalize from "canonicalize";
import jsonLogic from "json-logic-js";

const SPKI_ED25519 = Buffer.from("302a300506032b6570032100", "hex");

function signatureHolds(bundle, key) {
    const { signature, ...rest } = bundle;
    const der = Buffer.concat([SPKI_ED25519, Buffer.from(key, "base64")]);
    const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
    const signed = Buffer.from(canonicalize(rest), "utf8");
    return verify(null, signed, publicKey, Buffer.from(signature.value, "base64"));
}

function triage(bundle, facts) {
    const { worst_first: order, when_no_rule_fires: otherwise } = bundle.texts.levels;
    const fired = bundle.guidelines.guidelines.filter((rule) => jsonLogic.apply(rule.jsonlogic, facts) === true);
    const worst = order.find((level) => fired.some((rule) => rule.level === level));
    const decisive = fired.filter((rule) => rule.level === worst);
    return { level: worst ?? otherwise, rules: decisive.map((rule) => rule.id).sort() };
}

const { bundle, key, cases } = JSON.parse(readFileSync(0, "utf8"));
const levels = Object.fromEntries(cases.map(({ id, facts }) => [id, triage(bundle, facts)]));
process.stdout.write(JSON.stringify({ signature: signatureHolds(bundle, key), levels }));
