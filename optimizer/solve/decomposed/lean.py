"""Lean cores: every choice that a better plan may hold, under the rows that prices rest on alone.

Choices that only other rows tell apart are one there, and those rows are left out until a plan breaks one: what is left
is a relaxation, so that its bound is true, and small, so that it can be searched to the end. Of choices that lose more
than L against the best of their unit no plan is worth more than D − L:

    bound = max(bound of the core of all choices that lose at most L,  D − L)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.problem import Bools, Floats
from optimizer.solve.decomposed.alternatives import alternatives, second_best_losses
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.core import solve_core
from optimizer.solve.decomposed.dual import Dual, Point
from optimizer.solve.decomposed.links import merged

#: Prices this small, in scales of their rows, are none; and the part of the gap that D may rise by so.
NONE, RISE = 1e-5, 0.05
#: Choices of the first core and of the largest; of one unit.
FIRST, LARGEST, CHOICES = 4_000, 60_000, 64
#: Cores at most.
CORES = 12


@dataclass(frozen=True)
class _Seen:
    """Columns and what they cost as some rows see them."""

    columns: Columns
    prices: Floats


def lean_cores(run: Any) -> None:
    """Search cores of growing size, where no block has a curve; the best plan and the bound are left in ``run``."""
    dual = run.dual
    everyone = np.arange(dual.columns.units, dtype=np.int32)
    point = _without_small(run)
    choice = dual.chosen(point.price, run.everyone).choice
    rows = dual.structure.rows
    equal = np.array([row.lower == row.upper for row in rows], bool)
    active = (point.price != 0) | equal
    seen = _seen(dual, active, point.price)
    losses = second_best_losses(seen.columns, everyone, seen.prices)
    size = FIRST
    for _ in range(CORES):
        if run.reached or run.out_of_time():
            return
        left = point.value - run.best.worth if run.best is not None else math.inf
        size = min(size, len(losses))
        loss = min(left, float(np.partition(losses, size - 1)[size - 1]))
        if not math.isfinite(loss):
            loss = float(losses.max(where=np.isfinite(losses), initial=0.0))
        core = np.flatnonzero(losses <= loss).astype(np.int32)
        options = alternatives(seen.columns, dual.standing(core), seen.prices, CHOICES, loss)
        if len(options.unit) > LARGEST:
            return
        whole = bool((np.bincount(options.unit, minlength=dual.columns.units) < CHOICES).all())
        settled, worth = run.settled(core, choice)
        label = f"core of {len(core):,} customers, {dual.columns.units - len(core):,} settled"
        run.tell(label)
        found = solve_core(
            dual, options, settled, worth, point.places, gap=run.gap / 2, deadline=run.deadline,
            stop=run.out_of_time, report=run.listener(label), inside=run.inside, counted=active, only=active,
        )  # fmt: skip
        if found is None:
            if size >= len(losses):
                return
            size *= 2
            continue
        if whole:
            run.prove(max(found.bound, point.value - loss), by_solver=found.by_solver)
        broken = _broken(dual, found.chosen, found.places, active)
        if broken.any():
            active |= broken
            seen = _seen(dual, active, point.price)
            losses = second_best_losses(seen.columns, everyone, seen.prices)
            continue
        if run.best is None or found.worth > run.best.worth:
            run.best = found
        if loss >= left or size >= len(losses):
            return
        size *= 2


def _without_small(run: Any) -> Point:
    """The point without prices too small to mean anything, where D hardly rises by that."""
    point: Point = run.point
    small = np.abs(point.price) < NONE * run.scales
    if not small.any():
        return point
    other: Point = run.dual.at(np.where(small, 0.0, point.price), run.everyone)
    return other if other.value - point.value <= RISE * run.gap * abs(point.value) else point


def _seen(dual: Dual, active: Bools, price: Floats) -> _Seen:
    """Columns as the active rows see them: codes and bases that no such row tells apart are one."""
    columns, links = dual.columns, dual.links
    rows = np.flatnonzero(active)
    tables = [table[:, rows] for table in links.tables]
    kept = [b for b, table in enumerate(tables) if b == 0 or table.count_nonzero()]
    code, tables = merged(columns.code, [tables[b] for b in kept])
    base = columns.base[[b - 1 for b in kept[1:]]]
    prices = np.stack([np.asarray(table @ price[rows]) for table in tables])
    return _Seen(replace(columns, code=code, base=base), prices)


def _broken(dual: Dual, chosen: Bools, places: Floats, active: Bools) -> Bools:
    """Rows left out that a plan breaks."""
    use = dual.use(np.flatnonzero(chosen))
    for block, place in zip(dual.structure.blocks, places, strict=True):
        if block.on and (place > 0 or not block.or_zero):
            use = use + block.weight[0] * place + block.weight[2]
    lower = np.array([row.lower for row in dual.structure.rows])
    upper = np.array([row.upper for row in dual.structure.rows])
    return np.asarray(~active & ((use < lower) | (use > upper)))
