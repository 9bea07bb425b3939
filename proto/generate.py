#!/usr/bin/env python3
"""Turns the contracts into C: structs, field tables, method tables, client stubs.

usage: generate.py c OUT_DIR DOCUMENT       write NAME_rpc.h and NAME_rpc.c (or NAME_api.h/.c)
       generate.py openrpc DOCUMENT         print the whole OpenRPC document, common methods and all
       generate.py markdown DOCUMENT        print a reference page
       generate.py check DOCUMENT           say what is wrong, write nothing

A document is proto/NAME.openrpc.json, or an OpenAPI one, of which the schemas and the parameters of
queries are used. What
the subset of JSON Schema allows stands in `Field.parse`; anything else is an error that names its
place. A schema of the OpenAPI document may say of one of a daemon's, word for word the same,
"x-same-as": it is that struct in C; or, of one whose members it all has, "x-extends": its struct
begins with that one. Every string, list and number has bounds, so that nothing in a request is unbounded.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KINDS = {"string": "STRING", "integer": "INTEGER", "number": "NUMBER", "boolean": "BOOL"}
C_TYPES = {"STRING": "const char *", "INTEGER": "int64_t ", "NUMBER": "double ", "BOOL": "bool "}
CALLERS = {"root": "IPC_CALLER_ROOT", "daemons": "IPC_CALLER_DAEMON", "anyone": "IPC_CALLER_ANYONE"}
POLICY = {"callers", "access", "deadline_ms", "max_request_bytes", "answers", "idempotent"}
KEYWORDS: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "enum"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set(),
}
C_WORDS = set("""auto break case char const continue default do double else enum extern float for goto if
inline int long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while bool true false""".split())
WORKER_ONLY = "jobs"  # documents whose methods are programs: no table, no stubs


class ContractError(Exception):
    """A document says something that this generator does not understand or allow."""


def need(schema: dict[str, Any], key: str, where: str) -> Any:
    """The value of a key that must be there."""
    if key not in schema:
        raise ContractError(f"{where}: needs \"{key}\"")
    return schema[key]


def check_keywords(schema: dict[str, Any], where: str) -> None:
    """Refuses what would be ignored: who wrote it counts on it."""
    for word in sorted(set(schema) - KEYWORDS[schema["type"]] - {"type", "description"}):
        raise ContractError(f"{where}: \"{word}\" is not supported for type \"{schema['type']}\"")


def check_name(name: str, where: str) -> None:
    """A name must do as a C member or function, too."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in C_WORDS:
        raise ContractError(f"{where}: \"{name}\" cannot be a name in C")


def check_policy(method: dict[str, Any], where: str) -> None:
    """The columns of the method table."""
    policy = need(method, "x-policy", where)
    where = f"{where}.x-policy"
    for word in sorted(POLICY ^ set(policy)):
        raise ContractError(f"{where}: {'not known' if word in policy else 'needs'}: \"{word}\"")
    for word, choices in (("access", ("read", "write")), ("answers", ("now", "later"))):
        if policy[word] not in choices:
            raise ContractError(f"{where}.{word}: must be one of {', '.join(choices)}")
    if not policy["callers"] or set(policy["callers"]) - set(CALLERS):
        raise ContractError(f"{where}.callers: must be some of {', '.join(CALLERS)}")


@dataclass
class Field:
    """One member of an object, as the tables of libdialup/json/shape.h want it."""

    name: str
    kind: str
    required: bool
    low: int = 0
    high: int = 0
    number_low: float = 0
    number_high: float = 0
    enum: tuple[str, ...] = ()
    shape: str = ""
    item: Field | None = None  # of a list of strings or integers

    @staticmethod
    def parse(name: str, schema: dict[str, Any], required: bool, where: str) -> Field:
        """Reads one property."""
        check_name(name, where)
        if "$ref" in schema:
            return Field(name, "OBJECT", required, shape=Field.reference(schema, where))
        kind = schema.get("type")
        if kind is None and not set(schema) - {"description"}:
            return Field(name, "ANY", required)
        if kind == "array":
            return Field.parse_array(name, schema, required, where)
        if not isinstance(kind, str) or kind not in KINDS:
            raise ContractError(f"{where}: type {kind!r} is not supported")
        check_keywords(schema, where)
        field = Field(name, KINDS[kind], required)
        if kind == "string":
            field.low, field.high = schema.get("minLength", 0), need(schema, "maxLength", where)
            field.enum = tuple(schema.get("enum", ()))
        elif kind == "integer":
            field.low, field.high = need(schema, "minimum", where), need(schema, "maximum", where)
        elif kind == "number":
            field.number_low = need(schema, "minimum", where)
            field.number_high = need(schema, "maximum", where)
        return field

    @staticmethod
    def reference(schema: dict[str, Any], where: str) -> str:
        """The name behind a $ref into components.schemas."""
        prefix = "#/components/schemas/"
        if not schema["$ref"].startswith(prefix):
            raise ContractError(f"{where}: $ref must point into components.schemas")
        return schema["$ref"][len(prefix):]

    @staticmethod
    def parse_array(name: str, schema: dict[str, Any], required: bool, where: str) -> Field:
        """Reads a list of strings, integers or referenced objects."""
        check_keywords(schema, where)
        item = Field.parse(name, need(schema, "items", where), True, f"{where}[]")
        if item.kind not in ("STRING", "INTEGER", "OBJECT"):
            raise ContractError(f"{where}: a list holds strings, integers or references")
        return Field(name, f"{item.kind}_ARRAY", required, schema.get("minItems", 0),
                     need(schema, "maxItems", where), enum=item.enum, shape=item.shape, item=item)

    @property
    def has_flag(self) -> bool:
        """Whether a bool beside it says that it is there."""
        return not self.required and self.kind in ("INTEGER", "NUMBER", "BOOL")


@dataclass
class Shape:
    """An object: a C struct and its table."""

    name: str
    description: str
    fields: list[Field]
    base: str = ""  # what it extends: its name, the C struct's name, and its members
    base_struct: str = ""
    base_fields: frozenset[str] = frozenset()


class Document:
    """One contract, read and checked."""

    def __init__(self, path: Path) -> None:
        self.source = json.loads(path.read_text(encoding="utf-8"))
        self.prefix, kind = path.name.split(".")[:2]
        self.is_openrpc = kind == "openrpc"
        self.folder = path.parent
        self.shared: dict[str, str] = {}  # shapes that another document's header has: its prefix
        self.headers: set[str] = set()  # of those documents
        if self.has_table:
            self.merge_common()
        self.shapes: dict[str, Shape] = {}
        self.inline: dict[str, dict[str, Any]] = {}
        schemas = dict(self.source["components"]["schemas"])
        for method in self.methods:
            check_name(method["name"], self.prefix)
            if self.has_table:
                check_policy(method, f"{self.prefix}: {method['name']}")
            schemas |= self.method_schemas(method)
        schemas |= self.query_schemas()
        self.schemas = schemas
        while schemas:
            name = next(iter(schemas))
            self.add_shape(name, schemas.pop(name), schemas)
        self.check_references()

    @property
    def has_table(self) -> bool:
        """Whether a daemon serves these methods: then there is a table of them, and stubs."""
        return self.is_openrpc and self.prefix not in ("common", WORKER_ONLY)

    @property
    def methods(self) -> list[dict[str, Any]]:
        """The methods, none for an OpenAPI document."""
        return self.source.get("methods", [])

    def merge_common(self) -> None:
        """Adds the methods that every daemon has."""
        common = Document(HERE / "common.openrpc.json")
        self.source["methods"] = common.methods + self.source["methods"]
        self.source["components"]["schemas"] |= common.source["components"]["schemas"]
        self.shared = dict.fromkeys(common.shapes, "common")
        self.headers = {"common"}

    @staticmethod
    def method_schemas(method: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Params, and a result that is not a reference, as schemas of their own."""
        params = {
            "type": "object",
            "description": f"Params of {method['name']}.",
            "additionalProperties": False,
            "required": [p["name"] for p in method["params"] if p.get("required")],
            "properties": {p["name"]: p["schema"] for p in method["params"]},
        }
        found = {f"{method['name']}_params": params}
        if "$ref" not in method["result"]["schema"]:
            found[f"{method['name']}_result"] = method["result"]["schema"]
        return found

    def query_schemas(self) -> dict[str, dict[str, Any]]:
        """What may stand behind the question mark of each operation of an OpenAPI document."""
        found = {}
        for methods in self.source.get("paths", {}).values():
            for operation in methods.values():
                query = [p for p in operation.get("parameters", ()) if p["in"] == "query"]
                if query:
                    found[f"{operation['operationId']}_query"] = {
                        "type": "object",
                        "description": f"Query of {operation['operationId']}.",
                        "additionalProperties": False,
                        "required": [p["name"] for p in query if p.get("required")],
                        "properties": {p["name"]: p["schema"] for p in query},
                    }
        return found

    def add_shape(self, name: str, schema: dict[str, Any], rest: dict[str, Any]) -> None:
        """Reads one object; objects written in place become shapes named after their place."""
        where = f"{self.prefix}: {name}"
        schema = dict(schema)
        same_as, extends = schema.pop("x-same-as", None), schema.pop("x-extends", None)
        if schema.get("type") != "object":
            raise ContractError(f"{where}: must be an object")
        check_keywords(schema, where)
        if schema.get("additionalProperties") is not False:
            raise ContractError(f"{where}: needs \"additionalProperties\": false")
        required = set(schema.get("required", ()))
        fields = []
        for key, value in schema.get("properties", {}).items():
            value = self.name_inline(name, key, value, rest)
            fields.append(Field.parse(key, value, key in required, f"{where}.{key}"))
        if required - {f.name for f in fields}:
            raise ContractError(f"{where}: requires what it does not describe")
        self.shapes[name] = Shape(name, schema.get("description", ""), fields)
        if same_as:
            prefix, original, _ = self.foreign(same_as, where)
            if original != schema:
                raise ContractError(f"{where}: is not the same as {same_as}")
            self.shared[name] = prefix
        if extends:
            self.extend(self.shapes[name], schema, extends, where)

    def foreign(self, reference: str, where: str) -> tuple[str, dict[str, Any], str]:
        """The prefix, the schema and the name behind "deployd.openrpc.json#/components/schemas/site"."""
        file, _, name = reference.partition("#/components/schemas/")
        path = self.folder / file
        schemas = json.loads(path.read_text(encoding="utf-8"))["components"]["schemas"] if path.is_file() else {}
        if self.is_openrpc or name not in schemas:
            raise ContractError(f"{where}: there is no {reference} for it")
        prefix = file.split(".")[0]
        self.headers.add(prefix)
        return prefix, schemas[name], name

    def extend(self, shape: Shape, schema: dict[str, Any], reference: str, where: str) -> None:
        """Lets a struct begin with another document's."""
        prefix, base, name = self.foreign(reference, where)
        for key, value in base["properties"].items():
            if schema["properties"].get(key) != value or (key in base["required"]) != (key in schema["required"]):
                raise ContractError(f"{where}.{key}: is not as in {reference}")
        check_name(name, where)
        shape.base, shape.base_struct = name, f"{prefix}_{name}"
        shape.base_fields = frozenset(base["properties"])

    @staticmethod
    def name_inline(owner: str, key: str, value: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
        """Gives an object that is written in place a name."""
        holder = value.get("items", {}) if value.get("type") == "array" else value
        if holder.get("type") != "object":
            return value
        name = f"{owner}_{key}"
        rest[name] = holder
        reference = {"$ref": f"#/components/schemas/{name}"}
        return {**value, "items": reference} if value.get("type") == "array" else reference

    def check_references(self) -> None:
        """Every reference leads somewhere."""
        for shape in self.shapes.values():
            for field in shape.fields:
                if field.shape and field.shape not in self.shapes:
                    raise ContractError(f"{self.prefix}: {shape.name}.{field.name}: "
                                        f"there is no schema \"{field.shape}\"")

    def in_order(self) -> list[Shape]:
        """Shapes with those they hold before them."""
        done: dict[str, Shape] = {}

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                raise ContractError(f"{self.prefix}: {name} holds itself")
            if name not in done:
                for field in self.shapes[name].fields:
                    if field.shape:
                        visit(field.shape, (*path, name))
                done[name] = self.shapes[name]

        for name in sorted(self.shapes):
            visit(name, ())
        return list(done.values())

    def c_name(self, shape: str) -> str:
        """What a shape is called in C."""
        return f"{self.shared.get(shape, self.prefix)}_{shape}"

    def own_shapes(self) -> list[Shape]:
        """The shapes that this document's files define."""
        return [shape for shape in self.in_order() if shape.name not in self.shared]

    def result_shape(self, method: dict[str, Any]) -> str:
        """The name of a method's result."""
        schema = method["result"]["schema"]
        return Field.reference(schema, method["name"]) if "$ref" in schema else f"{method['name']}_result"


def c_text(text: str) -> str:
    """A C string literal."""
    return json.dumps(text, ensure_ascii=True)


def declare(document: Document, field: Field) -> list[str]:
    """The struct members of a field."""
    flag = [f"    bool has_{field.name};"] if field.has_flag else []
    if field.kind in C_TYPES:
        return [f"    {C_TYPES[field.kind]}{field.name};", *flag]
    if field.kind == "OBJECT":
        return [f"    const struct {document.c_name(field.shape)} *{field.name};"]
    if field.kind == "ANY":
        return [f"    const struct json_value *{field.name};"]
    item = {"STRING_ARRAY": "const char *const *", "INTEGER_ARRAY": "const int64_t *",
            "OBJECT_ARRAY": f"const struct {document.c_name(field.shape)} *"}[field.kind]
    return [f"    {item}{field.name};", f"    size_t {field.name}_count;"]


def table_row(document: Document, shape: Shape, field: Field) -> str:
    """The json_field of a field."""
    struct = f"struct {document.c_name(shape.name)}"
    within = f"{shape.base}." if field.name in shape.base_fields else ""
    parts = [c_text(field.name), f"JSON_FIELD_{field.kind}",
             f".required = {str(field.required).lower()}", f".offset = offsetof({struct}, {within}{field.name})"]
    if field.kind.endswith("_ARRAY"):
        parts.append(f".count_offset = offsetof({struct}, {within}{field.name}_count)")
    if field.has_flag:
        parts.append(f".has_offset = offsetof({struct}, {within}has_{field.name})")
    if field.kind in ("STRING", "INTEGER") or field.kind.endswith("_ARRAY"):
        parts.append(f".min = {field.low}LL, .max = {field.high}LL")
    if field.item and not field.shape:
        parts.append(f".item_min = {field.item.low}LL, .item_max = {field.item.high}LL")
    if field.kind == "NUMBER":
        parts.append(f".number_min = {field.number_low!r}, .number_max = {field.number_high!r}")
    if field.enum:
        words = ", ".join(c_text(word) for word in field.enum)
        parts.append(f".enum_values = (const char *const[]){{{words}, NULL}}")
    if field.shape:
        parts.append(f".shape = &{document.c_name(field.shape)}_shape")
    return "    {" + ", ".join(parts) + "},"


def header(document: Document) -> str:
    """The text of the header."""
    prefix = document.prefix
    out = [f"/* Made by proto/generate.py from proto/{prefix}.*.json: do not edit. */", "#pragma once", "",
           "#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>", "",
           '#include "libdialup/json/shape.h"']
    has_methods = document.has_table
    if has_methods:
        out += ['#include "libdialup/ipc/client.h"', '#include "libdialup/ipc/method.h"']
    out += [f'#include "proto/{name}_rpc.h"' for name in sorted(document.headers)]
    for shape in document.own_shapes():
        out += ["", f"/* {shape.description} */"] if shape.description else [""]
        members = [f"    struct {shape.base_struct} {shape.base};"] if shape.base else []
        members += [line for field in shape.fields if field.name not in shape.base_fields
                    for line in declare(document, field)]
        name = document.c_name(shape.name)
        out += [f"struct {name} {{", *(members or ["    char nothing;"]), "};"]
        out.append(f"extern const struct json_shape {name}_shape;")
    if has_methods:
        names = [f"    {prefix.upper()}_{m['name'].upper()}," for m in document.methods]
        out += ["", f"enum {prefix}_method {{", *names, f"    {prefix.upper()}_METHOD_COUNT", "};",
                f"extern const struct ipc_method {prefix}_methods[{prefix.upper()}_METHOD_COUNT];"]
        out += [stub(document, method) for method in document.methods]
    return "\n".join(out) + "\n"


def stub(document: Document, method: dict[str, Any]) -> str:
    """A typed face for the generic client call."""
    prefix, name = document.prefix, method["name"]
    return (f"\n/* {method['summary']}. on_reply gets a struct {document.c_name(document.result_shape(method))}. */\n"
            f"static inline int {prefix}_call_{name}(struct ipc_client *client, "
            f"const struct {document.c_name(name + '_params')} *params,\n"
            f"    const struct ipc_call_options *options, ipc_reply_fn *on_reply, void *context,\n    struct error *err)\n{{\n"
            f"    return ipc_client_call(client, &{prefix}_methods[{prefix.upper()}_{name.upper()}], params, "
            f"options, on_reply, context, err);\n}}")


def method_row(document: Document, method: dict[str, Any]) -> str:
    """The ipc_method of a method."""
    prefix, name, policy = document.prefix, method["name"], method["x-policy"]
    callers = " | ".join(CALLERS[c] for c in policy["callers"])
    return (f"    [{prefix.upper()}_{name.upper()}] = {{{c_text(name)}, {c_text(method['summary'])}, "
            f"IPC_{policy['access'].upper()}, {callers}, {policy['deadline_ms']}, "
            f"{policy['max_request_bytes']}, {str(policy['answers'] == 'later').lower()}, "
            f"{str(policy['idempotent']).lower()}, &{document.c_name(name + '_params')}_shape, "
            f"&{document.c_name(document.result_shape(method))}_shape}},")


def source(document: Document, header_name: str) -> str:
    """The text of the .c file."""
    prefix = document.prefix
    out = [f"/* Made by proto/generate.py from proto/{prefix}.*.json: do not edit. */",
           f'#include "{header_name}"']
    for shape in document.own_shapes():
        name, count = document.c_name(shape.name), len(shape.fields)
        if count:
            out += ["", f"static const struct json_field {name}_fields[] = {{",
                    *(table_row(document, shape, field) for field in shape.fields), "};"]
        out += ["", f"const struct json_shape {name}_shape = {{{c_text(shape.name)}, "
                f"sizeof(struct {name}), {f'{name}_fields' if count else 'NULL'}, {count}}};"]
    if document.has_table:
        out += ["", f"const struct ipc_method {prefix}_methods[{prefix.upper()}_METHOD_COUNT] = {{",
                *(method_row(document, method) for method in document.methods), "};"]
    return "\n".join(out) + "\n"


def markdown(document: Document) -> str:
    """A reference page of the methods."""
    info = document.source["info"]
    out = [f"# {info['title']}", "", info.get("description", ""), ""]
    for method in document.methods:
        out += [f"## {method['name']}", "", method["summary"] + ".", ""]
        if "description" in method:
            out += [method["description"], ""]
        policy = method.get("x-policy", {})
        out += [f"Callers: {', '.join(policy.get('callers', ()))}; {policy.get('access')}; "
                f"answers within {policy.get('deadline_ms')} ms.", ""]
        for title, name in (("Params", f"{method['name']}_params"), ("Result", document.result_shape(method))):
            out += [f"{title}:", ""]
            out += [f"- `{f.name}` {f.kind.lower().replace('_', ' of ', 0)}"
                    f"{' ' + f.shape if f.shape else ''}{'' if f.required else ', optional'}"
                    for f in document.shapes[name].fields] or ["- none"]
            out.append("")
    return "\n".join(out)


def main() -> int:
    try:
        mode, *rest = sys.argv[1:]
        document = Document(Path(rest[-1]))
        if mode == "c":
            stem = f"{document.prefix}_{'rpc' if document.is_openrpc else 'api'}"
            directory = Path(rest[0])
            (directory / f"{stem}.h").write_text(header(document), encoding="utf-8")
            (directory / f"{stem}.c").write_text(source(document, f"proto/{stem}.h"), encoding="utf-8")
        elif mode == "openrpc":
            print(json.dumps(document.source, indent=2))
        elif mode == "markdown":
            print(markdown(document))
        elif mode != "check":
            raise ContractError(f"there is no mode \"{mode}\"")
    except (ContractError, KeyError, ValueError) as error:
        print(f"proto/generate.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
