// Turns proto/http.openapi.json into generated/http.ts: a type for each schema, and one table of
// operations ('GET /api/me': {input, answer}) that shared/api.ts checks every call against.
// Run by build, check and test, so that the browser cannot drift from the daemons.
// It knows the few words of OpenAPI that our contract uses, and stops at any other.
import { mkdir, readFile, writeFile } from 'node:fs/promises';

const source = new URL('../../proto/http.openapi.json', import.meta.url);
const target = new URL('../generated/http.ts', import.meta.url);

const pascal = (name) =>
    name.replace(/(^|_)([a-z])/g, (_all, _dash, letter) => letter.toUpperCase());

// The API's `error` must not hide the language's own Error.
const typeName = (name) => (name === 'error' ? 'ApiError' : pascal(name));

function typeOf(schema) {
    if (schema.$ref) {
        return typeName(schema.$ref.split('/').pop());
    }
    if (schema.enum) {
        return schema.enum.map((word) => JSON.stringify(word)).join(' | ');
    }
    switch (schema.type) {
    case 'integer':
    case 'number':
        return 'number';
    case 'boolean':
        return 'boolean';
    case 'string':
        return schema.format === 'binary' ? 'Blob' : 'string';
    case 'array':
        return `Array<${typeOf(schema.items)}>`;
    case 'object':
        return objectOf(Object.entries(schema.properties ?? {}), schema.required ?? []);
    default:
        throw new Error(`api_types: unknown schema ${JSON.stringify(schema).slice(0, 120)}`);
    }
}

function objectOf(properties, required) {
    const members = properties.map(([name, schema]) => {
        const note = schema.description ? `/** ${schema.description} */ ` : '';
        return `${note}${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`;
    });
    return members.length ? `{ ${members.join('; ')} }` : 'Record<string, never>';
}

function parametersOf(operation, place) {
    const found = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    if (!found.length) {
        return [];
    }
    const required = found.filter((parameter) => parameter.required).map(({ name }) => name);
    const type = objectOf(found.map(({ name, schema }) => [name, schema]), required);
    return [`${place}${required.length ? '' : '?'}: ${type}`];
}

const contentTypes = (content) => [
    ...new Set(Object.values(content ?? {}).map(({ schema }) => typeOf(schema))),
].join(' | ');

function operationOf(method, path, operation) {
    const members = [...parametersOf(operation, 'path'), ...parametersOf(operation, 'query')];
    if (operation.requestBody) {
        members.push(`body: ${contentTypes(operation.requestBody.content)}`);
    }
    const [, done] = Object.entries(operation.responses).find(([status]) => /^2/.test(status));
    const input = members.length ? `{ ${members.join('; ')} }` : 'Record<string, never>';
    const answer = contentTypes(done.content) || 'undefined';
    return `    /** ${operation.summary} */\n` +
        `    '${method.toUpperCase()} ${path}': { input: ${input}; answer: ${answer} };`;
}

const api = JSON.parse(await readFile(source, 'utf8'));
const schemas = Object.entries(api.components.schemas).map(([name, schema]) =>
    `export type ${typeName(name)} = ${typeOf(schema)};`);
const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationOf(method, path, operation)));

await mkdir(new URL('.', target), { recursive: true });
await writeFile(target, [
    '// Made by scripts/api_types.mjs from proto/http.openapi.json. Not edited by hand.',
    ...schemas,
    'export type Operations = {',
    ...operations,
    '};',
    '',
].join('\n'));
