// Asks a mock server for every operation of a document and checks each answer against the document's schema.
// Reads {document, port} from standard input, writes {answered: [operation], wrong: [{operation, why}]}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// Prism's own parts, so that nothing more has to be installed.
const require = createRequire(join(dirname(createRequire(import.meta.url).resolve("@stoplight/prism-cli")), "x"));
const Ajv = require("ajv/dist/2020").default;

const { document, base } = JSON.parse(readFileSync(0, "utf8"));
const ajv = new Ajv({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "file:///api.json", components: document.components });

const absolute = (schema) =>
    JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"file:///api.json#/components/'));

const valueOf = ({ example, schema }) => example ?? schema?.enum?.[0] ?? SAMPLE[schema?.format ?? schema?.type] ?? "x";
const SAMPLE = { uuid: "01890a5d-0000-7000-8000-000000000000", integer: 1 };

async function ask(path, method, operation, item) {
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
    let url = path;
    for (const parameter of parameters.filter((each) => each.in === "path"))
        url = url.replace(`{${parameter.name}}`, valueOf(parameter));
    const query = parameters.filter((each) => each.in === "query" && each.required);
    if (query.length) url += "?" + query.map((each) => `${each.name}=${valueOf(each)}`).join("&");
    const open = operation.security?.some((scheme) => Object.keys(scheme).length === 0);
    const headers = open ? {} : { Authorization: "Bearer anything" };
    for (const parameter of parameters.filter((each) => each.in === "header" && each.required))
        headers[parameter.name] = String(valueOf(parameter));
    let body;
    const content = operation.requestBody?.content ?? {};
    if (content["application/json"]) {
        headers["Content-Type"] = "application/json";
        body = JSON.stringify(Object.values(content["application/json"].examples)[0].value);
    } else if (content["multipart/form-data"]) {
        body = new FormData();
        body.set("image", new Blob([new Uint8Array(16)], { type: "image/jpeg" }), "skin.jpg");
    } else if (Object.keys(content).length) {
        headers["Content-Type"] = Object.keys(content)[0];
        body = new Uint8Array(16);
    }
    const answer = await fetch(base + url, { method: method.toUpperCase(), headers, body, redirect: "manual" });
    const wanted = Object.keys(operation.responses).find((status) => status.startsWith("2"));
    if (String(answer.status) !== wanted) return `answers ${answer.status} and not ${wanted}: ${await answer.text()}`;
    const answers = operation.responses[wanted].content ?? {};
    const schema = (answers["application/json"] ?? answers["application/fhir+json"])?.schema;
    if (!schema) return null;
    const valid = ajv.compile(absolute(schema));
    return valid(await answer.json()) ? null : ajv.errorsText(valid.errors);
}

const answered = [];
const wrong = [];
for (const [path, item] of Object.entries(document.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
        const operation = item[method];
        if (!operation) continue;
        const why = await ask(path, method, operation, item);
        answered.push(operation.operationId);
        if (why) wrong.push({ operation: operation.operationId, why });
    }
}
process.stdout.write(JSON.stringify({ answered, wrong }));
