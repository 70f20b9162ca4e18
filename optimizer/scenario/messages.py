"""From pydantic's faults to one message a planner can act on: file, place, value, what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from optimizer.errors import ScenarioError
from optimizer.scenario.reading import Document, Place

M = TypeVar("M", bound=BaseModel)

#: What a fault of pydantic means to a planner.
_EXPECTED = {
    "string_type": "expected text",
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping (key: value)",
    "list_type": "expected a list",
    "model_type": "expected a mapping (key: value)",
    "model_attributes_type": "expected a mapping (key: value)",
    "int_from_float": "expected a whole number",
    "finite_number": "expected a finite number",
    "string_too_short": "expected text, not an empty string",
    "missing": "is missing",
}


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Name the nearest known names; all of them where they are few and none is near, nothing otherwise."""
    names = sorted({str(one) for one in known})
    lowered = {one.lower(): one for one in names}
    near = difflib.get_close_matches(str(name).lower(), list(lowered), n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(lowered[one] for one in near)}?"
    if names and len(names) <= 12:
        return f"known: {', '.join(names)}"
    return f"known: {', '.join(names[:10])} and {len(names) - 10} more" if names else "none is declared"


def found_file(file: Path, name: str) -> Path:
    """The file of a table, or what helps to find it."""
    if not file.exists():
        near = [one.name for one in file.parent.glob("*")] if file.parent.is_dir() else []
        hint = f"; {did_you_mean(file.name, near)}" if near else ""
        raise ScenarioError(name, "file", None, f"not found in {file.parent}{hint}")
    if not file.is_file():
        raise ScenarioError(name, "file", None, "is a folder; expected a CSV or Parquet file")
    return file


def validated(model: type[M], document: Document) -> M:
    """Validate a document against a model.

    Raises
    ------
    ScenarioError
        For the first fault, unknown keys before missing ones; further faults are counted.
    """
    content = document.content
    if not isinstance(content, Mapping):
        raise ScenarioError(document.file, "the file", _shown(content), "expected a mapping (key: value)")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _first_fault(model, document, error) from error


def _first_fault(model: type[BaseModel], document: Document, error: ValidationError) -> ScenarioError:
    # Union members that were tried for the same value each report; only the first counts.
    faults: dict[Place, Any] = {}
    for fault in error.errors(include_url=False):
        place = _place(fault, document.content)
        faults.setdefault(place, fault)
    unknown = [place for place, fault in faults.items() if fault["type"] in ("extra_forbidden", "unknown_key")]
    place = unknown[0] if unknown else next(iter(faults))
    fault = faults[place]
    more = len(faults) - 1
    expectation = _expectation(fault, place, model) + (f" (and {more} further fault{'s' * (more > 1)})" if more else "")
    value = None if fault["type"] in ("missing", "extra_forbidden", "unknown_key") or not place else fault["input"]
    return ScenarioError(document.file, document.where(place), _shown(value), expectation)


def _place(fault: Mapping[str, Any], content: Any) -> Place:
    """The fault's place without pydantic's union tags: the parts that the document really holds."""
    place: list[str | int] = []
    here = content
    location = fault["loc"]
    for position, part in enumerate(location):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
            place.append(part)
        elif isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
            here = here[part]
            place.append(part)
        elif fault["type"] == "missing" and position == len(location) - 1:
            place.append(part)
    if fault["type"] == "unknown_key":
        place.append(fault["ctx"]["key"])
    return tuple(place)


def _expectation(fault: Mapping[str, Any], place: Place, model: type[BaseModel]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key; {did_you_mean(place[-1], _known_keys(model, fault['loc']))}"
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"expected {context['expected']}; {did_you_mean(fault['input'], _options(context['expected']))}"
    for bound, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if bound in context:
            return f"expected a number {words} {context[bound]:g}"
    if kind in ("too_short", "too_long"):
        return (
            f"expected {context.get('min_length') or context.get('max_length')} items, found {context['actual_length']}"
        )
    return str(fault["msg"])


def _options(expected: str) -> list[str]:
    return [option.strip().strip("'") for option in expected.replace(" or ", ",").split(",")]


def _known_keys(model: type[BaseModel], location: Place) -> list[str]:
    """The keys of the model in which an unknown key stands, found by walking the schema along the fault's location."""
    schema = model.model_json_schema(by_alias=True)
    nodes: list[dict[str, Any]] = [schema]
    for part in location[:-1]:
        if deeper := _deeper(_resolved(nodes, schema), part):
            nodes = deeper
    return sorted({key for node in _resolved(nodes, schema) for key in node.get("properties", {})})


def _resolved(nodes: list[dict[str, Any]], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes with references followed and unions opened."""
    found: list[dict[str, Any]] = []
    for node in nodes:
        if "$ref" in node:
            found += _resolved([schema["$defs"][node["$ref"].rsplit("/", 1)[1]]], schema)
        elif union := node.get("anyOf") or node.get("oneOf"):
            found += _resolved(union, schema)
        else:
            found.append(node)
    return found


def _deeper(nodes: list[dict[str, Any]], part: str | int) -> list[dict[str, Any]]:
    if isinstance(part, int):
        return [node["items"] for node in nodes if isinstance(node.get("items"), dict)]
    inside = [node["properties"][part] for node in nodes if part in node.get("properties", {})]
    return inside or [
        node["additionalProperties"]
        for node in nodes
        if isinstance(node.get("additionalProperties"), dict) and not node.get("properties")
    ]


def _shown(value: Any) -> Any:
    """The value as a message shows it: a table by its shape, long text cut."""
    if isinstance(value, pd.DataFrame):
        return f"a table of {len(value)} rows"
    text = repr(value)
    return value if len(text) <= 120 else f"{text[:117]}…"
