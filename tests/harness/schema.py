"""Checks JSON values against the schemas of the proto documents: the part of JSON Schema they use.

    Api(".../http.openapi.json").check_answer("GET", "/api/me", 200, body)
    Rpc(".../proto", "gate").check_answer("routes", answer)

Lengths of texts are bytes here, as in the generated C. Python's standard library alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "maxItems", "minItems", "enum",
         "minimum", "maximum", "minLength", "maxLength", "description", "$ref", "format", "x-same-as", "x-extends"}


def is_type(value: Any, name: str) -> bool:
    """Whether a value has the type of that name; a truth value is no number."""
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Document:
    """A contract, for what its schemas say."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What a reference stands for."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def problems(self, value: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
        """Every difference, with its place."""
        schema = self.resolve(schema)
        unknown = set(schema) - KNOWN
        if unknown:
            raise ValueError(f"schema words not known here: {unknown}")
        if not is_type(value, schema["type"]):
            return [f"{at}: not of type {schema['type']}: {value!r}"]
        found = []
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{at}: not one of {schema['enum']}: {value!r}")
        kind = schema["type"]
        if kind in ("integer", "number"):
            found += self.number_problems(value, schema, at)
        elif kind == "string":
            size = len(value.encode())
            if not schema.get("minLength", 0) <= size <= schema.get("maxLength", size):
                found.append(f"{at}: {size} bytes of text")
        elif kind == "array":
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                found.append(f"{at}: {len(value)} items")
            for index, item in enumerate(value):
                found += self.problems(item, schema["items"], f"{at}[{index}]")
        elif kind == "object":
            found += self.object_problems(value, schema, at)
        return found

    @staticmethod
    def number_problems(value: float, schema: dict[str, Any], at: str) -> list[str]:
        """Ranges."""
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        return [] if low <= value <= high else [f"{at}: {value} is not in [{low}, {high}]"]

    def object_problems(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> list[str]:
        """Members that are missing, not known, or wrong."""
        members = schema.get("properties", {})
        found = [f"{at}.{name}: is missing" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            if name in members:
                found += self.problems(member, members[name], f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{at}.{name}: is not in the document")
        return found


class Api(Document):
    """An OpenAPI document."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as file:
            super().__init__(json.load(file))

    def answer_schema(self, method: str, path: str, status: int) -> dict[str, Any] | None:
        """The schema of a JSON answer, None if it is no JSON."""
        answers = self.document["paths"][path][method.lower()]["responses"]
        content = answers.get(str(status), answers["default"])["content"]
        return content["application/json"]["schema"] if "application/json" in content else None

    def check_answer(self, method: str, path: str, status: int, body: Any) -> None:
        """Fails if an answer is not as the document says."""
        schema = self.answer_schema(method, path, status)
        found = self.problems(body, schema) if schema else []
        assert not found, f"{method} {path} {status}: " + "; ".join(found)

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(method, path, operation) in the document's order."""
        return [(method.upper(), path, operation) for path, methods in self.document["paths"].items()
                for method, operation in methods.items()]


ERROR_ROW = re.compile(r'^ERROR\(\w+, "(\w+)", "[^"]+", (-\d+), ', re.MULTILINE)
TEXT = {"type": "string", "minLength": 1}
ERROR_DATA = {"type": "object", "additionalProperties": False, "required": ["name"],
              "properties": {"name": TEXT, "field": TEXT, "hint": TEXT, "request_id": TEXT}}
ERROR: dict[str, Any] = {"type": "object", "additionalProperties": False, "required": ["code", "message", "data"],
                         "properties": {"code": {"type": "integer"}, "message": TEXT}}


class Rpc(Document):
    """A daemon's OpenRPC document, with the methods that every daemon has."""

    def __init__(self, root: str, name: str) -> None:
        printed = subprocess.run(
            [sys.executable, "-B", f"{root}/proto/generate.py", "openrpc", f"{root}/proto/{name}.openrpc.json"],
            check=True, capture_output=True, text=True)
        super().__init__(json.loads(printed.stdout))
        with open(f"{root}/libdialup/base/errors.def", encoding="utf-8") as file:
            self.codes = {name: int(code) for name, code in ERROR_ROW.findall(file.read())}
        self.methods = {method["name"]: method for method in self.document["methods"]}

    def check_answer(self, method: str, answer: dict[str, Any]) -> None:
        """Fails if a whole JSON-RPC answer is not as the document, or the list of errors, says."""
        words = {"jsonrpc", "id", "result" if "result" in answer else "error"}
        assert set(answer) == words and answer["jsonrpc"] == "2.0", f"{method}: no answer: {answer}"
        if "result" in answer:
            found = self.problems(answer["result"], self.methods[method]["result"]["schema"])
        else:
            found = self.error_problems(answer["error"])
        assert not found, f"{method}: " + "; ".join(found)

    def error_problems(self, error: Any) -> list[str]:
        """An error's shape, and whether its name and code belong together. The data of a refusal for
        want of room is what its document calls quota_refusal."""
        data = error.get("data")
        is_refusal = isinstance(data, dict) and data.get("name") == "quota_exceeded"
        schema = self.document["components"]["schemas"]["quota_refusal"] if is_refusal else ERROR_DATA
        found = self.problems(error, {**ERROR, "properties": {**ERROR["properties"], "data": schema}})
        if not found and self.codes.get(error["data"]["name"]) != error["code"]:
            found.append(f"{error['data']['name']} is not the name of {error['code']}")
        return found
