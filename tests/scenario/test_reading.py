"""YAML under the 1.2 core scalars, JSON, repeated keys, and where a fault stands."""

# A case a line, however long: the tables of cases read better so.
# ruff: noqa: E501

from __future__ import annotations

import math

import pytest

from optimizer.errors import ScenarioError
from optimizer.scenario.reading import core_scalar, parse_json, parse_yaml, read_document, spell


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "no",
        "on",
        "off",
        "yes",
        "Y",
        "01",
        "007",
        "-01",
        "1_000",
        "12:30",
        "2026-03-05",
        "1e",
        "e5",
        "0b1",
        "08",
        "=",
        "<<",
    ],
)
def test_words_stay_text(text):
    assert parse_yaml(f"key: {text}", "f").content == {"key": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e6", 1e6), ("1E6", 1e6), ("1.5e-3", 1.5e-3), ("12", 12), ("-7", -7), ("+7", 7), ("0", 0), (".5", 0.5), ("3.", 3.0),
        ("0x1F", 31), ("0o17", 15), (".inf", math.inf), ("-.inf", -math.inf), ("~", None), ("null", None), ("true", True),
        ("False", False), ("", None),
    ],
)  # fmt: skip
def test_numbers_flags_and_nothing(text, value):
    assert core_scalar(text) == value
    assert type(core_scalar(text)) is type(value)


def test_quotes_make_text():
    assert parse_yaml("a: 'true'\nb: \"1\"\nc: |\n  7\n", "f").content == {"a": "true", "b": "1", "c": "7\n"}


def test_keys_are_text():
    assert parse_yaml("1: a\nNO: b\n01: c\ntrue: d", "f").content == {"1": "a", "NO": "b", "01": "c", "true": "d"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "a (line 3): the key stands twice (first on line 1)"),
        ("x:\n  y: 1\n  y: 2", "x.y (line 3): the key stands twice"),
        ("rules:\n- a: 1\n  a: 1", "rules[1].a (line 3)"),
        ("a: !!python/object:os.system x", "tags are not read"),
        ("a: !mine {b: 1}", "tags are not read"),
        ("a: &x [1, *x]", "an alias that contains itself"),
        ("a: [1, 2", "line 1, column"),
        ("a: *nowhere", "undefined alias"),
        ("? [1, 2]\n: 3", "a key is a word"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("\ta: 1", "line 1, column 1"),
    ],
)
def test_yaml_that_is_refused(text, said):
    with pytest.raises(ScenarioError) as caught:
        parse_yaml(text, "plan.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("plan.yaml: ")


def test_aliases_unfold_to_a_limit():
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)
    )
    with pytest.raises(ScenarioError, match="aliases unfold"):
        parse_yaml(bomb, "f")


def test_an_alias_may_be_used_twice():
    assert parse_yaml("a: &x {b: 1}\nc: *x", "f").content == {"a": {"b": 1}, "c": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "a": 2}', "a: the key stands twice"),
        ('{"a": NaN}', "expected a finite number"),
        ('{"a": Infinity}', "expected a finite number"),
        ('{"a": 1,}', "line 1, column"),
        ("", "line 1, column 1"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_json_that_is_refused(text, said):
    with pytest.raises(ScenarioError) as caught:
        parse_json(text, "f.json")
    assert said in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ScenarioError, match="not found"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(ScenarioError, match="is a folder"):
        read_document(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: été".encode("latin-1"))
    with pytest.raises(ScenarioError, match="byte 7: expected UTF-8"):
        read_document(tmp_path / "latin.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    (tmp_path / "s.yaml").write_bytes("name: x".encode("utf-8-sig"))
    assert read_document(tmp_path / "s.yaml").content == {"name": "x"}


def test_places_read_as_a_planner_counts():
    document = parse_yaml("rules:\n  - name: a\n  - name: b\n    volume:\n      max: 3\n", "f")
    assert document.where(("rules", 1, "volume", "max")) == "rules[2].volume.max (line 5)"
    assert document.where(("rules", 1, "volume", "min")) == "rules[2].volume.min (line 4)"
    assert spell(()) == "the file"
