"""From steps to layers of states: every class's choices, state by state, from its first slot to its last.

Layer t holds the states with t slots to decide. A state is a row of numbers and the class whose remaining steps it
has (the first of those with the same future, so that classes share states).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from optimizer.problem import Bools, Floats, Ints
from optimizer.solve.diagram.bundles import Bundles, step_bundles, touch_of
from optimizer.solve.diagram.caps import Caps, step_caps
from optimizer.solve.diagram.clashes import step_clashes
from optimizer.solve.diagram.compiled import Hashes, Int64, bare, compiled, mixed
from optimizer.solve.diagram.distinct import Groups, step_groups
from optimizer.solve.diagram.effects import Effects, step_effects, term_of
from optimizer.solve.diagram.pending import Pending, step_pending

#: States of a crowded layer that are kept to see what makes them many.
SAMPLE = 20_000
#: Numbers that the states of one layer may take in memory.
LAYER_SIZE = 1 << 26


class Program(NamedTuple):
    """What the steps of a batch of classes read. Columns of a state: caps from 0, then the others at theirs."""

    start: Int64  # (B+1,)
    slot: Ints  # (S,)
    future: Ints  # (S,) the first class with the same steps from here on
    caps: Caps
    blocks: Int64
    groups: Groups
    pending: Pending
    effects: Effects
    bundles: Bundles
    at_blocks: int
    at_groups: int
    at_pending: int
    at_effects: int
    at_bundles: int
    width: int


@dataclass(frozen=True)
class Layers:
    """States and arcs by layer, numbered through from the last layer up; 0 is the end.

    ``low`` and ``high`` are -1 where there is no such arc; ``term`` is 2 · (slot · ranks + rank) + changed, or where
    ``keys`` (K, 3) are given the row of them that holds this, the context and the touch of the contact;
    ``root`` (B,) is the state each class begins with; ``full`` (B,) marks classes with too many states.
    """

    low: Int64
    high: Int64
    low_worth: Floats
    high_worth: Floats
    term: Int64
    root: Int64
    full: Bools
    crowds: list[Crowd]
    keys: Int64 | None


@dataclass(frozen=True)
class Crowd:
    """Classes with too many states in a layer: the class that stands for their future, and some of the states."""

    layer: int
    cls: int
    classes: Int64
    rows: Int64


class TooWide(Exception):
    """Too many states at once: the batch must be halved."""


def layers(program: Program, limit: int, cut: bool = False) -> Layers:
    """Every state of every class, but of those with more than ``limit`` states in a layer.

    ``cut``: of a layer with more states so many are kept, as chance has it, and no class is full.
    """
    classes = len(program.start) - 1
    length = np.diff(program.start)
    ranks = program.effects.rank_of.shape[1]
    full = np.zeros(classes, bool)
    crowds: list[Crowd] = []
    root = np.zeros(classes, np.int64)
    rows, cls = np.empty((0, program.width), np.int64), np.empty(0, np.int32)
    found, bonds = [], []
    # Roots enter the layer of their number of slots; places in it are known before the layer is numbered.
    entered: list[tuple[int, Int64, Int64]] = []
    for t in range(int(length.max(initial=0)), 0, -1):
        entering = np.flatnonzero(length == t)
        if len(entering):
            own = program.future[program.start[entering] + t - 1]
            distinct, inverse = np.unique(own, return_inverse=True)
            entered.append((t, entering, len(rows) + inverse))
            rows = np.concatenate([rows, np.zeros((len(distinct), program.width), np.int64)])
            cls = np.concatenate([cls, distinct.astype(np.int32)])
        room = limit * _shares(program, length, t - 1)
        crowd = np.zeros(classes, np.int64)
        low, high, low_worth, high_worth, term, bond, numbers, cls_next, size = _expanded(
            t, rows, cls, program, crowd, room, ranks
        )
        bonds.append(bond)
        rows_next = numbers[:size].copy()
        cls_next = cls_next[:size].copy()
        found.append((low, high, low_worth, high_worth, term))
        if cut and size:
            # Which states are met first must not say which sets are left.
            place = np.random.default_rng(t).permutation(size)
            found[-1] = (_moved(low, place), _moved(high, place), low_worth, high_worth, term)
            order = np.argsort(place)
            rows_next, cls_next = rows_next[order], cls_next[order]
        over = np.flatnonzero(crowd > room) if not cut else np.empty(0, np.int64)
        if len(over):
            of_layer = program.future[program.start[:-1] + np.minimum(t - 2, length - 1)]
            for one in over.tolist():
                hit = np.flatnonzero((length >= t) & (of_layer == one) & ~full)
                full[hit] = True
                some = rows_next[cls_next == one]
                if len(hit):
                    crowds.append(Crowd(t - 1, one, hit, some[:: max(1, len(some) // SAMPLE)]))
            stays = ~np.isin(cls_next, over)
            place = np.where(stays, np.cumsum(stays) - 1, -1)
            found[-1] = (_moved(low, place), _moved(high, place), low_worth, high_worth, term)
            rows_next, cls_next = rows_next[stays], cls_next[stays]
        rows, cls = rows_next, cls_next
        if rows.size > LAYER_SIZE and classes > 1:
            raise TooWide
    found.reverse()
    bonds.reverse()
    sizes = [1, *(len(layer[0]) for layer in found)]
    begins = np.concatenate([[0], np.cumsum(sizes)])
    for t, entering, place in entered:
        root[entering] = begins[t] + place
    empty = np.empty(0)
    shifted = [
        [np.where(layer[side] >= 0, layer[side] + begins[t], -1) for side in (0, 1)] for t, layer in enumerate(found)
    ]
    terms, keys = np.concatenate([np.empty(0, np.int64), *(layer[4] for layer in found)]), None
    if program.bundles.bonded:
        context = np.concatenate([np.empty((0, 2), np.int64), *bonds])
        keys, terms = np.unique(np.column_stack([terms, context]), axis=0, return_inverse=True)
        terms = terms.astype(np.int64)
    # The end comes first.
    end = np.full(1, -1, np.int64)
    return Layers(
        np.concatenate([end, *(pair[0] for pair in shifted)]),
        np.concatenate([end, *(pair[1] for pair in shifted)]),
        np.concatenate([np.zeros(1), *(layer[2] for layer in found), empty]),
        np.concatenate([np.zeros(1), *(layer[3] for layer in found), empty]),
        np.concatenate([end, terms]),
        root,
        full,
        crowds,
        keys,
    )


def _shares(program: Program, length: Int64, t: int) -> Int64:
    """How many classes share the states of each class in layer t, (B,)."""
    inside = program.start[:-1][length >= max(t, 1)] + max(t, 1) - 1
    return np.bincount(program.future[inside], minlength=len(length)).astype(np.int64)


def _moved(child: Int64, place: Int64) -> Int64:
    return np.where(child >= 0, place[child], -1)


@compiled
def _expanded(
    t: int, rows: Int64, cls: Ints, program: Program, crowd: Int64, allowed: Int64, ranks: int
) -> tuple[Int64, Int64, Floats, Floats, Int64, Int64, Int64, Ints, int]:
    """The arcs of layer t's states, and the states of the next layer."""
    count, width = len(rows), rows.shape[1]
    low, high = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    low_worth, high_worth = np.zeros(count), np.zeros(count)
    term = np.empty(count, np.int64)
    bond = np.zeros((count if program.bundles.bonded else 0, 2), np.int64)
    room = max(64, count)
    next_rows, next_cls = np.empty((room, width), np.int64), np.empty(room, np.int32)
    next_hash = np.empty(room, np.uint64)
    size = 256
    while size < 3 * room:
        size *= 2
    table = np.full(size, -1, np.int32)
    row, counts = np.empty(width, np.int64), np.zeros(64 * (program.pending.words + 1), np.int64)
    done, found = 0, 0
    while True:
        done, found = _filled(
            done, found, t, rows, cls, program, crowd, allowed, ranks, row, counts, low, high, low_worth, high_worth,
            term, bond, next_rows, next_cls, next_hash, table,
        )  # fmt: skip
        if done == count:
            return low, high, low_worth, high_worth, term, bond, next_rows, next_cls, found
        if found + 2 > room:
            room *= 2
            wider_rows, wider_cls, wider_hash = next_rows, next_cls, next_hash
            next_rows, next_cls = np.empty((room, width), np.int64), np.empty(room, np.int32)
            next_hash = np.empty(room, np.uint64)
            next_rows[:found], next_cls[:found] = wider_rows[:found], wider_cls[:found]
            next_hash[:found] = wider_hash[:found]
        if 2 * (found + 2) > size:
            size *= 2
            table = np.full(size, -1, np.int32)
            for other in range(found):
                at = np.int64(next_hash[other] & np.uint64(size - 1))
                while table[at] >= 0:
                    at = (at + 1) & (size - 1)
                table[at] = other


@bare
def _filled(
    begin: int, found: int, t: int, rows: Int64, cls: Ints, program: Program, crowd: Int64, allowed: Int64, ranks: int,
    row: Int64, counts: Int64, low: Int64, high: Int64, low_worth: Floats, high_worth: Floats, term: Int64, bond: Int64,
    next_rows: Int64, next_cls: Ints, next_hash: Hashes, table: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Decide the states from ``begin`` while there is room for next ones; how far it came, how many there are now."""
    count, width, size = len(rows), rows.shape[1], len(table)
    room = min(len(next_cls), size // 2)
    bundled = program.bundles.bonded
    interacts, groups = program.at_bundles > program.at_effects, program.at_pending > program.at_groups
    for k in range(begin, count):
        if found + 2 > room:
            return k, found
        c = cls[k]
        s = program.start[c] + t - 1
        term[k] = 2 * program.slot[s] * ranks
        for w in range(width):
            row[w] = rows[k, w]
        kind = term_of(row, program.at_effects, s, program.effects) if interacts else 0
        term[k] += kind
        if bundled:
            if program.bundles.column[s] >= 0:
                bond[k, 0] = row[program.at_bundles + program.bundles.column[s]]
            bond[k, 1] = touch_of(row, program.at_bundles, s, program.bundles)
        for choice in range(2):
            take = choice == 1
            for w in range(width):
                row[w] = rows[k, w]
            if not step_clashes(row, program.at_blocks, s, t - 1, take, program.blocks):
                continue
            cost = step_caps(row, 0, s, take, program.caps)
            if cost < np.inf and groups:
                cost += step_groups(row, program.at_groups, s, take, program.groups)
            if cost < np.inf and program.pending.rules:
                cost += step_pending(row, program.at_pending, s, t - 1, take, program.pending, counts)
            if cost == np.inf:
                continue
            if interacts:
                step_effects(row, program.at_effects, s, take, program.effects)
            if bundled:
                step_bundles(row, program.at_bundles, s, take, kind, program.bundles)
            child = 0
            if t > 1:
                to = program.future[s - 1]
                code = mixed(np.uint64(to))
                for w in range(width):
                    code = (code ^ np.uint64(row[w])) * np.uint64(0x9E3779B97F4A7C15)
                    code ^= code >> np.uint64(32)
                at = np.int64(code & np.uint64(size - 1))
                while table[at] >= 0:
                    other = table[at]
                    if next_hash[other] == code and next_cls[other] == to:
                        same = True
                        for w in range(width):
                            if next_rows[other, w] != row[w]:
                                same = False
                                break
                        if same:
                            break
                    at = (at + 1) & (size - 1)
                if table[at] >= 0:
                    child = table[at]
                else:
                    if crowd[to] > allowed[to]:
                        continue
                    crowd[to] += 1
                    for w in range(width):
                        next_rows[found, w] = row[w]
                    next_cls[found], next_hash[found] = to, code
                    table[at] = found
                    child = found
                    found += 1
            if take:
                high[k], high_worth[k] = child, -cost
            else:
                low[k], low_worth[k] = child, -cost
    return count, found
