"""Which units a core takes: those nearest to a tie from every group, and those who may mend a row left broken."""

from __future__ import annotations

import math

import numpy as np

from optimizer.problem import Floats, Ints
from optimizer.solve.decomposed.dual import Dual, Point
from optimizer.solve.decomposed.sweep import Choice

#: Cores' sizes of units near a tie among which those are looked for that may mend a broken row.
MENDERS = 50


def nearest_ties(losses: Floats, group: Ints, most: int) -> Ints:
    """Units by what another choice loses, the same share of every group first: each dealer has some who may change.

    At least the first ``most`` of all; groups stand together and ascend, as units do.
    """
    size = np.bincount(group)
    near = np.arange(len(losses))
    if len(losses) > 2 * most:
        # Of the first so many no group has more than its share, and one.
        ends = np.cumsum(size)
        slices = [slice(end - count, end) for count, end in zip(size, ends, strict=True) if count]
        shares = [(part.stop - part.start) * most // len(losses) for part in slices]
        kept = [losses[part] <= np.partition(losses[part], k)[k] for part, k in zip(slices, shares, strict=True)]
        near = np.flatnonzero(np.concatenate(kept))
        losses, group = losses[near], group[near]
    order = np.lexsort((losses, group))
    begin = np.searchsorted(group[order], group[order], side="left")
    turn = (np.arange(len(order)) - begin) / size[group[order]]
    return near[order[np.lexsort((losses[order], turn))]].astype(np.int32)


def menders(dual: Dual, point: Point, choice: Choice, losses: Floats, size: int) -> Ints:
    """Units that may mend a row which the prices leave broken: few may touch it among those nearest to a tie."""
    columns, links, rows = dual.columns, dual.links, dual.structure.rows
    use = point.use.sum(axis=0)
    shorts = [max(row.lower - use[r], use[r] - row.upper) for r, row in enumerate(rows)]
    broken = [r for r, short in enumerate(shorts) if short > 0]
    found: list[Ints] = [np.empty(0, np.int32)]
    count = min(MENDERS * size, columns.units)
    while broken:
        near = np.sort(np.argpartition(losses, count - 1)[:count]).astype(np.int32)
        position, owner = columns.of(near)
        code, later = columns.code[position], []
        for r in broken:
            weight = np.max([np.abs(table[:, [r]].toarray()[:, 0]) for table in links.tables], axis=0)
            may = (weight > 0)[code]
            if use[r] > rows[r].upper:
                may &= choice.chosen[position]
            its = owner[may]
            units = near[its[np.flatnonzero(np.diff(its, prepend=-1))]]
            most = float(weight.max(initial=0.0))
            wanted = min(size // 10 + 4 * math.ceil(shorts[r] / most) if most > 0 else 0, size)
            if len(units) < wanted and count < columns.units:
                later.append(r)
            found.append(units[np.argsort(losses[units], kind="stable")[:wanted]])
        broken, count = later, columns.units
    return np.concatenate(found)
