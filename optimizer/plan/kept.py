"""What the independent check makes of the facts alone, kept for the next check of the same facts.

A planner changes a budget: customers, past contacts and filters stay what they were. Nothing here knows of the solver's
own memory, and nothing kept may name the facts, or they would never be forgotten.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from optimizer.scenario.facts import Facts

#: Bytes that may be kept of one set of facts, and by one part of it: what would go beyond is made again when asked for.
MOST, MOST_OF_ONE = 300 << 20, 100 << 20

T = TypeVar("T")


class Kept:
    """Parts made of one set of facts, each once; checks that run at the same time share it."""

    def __init__(self) -> None:
        self.bytes = 0
        self._made: dict[Hashable, Any] = {}
        self._turns: dict[Hashable, Lock] = {}
        self._one_at_a_time = Lock()

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """The part of that key, made where it is not kept.

        The key says all that the part depends on besides the facts. What is given out is never changed.
        """
        with self._one_at_a_time:
            if key in self._made:
                return cast(T, self._made[key])
            turn = self._turns.setdefault(key, Lock())
        with turn:
            with self._one_at_a_time:
                if key in self._made:
                    return cast(T, self._made[key])
            made = make()
            size = bytes_of(made)
            with self._one_at_a_time:
                if size <= MOST_OF_ONE and self.bytes + size <= MOST:
                    self._made[key] = made
                    self.bytes += size
                    self._turns.pop(key, None)
            return made


_KEPT: dict[int, Kept] = {}
_MAKING = Lock()


def kept_of(facts: Facts) -> Kept:
    """What is kept of these facts; it is forgotten with them."""
    with _MAKING:
        if id(facts) not in _KEPT:
            _KEPT[id(facts)] = Kept()
            weakref.finalize(facts, _KEPT.pop, id(facts), None)
        return _KEPT[id(facts)]


def bytes_of(value: Any) -> int:
    """About how much memory a part takes: its arrays, and a little for each of its other values."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, pd.Series):
        return int(value.memory_usage(deep=False))
    if isinstance(value, Mapping):
        return sum(bytes_of(key) + bytes_of(item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return 64 + sum(map(bytes_of, value))
    if is_dataclass(value) and not isinstance(value, type):
        return sum(bytes_of(getattr(value, item.name)) for item in fields(value))
    return 64
