"""Bonds along the steps: which earlier contacts of its group a contact joins, which labels it is the first to touch.

Both are carried only as long as a later slot of the class reads them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.problem import Bools, Ints
from optimizer.solve.diagram.bonds import Bonds
from optimizer.solve.diagram.compiled import Hashes, Int64, bare, compiled
from optimizer.solve.diagram.steps import Steps, say, say_runs

#: Bits of one word of the state.
_BITS = 62


class Bundles(NamedTuple):
    """What bonds read at each step.

    ``column[s]`` is the column of the state with the context of the step's group, -1 where the class has no other slot
    of it; ``digit`` what the step's kind is multiplied with there; ``ends`` whether no later slot is of the group.
    Runs of touches by step, ``start`` (S+1,): ``reach`` the bit of the touch; ``bit`` where the state says that the
    label was touched, -1 where nothing else of the class touches it; ``later`` whether a later slot may. ``bonded``
    says whether there are bonds at all.
    """

    column: Ints
    digit: Int64
    ends: Bools
    start: Int64
    reach: Int64
    bit: Int64
    later: Bools
    contexts: int
    words: int
    bonded: bool

    @property
    def width(self) -> int:
        """Columns of the state: the contexts, then words of touched labels."""
        return self.contexts + self.words


def bundles_of(bonds: Bonds | None, steps: Steps) -> Bundles:
    """What bonds read at each step."""
    size = len(steps.cls)
    none = np.full(size, -1, np.int32)
    if bonds is None:
        empty = np.empty(0, np.int64)
        return Bundles(
            none, np.zeros(size, np.int64), np.zeros(size, bool), np.zeros(size + 1, np.int64), empty, empty,
            np.empty(0, bool), 0, 0, False,
        )  # fmt: skip
    members = int(steps.member.max(initial=0)) + 1
    group = bonds.group[steps.activity].astype(np.int64)
    label = np.where(group >= 0, group * members + steps.member, -1)[:, None]
    column, later = _places(steps.start, np.arange(size + 1), label[:, 0], int(label.max(initial=-1)) + 1)
    digit = np.int64(bonds.radix) ** bonds.place[steps.activity].astype(np.int64)
    at, reach, labels = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    wide = 0
    for number, anchor in enumerate(bonds.anchor):
        own = anchor[steps.pair].astype(np.int64)
        there = np.flatnonzero(own >= 0)
        at.append(there)
        reach.append(np.full(len(there), number))
        labels.append(own[there] + wide)
        wide += int(own.max(initial=-1)) + 1
    step = np.concatenate(at)
    order = np.argsort(step, kind="stable")
    start = np.searchsorted(step[order], np.arange(size + 1)).astype(np.int64)
    touches = np.concatenate(labels)[order]
    bit, again = _places(steps.start, start, touches, wide)
    contexts = int(column.max(initial=-1)) + 1
    words = (int(bit.max(initial=-1)) + _BITS) // _BITS
    return Bundles(
        column.astype(np.int32), digit, (column >= 0) & ~later, start, np.concatenate(reach)[order], bit, again,
        contexts, words, True,
    )  # fmt: skip


def say_bundles(said: Hashes, bundles: Bundles) -> None:
    """Add what bonds read at each step to its hash."""
    say(said, np.stack([bundles.column.astype(np.int64), bundles.digit, bundles.ends.astype(np.int64)], axis=1))
    say_runs(said, bundles.start, np.stack([bundles.reach, bundles.bit, bundles.later.astype(np.int64)], axis=1))


@compiled
def _places(class_start: Int64, start: Int64, label: Int64, labels: int) -> tuple[Int64, Bools]:
    """A place for each label of a class while it lives, -1 where it is met once; whether it is met again later.

    ``start`` (S+1,) are runs of ``label`` by step; labels below 0 are none. A place is free again after its label.
    """
    place, later = np.full(len(label), -1, np.int64), np.zeros(len(label), np.bool_)
    count, own = np.zeros(labels, np.int64), np.full(labels, -1, np.int64)
    taken = np.zeros(len(label) + 1, np.bool_)
    for c in range(len(class_start) - 1):
        begin, end = start[class_start[c]], start[class_start[c + 1]]
        for r in range(begin, end):
            if label[r] >= 0:
                count[label[r]] += 1
        used = 0
        for s in range(class_start[c + 1] - 1, class_start[c] - 1, -1):
            for r in range(start[s], start[s + 1]):
                if label[r] < 0 or (count[label[r]] == 1 and own[label[r]] < 0):
                    continue
                if own[label[r]] < 0:
                    free = 0
                    while taken[free]:
                        free += 1
                    taken[free] = True
                    used = max(used, free + 1)
                    own[label[r]] = free
                place[r] = own[label[r]]
                count[label[r]] -= 1
                later[r] = count[label[r]] > 0
            # Freed after the step, so that no other label of the same step moves in.
            for r in range(start[s], start[s + 1]):
                if label[r] >= 0 and own[label[r]] >= 0 and not later[r]:
                    taken[own[label[r]]] = False
        for r in range(begin, end):
            if label[r] >= 0:
                count[label[r]] = 0
                own[label[r]] = -1
        taken[:used] = False
    return place, later


@bare
def touch_of(row: Int64, offset: int, s: int, bundles: Bundles) -> int:
    """The reaches whose label the step's contact is the first to touch, as bits."""
    touch = np.int64(0)
    for r in range(bundles.start[s], bundles.start[s + 1]):
        bit = bundles.bit[r]
        seen = bit >= 0 and (row[offset + bundles.contexts + bit // _BITS] >> (bit % _BITS)) & 1
        if not seen:
            touch |= np.int64(1) << bundles.reach[r]
    return int(touch)


@bare
def step_bundles(row: Int64, offset: int, s: int, take: bool, kind: int, bundles: Bundles) -> None:
    """Decide step ``s``, whose contact is of ``kind`` 2 · rank index + changed."""
    column = bundles.column[s]
    if column >= 0:
        if bundles.ends[s]:
            row[offset + column] = 0
        elif take:
            row[offset + column] += bundles.digit[s] * (1 + kind)
    for r in range(bundles.start[s], bundles.start[s + 1]):
        bit = bundles.bit[r]
        if bit < 0:
            continue
        word = offset + bundles.contexts + bit // _BITS
        mask = np.int64(1) << (bit % _BITS)
        if not bundles.later[r]:
            row[word] &= ~mask
        elif take:
            row[word] |= mask
