"""What docs/openapi.yaml says beyond OpenAPI, for Schemathesis: a request that breaks it is no valid one."""

import re
from pathlib import Path

import schemathesis
import yaml
from schemathesis import GenerationMode

API = yaml.safe_load(Path(__file__).parent.parent.parent.joinpath("docs/openapi.yaml").read_text())


def resolved(node):
    while "$ref" in node:
        at = API
        for name in node["$ref"].split("/")[1:]:
            at = at[name]
        node = at
    return node


def fits(value, schema):
    """Whether no text is longer in UTF-8 than `x-max-bytes` allows."""
    schema = resolved(schema)
    if isinstance(value, str):
        limit = schema.get("x-max-bytes")
        return limit is None or len(value.encode("utf-8", "surrogatepass")) <= limit
    if isinstance(value, dict):
        return all(fits(value[name], part) for name, part in schema.get("properties", {}).items() if name in value)
    return True


def places(case, wanted):
    """In how many of the places of `x-exactly-one` there is what is wanted."""
    found = 0
    for place in wanted:
        values = {"query": case.query, "header": case.headers}[place["in"]] or {}
        value = values.get(place["name"])
        if isinstance(value, list):
            found += len(value)
        elif value is not None:
            found += len(re.findall(place["part"], str(value))) if "part" in place else 1
    return found


def differ(case, parameters):
    """Whether the elements of each header with `x-different` differ."""
    for parameter in map(resolved, parameters):
        if parameter.get("x-different"):
            value = str((case.headers or {}).get(parameter["name"], ""))
            elements = [part.strip(" \t") for part in value.split(",") if part.strip(" \t")]
            if len(set(elements)) != len(elements):
                return False
    return True


@schemathesis.hook
def filter_case(context, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return True
    operation = API["paths"][case.operation.path][case.operation.method.lower()]
    wanted = operation.get("x-exactly-one")
    if wanted is not None and places(case, wanted) != 1:
        return False
    if not differ(case, operation.get("parameters", [])):
        return False
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return body is None or fits(case.body, body["schema"])
