"""What a solve leaves behind for the next one on the same tables: rules compiled, diagrams and columns built.

A planner tries another budget, finance asks what a rule costs: the tables stay, one bound changes. What was made of the
tables lives as long as the facts do, and is taken again only where everything that it was made from is the same.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from optimizer.scenario.facts import Facts


@dataclass
class Memory:
    """What is kept of one set of facts.

    Attributes
    ----------
    key : what the kept parts depend on besides the facts and their own rule.
    compiled : what each rule became, by the rule's words.
    checked : rules that were held against the tables and passed, by the words of the rest and their own.
    order : the canonical order of customers, None until it is asked for.
    reaches : what coupling rows can reach, None until it was asked for.
    prepared : a problem and what the decomposed path made of it, None until there is one.
    """

    key: str = ""
    compiled: dict[str, Any] = field(default_factory=dict)
    checked: set[tuple[str, str]] = field(default_factory=set)
    order: Any = None
    reaches: Any = None
    prepared: Any = None


_MEMORIES: dict[int, Memory] = {}


def memory_of(facts: Facts) -> Memory:
    """The memory of these facts; it is forgotten with them."""
    key = id(facts)
    if key not in _MEMORIES:
        _MEMORIES[key] = Memory()
        weakref.finalize(facts, _MEMORIES.pop, key, None)
    return _MEMORIES[key]


def words(value: Any) -> str:
    """A value as text that differs wherever the value does; a table stands for itself, not for its content."""
    if isinstance(value, pd.DataFrame | pd.Series | np.ndarray):
        return f"table {id(value)}"
    if is_dataclass(value) and not isinstance(value, type):
        return words({item.name: getattr(value, item.name) for item in fields(value)})
    if hasattr(value, "model_fields_set"):
        return words({name: getattr(value, name) for name in type(value).model_fields})
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {words(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"{type(value).__name__}(" + ", ".join(words(item) for item in value) + ")"
    return f"{type(value).__name__} {value!r}"


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal throughout: dataclasses by field, arrays by content, anything else by ``==``."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(one.shape == other.shape and one.dtype == other.dtype and np.array_equal(one, other))
    if is_dataclass(one):
        return all(same(getattr(one, item.name), getattr(other, item.name)) for item in fields(one))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, pd.api.extensions.ExtensionArray):
        return bool(pd.Series(one).equals(pd.Series(other)))
    return bool(one == other)
