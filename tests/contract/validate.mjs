// Reads [{"kind": "openrpc" | "openapi", "document": ...}] on stdin and prints, for each of them, the
// list of what the published schema says against it. Called by openrpc.test; needs node_modules.
import { readFileSync } from "node:fs";
import jsonSchema from "@json-schema-tools/meta-schema";
import openRpcSchema from "@open-rpc/meta-schema";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv";

const JSON_SCHEMA = "https://meta.json-schema.tools";

/**
 * A schema without the addresses of its own dialect, which ajv does not know: it is draft 7 with
 * names. Neither does ajv follow a reference to the rule of a property that is itself named "$ref".
 */
function plain(module) {
    const rule = { $ref: `${JSON_SCHEMA}/#/definitions/JSONSchemaObject/properties/$ref` };
    const text = JSON.stringify(module.default?.default ?? module.default ?? module);
    const { $schema, $id, ...schema } = JSON.parse(text.replaceAll(JSON.stringify(rule), '{"type":"string"}'));
    return schema;
}

function openRpcValidator() {
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    ajv.addSchema(plain(jsonSchema), JSON_SCHEMA);
    const validate = ajv.compile(plain(openRpcSchema));
    return (document) =>
        validate(document) ? [] : validate.errors.map((error) => `${error.instancePath || "/"} ${error.message}`);
}

async function checkOpenApi(document) {
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document));
    if (result.valid) return validator.version === "3.1" ? [] : [`is read as OpenAPI ${validator.version}, not 3.1`];
    const errors = Array.isArray(result.errors) ? result.errors : [{ message: String(result.errors) }];
    return errors.map((error) => `${error.instancePath || "/"} ${error.message}`);
}

const checkOpenRpc = openRpcValidator();
const answers = [];
for (const { kind, document } of JSON.parse(readFileSync(0, "utf8"))) {
    answers.push(kind === "openrpc" ? checkOpenRpc(document) : await checkOpenApi(document));
}
console.log(JSON.stringify(answers));
