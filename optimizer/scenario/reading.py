"""Reading scenario files: YAML with the 1.2 core scalars, JSON, and the place of every key for messages.

PyYAML follows YAML 1.1, where ``NO`` and ``on`` are booleans, ``01`` is an octal number and a repeated key wins over
the first. Here ``NO``, ``on`` and ``01`` are text, ``1e6`` is a number, and a repeated key is an error. Keys are always
text. Dates stay text until the schema reads them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from optimizer.errors import ScenarioError

#: A place in a document: keys and positions from the top.
Place = tuple[str | int, ...]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_OTHER_BASE = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)\Z")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
#: More nodes than any scenario holds: aliases of aliases can unfold without end.
_MOST_NODES = 200_000


@dataclass(frozen=True)
class Document:
    """A file's content, its name for messages, and the line of each place (YAML)."""

    file: str
    content: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def where(self, place: Place) -> str:
        """The place as a planner reads it: ``rules[3].volume.min (line 41)``."""
        line = next((self.lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self.lines), None)
        return spell(place) + (f" (line {line})" if line else "")


def spell(place: Place) -> str:
    """``rules[3].volume.min`` from ("rules", 2, "volume", "min"); positions are counted from 1."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def read_document(file: Path, name: str | None = None) -> Document:
    """Read a YAML or JSON file.

    Parameters
    ----------
    file : Path
        ``.json`` is read as JSON, anything else as YAML.
    name : str, optional
        The name messages use; the path as given by default.

    Raises
    ------
    ScenarioError
        When the file is missing, is not UTF-8 or does not parse, or a key stands twice.
    """
    shown = name or str(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ScenarioError(shown, "file", None, "not found") from error
    except IsADirectoryError as error:
        raise ScenarioError(shown, "file", None, "is a folder; give the scenario file in it") from error
    except OSError as error:
        raise ScenarioError(shown, "file", None, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(shown, f"byte {error.start + 1}", None, "expected UTF-8 text") from error
    return parse_json(text, shown) if file.suffix.lower() == ".json" else parse_yaml(text, shown)


def parse_json(text: str, file: str) -> Document:
    """Parse JSON; a repeated key, NaN and Infinity are errors."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise ScenarioError(file, key, None, "the key stands twice; keep one")
            found[key] = value
        return found

    def constant(text: str) -> Any:
        raise ScenarioError(file, "a number", text, "expected a finite number")

    try:
        return Document(file, json.loads(text, object_pairs_hook=pairs, parse_constant=constant))
    except json.JSONDecodeError as error:
        raise ScenarioError(
            file, f"line {error.lineno}, column {error.colno}", None, f"not JSON: {error.msg}"
        ) from error
    except RecursionError as error:
        raise ScenarioError(file, "the file", None, "nested too deeply") from error


def parse_yaml(text: str, file: str) -> Document:
    """Parse YAML under the 1.2 core schema; a repeated key, a tag and a circular alias are errors."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
        raise ScenarioError(file, place, None, f"not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ScenarioError(file, "the file", None, f"not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ScenarioError(file, "the file", None, "nested too deeply") from error
    if node is None:
        return Document(file, None)
    reader = _YamlReader(file)
    return Document(file, reader.value(node, ()), reader.lines)


class _YamlReader:
    """Turns PyYAML's nodes into plain values, and remembers where each stood."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.open: set[int] = set()
        self.count = 0
        self.resolve: Callable[..., str] = yaml.SafeLoader("").resolve

    def value(self, node: yaml.Node, place: Place) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        self.count += 1
        if id(node) in self.open:
            raise self.error(place, line, None, "an alias that contains itself")
        if self.count > _MOST_NODES:
            raise self.error((), line, None, "aliases unfold to more than a scenario can hold")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, place)
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.rsplit(":", 1)[1] not in ("map", "seq"):
            raise self.error(place, line, node.tag, "tags are not read; write the value plainly")
        self.open.add(id(node))
        value = self.mapping(node, place) if isinstance(node, yaml.MappingNode) else self.sequence(node, place)
        self.open.discard(id(node))
        return value

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.error(place, line, None, "a key is a word, not a list or a mapping")
            key = str(key_node.value)
            if key in found:
                raise self.error(
                    (*place, key), line, None, f"the key stands twice (first on line {self.lines[(*place, key)]})"
                )
            self.lines[(*place, key)] = line
            found[key] = self.value(value_node, (*place, key))
        return found

    def sequence(self, node: yaml.Node, place: Place) -> list[Any]:
        return [self.value(item, (*place, position)) for position, item in enumerate(node.value)]

    def scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        text = str(node.value)
        if node.style in ("'", '"', "|", ">"):
            return text
        if self.tagged(node):
            raise self.error(place, node.start_mark.line + 1, node.tag, "tags are not read; write the value plainly")
        return core_scalar(text)

    def tagged(self, node: yaml.ScalarNode) -> bool:
        """Whether the planner wrote a tag (PyYAML resolves the others from the text)."""
        resolved = self.resolve(yaml.ScalarNode, node.value, (True, False))
        return bool(node.tag not in (resolved, "tag:yaml.org,2002:str"))

    def error(self, place: Place, line: int, value: object, expectation: str) -> ScenarioError:
        return ScenarioError(self.file, f"{spell(place)} (line {line})", value, expectation)


def core_scalar(text: str) -> Any:
    """The value of a plain scalar under the YAML 1.2 core schema; numbers with leading zeros stay text."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.match(text):
        return int(text)
    if _OTHER_BASE.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    if infinite := _INFINITE.match(text):
        return float("-inf") if infinite[1] == "-" else float("inf")
    return float("nan") if text in _NAN else text
