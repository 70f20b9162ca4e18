"""Paths: many journeys as flat arrays, the form in which attribution reads them.

A path is the sequence of channels that a journey touched. Journeys with the same path are counted together wherever
their times do not matter: a million journeys are a few thousand paths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from optimizer.learn.journeys.exact_sums import sums_by, total

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]


@dataclass(frozen=True)
class Paths:
    """Journeys toward one KPI.

    Parameters
    ----------
    names : tuple of str
        Channels (or campaigns) in the order of their text.
    start : array of int, n + 1
        Where the touches of each path begin in ``step``; no path is empty.
    step : array of int
        The touches of all paths one after the other, as states.
    conversions, value, lost : array of float, n
        Conversions on each path, what they are worth in money, and journeys that ended without one.
    valued : bool
        Whether the input told values; where it did not, ``value`` is 0 and means nothing.
    age : array of float, optional
        Days from each touch to the end of its journey; only where a path is a single journey.
    end : array of int, n, optional
        When each journey ended, microseconds since 1970 in UTC; only where ``age`` is.
    customer : array of int, n, optional
        Whose journey it was; only where ``age`` is.
    lead : array of float, n, optional
        Days from the lead within each journey to its end, NaN where there is none; only where it was asked for.
    owner : array of int, optional
        The name each state belongs to, where states are finer than names (``search(2)``); else states are names.
    """

    names: tuple[str, ...]
    start: Ints
    step: Codes
    conversions: Floats
    value: Floats
    lost: Floats
    valued: bool = True
    age: Floats | None = None
    end: Ints | None = None
    customer: Ints | None = None
    lead: Floats | None = None
    owner: Codes | None = None

    def __len__(self) -> int:
        return len(self.start) - 1

    @cached_property
    def length(self) -> Ints:
        """Number of touches of each path."""
        return np.diff(self.start)

    @cached_property
    def path(self) -> Ints:
        """The path of each touch."""
        return np.repeat(np.arange(len(self)), self.length)

    @cached_property
    def position(self) -> Ints:
        """The place of each touch in its path, from 0."""
        return np.arange(len(self.step)) - np.repeat(self.start[:-1], self.length)

    @cached_property
    def channel(self) -> Codes:
        """The name of each touch, as a position in ``names``."""
        return self.step if self.owner is None else self.owner[self.step]

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self.names) if self.owner is None else len(self.owner)

    @cached_property
    def totals(self) -> tuple[float, float, float]:
        """Conversions, value and journeys without conversion, of all paths."""
        return total(self.conversions), total(self.value), total(self.lost)

    def converting(self) -> Paths:
        """The paths that carry conversions or value."""
        return self.take(np.flatnonzero((self.conversions > 0) | (self.value > 0)))

    def take(self, rows: Ints) -> Paths:
        """Some of the paths, in the order given."""
        if len(rows) == len(self) and np.array_equal(rows, np.arange(len(self))):
            return self
        length = self.length[rows]
        start = np.concatenate(([0], np.cumsum(length)))
        touches = np.arange(start[-1]) + np.repeat(self.start[:-1][rows] - start[:-1], length)
        return replace(
            self,
            start=start,
            step=self.step[touches],
            conversions=self.conversions[rows],
            value=self.value[rows],
            lost=self.lost[rows],
            age=None if self.age is None else self.age[touches],
            end=None if self.end is None else self.end[rows],
            customer=None if self.customer is None else self.customer[rows],
            lead=None if self.lead is None else self.lead[rows],
        )

    def keep(self, touches: NDArray[np.bool_]) -> Paths:
        """Only some of the touches; every path must keep one."""
        length = np.bincount(self.path[touches], minlength=len(self))
        return replace(
            self,
            start=np.concatenate(([0], np.cumsum(length))),
            step=self.step[touches],
            age=None if self.age is None else self.age[touches],
        )

    def distinct(self) -> Paths:
        """Equal paths counted together, in the order of their names; times are gone."""
        words = _as_binary(self.start, self.step, self.states)
        encoded = words.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        group = rank[encoded.indices.to_numpy()]
        first = np.full(len(order), len(self), np.int64)
        np.minimum.at(first, group, np.arange(len(self)))
        size = len(order)
        if size == len(self) and np.array_equal(group, np.arange(size)):
            return self._timeless()
        return replace(
            self._timeless().take(first),
            conversions=sums_by(group, self.conversions, size),
            value=sums_by(group, self.value, size),
            lost=sums_by(group, self.lost, size),
        )

    def _timeless(self) -> Paths:
        return replace(self, age=None, end=None, customer=None, lead=None)

    def texts(self, separator: str = " > ") -> list[str]:
        """Each path as text, its touches by their channel."""
        named = [self.names[channel] for channel in self.channel.tolist()]
        start = self.start.tolist()
        return [separator.join(named[start[row] : start[row + 1]]) for row in range(len(self))]


def _as_binary(start: Ints, step: Codes, states: int) -> pa.LargeBinaryArray:
    """Every path as a word of bytes, so that equal paths are equal words and words sort as paths do."""
    kind = np.dtype(">u1") if states <= 1 << 8 else np.dtype(">u2") if states <= 1 << 16 else np.dtype(">u4")
    data = np.ascontiguousarray(step.astype(kind))
    offsets = np.ascontiguousarray(start * kind.itemsize, dtype=np.int64)
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(start) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )
