"""A first plan: what customers choose under the prices known, brought into the rows, and money set around it.

It is asked for where time is over, or the search broken off, before any core has found a plan, and where cores find
none. No solver chooses contacts here: sweeps in turn do (``repair``). Only money and what stands on curves is then set
by a core of nobody, which also says that every row is kept and what the plan is worth.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from optimizer.problem import Floats
from optimizer.solve.decomposed.alternatives import Alternatives
from optimizer.solve.decomposed.core import CorePlan, solve_core
from optimizer.solve.decomposed.dual import Dual, Point
from optimizer.solve.decomposed.prices import find_prices, first_reach
from optimizer.solve.decomposed.repair import Bounds, repair
from optimizer.solve.decomposed.structure import allowed
from optimizer.solve.decomposed.sweep import Choice

#: Customers of the samples whose prices are found where none are known, and so many a row at least.
SAMPLES, A_ROW = (4_000, 40_000), 20
#: How near those prices come to the best, relatively, the rounds and the seconds they take at most.
NEAR, ROUNDS, SECONDS = 2e-4, 80, 5.0
#: Blocks of units that answer the master with a column each.
BLOCKS = 24
#: Seconds for the money around the contacts.
MONEY = 10.0
#: How a note begins that says why there is none.
NONE = "no first plan"
#: Rows named where some cannot be kept.
NAMED = 5


def sampled_prices(dual: Dual) -> Floats:
    """Prices of samples of the customers, found in a few seconds, (rows,)."""
    rows, units = dual.structure.rows, dual.columns.units
    price, half = allowed(rows, np.zeros(len(rows))), None
    until = time.monotonic() + SECONDS
    for size in SAMPLES:
        size = min(max(size, A_ROW * len(rows)), units)
        stage = dual.stage((np.arange(size, dtype=np.int64) * units // size).astype(np.int32), BLOCKS)
        _, row_scale, scale = first_reach(dual, stage)
        if half is None:
            half = 10.0 * scale / row_scale
        price = find_prices(
            dual, stage, price, half, row_scale, scale, tolerance=NEAR, rounds=ROUNDS,
            stop=lambda: time.monotonic() > until,
        ).best.price  # fmt: skip
        half = 0.1 * np.abs(price) + 1e-3 * scale / row_scale
        if size == units:
            break
    return price


def first_plan(run: Any) -> CorePlan | None:
    """A plan from the prices and choices of a run, with no core; where it fails a note in the run says why."""
    dual, point, choice = run.dual, run.point, run.choice
    run.tell("a first plan")
    contact = dual.contact
    bounds, elsewhere = _bounds(dual, point, choice, run.inside)
    found = repair(
        dual, choice, point.price, run.losses, bounds, elsewhere, contact,
        lambda count: run.tell(f"a first plan: {count:,} customers choose anew"),
    )  # fmt: skip
    if found.broken.any():
        rows = dual.structure.rows
        worst = np.argsort(-found.broken / contact, kind="stable")[:NAMED]
        names = [
            f"{rows[r].rule} [{rows[r].scope}]" if rows[r].scope else rows[r].rule for r in worst if found.broken[r] > 0
        ]
        words = "these rules could not be kept together"
        if found.ended:
            words = "time was over before these rules were kept"
        run.notes.append(f"{NONE}: {words}: " + ", ".join(dict.fromkeys(names)))
        return None
    plan = _with_money(run, found.choice)
    if plan is None:
        run.notes.append(f"{NONE}: around the contacts chosen no money keeps the rules")
    return plan


def _bounds(dual: Dual, point: Point, choice: Choice, inside: float) -> tuple[Bounds, Floats]:
    """What rows allow contacts, and what else uses of them, where blocks stand as prices and contacts say."""
    structure = dual.structure
    rows, contacts = structure.rows, dual.use(np.flatnonzero(choice.chosen))
    lower, upper = np.array([row.lower for row in rows]), np.array([row.upper for row in rows])
    below, above = np.array([row.penalty_below for row in rows]), np.array([row.penalty_above for row in rows])
    tolerance = np.array([row.tolerance for row in rows])
    least = np.where(np.isfinite(below), lower - tolerance, lower)
    most = np.where(np.isfinite(above), upper + tolerance, upper)
    # Of whole steps a row needs no room for rounding.
    parted = np.array([row.step == 0.0 and row.lower < row.upper for row in rows], bool)
    for bound, penalty, sign in ((least, below, 1.0), (most, above, -1.0)):
        away = parted & np.isfinite(bound) & ~np.isfinite(penalty)
        bound[away] += sign * 2.0 * inside * (np.abs(bound[away]) + np.abs(contacts[away]))
    lower, upper = np.maximum(lower, least), np.minimum(upper, most)
    counted = np.ones(len(rows), bool)
    elsewhere = np.zeros(len(rows))
    for block, place in zip(structure.blocks, point.places, strict=True):
        stands = float(place)
        on = block.on and (stands > 0 or not block.or_zero)
        for part in block.parts:
            counted[part.row], least[part.row], most[part.row] = False, -np.inf, np.inf
            lower[part.row], upper[part.row] = -np.inf, np.inf
        if block.row >= 0:
            r = block.row
            if block.or_zero:
                on = block.on and contacts[r] >= max(0.5 * block.low, 0.5)
            stands = float(np.clip(contacts[r], block.low, block.high)) if on else 0.0
            counted[r] = block.opening >= 0
            if counted[r] and on:
                least[r], most[r] = block.low - stands, block.high - stands
                lower[r], upper[r] = least[r], most[r]
        if on:
            elsewhere += block.weight[0] * stands + block.weight[1] * block.value(stands) + block.weight[2]
    return Bounds(least, lower, upper, most, _finite(below), _finite(above), counted), elsewhere


def _finite(penalty: Floats) -> Floats:
    """Penalties with that of hard bounds as one no price comes near."""
    return np.where(np.isfinite(penalty), penalty, 1e300)


def _with_money(run: Any, choice: Choice) -> CorePlan | None:
    """The plan with its money: a core of nobody."""
    dual = run.dual
    nobody = Alternatives(
        np.empty(0, np.int32), np.empty(0), np.empty(0), np.zeros(1, np.int64), np.empty(0, np.int64)
    )  # fmt: skip
    settled, worth = run.settled(nobody.unit, choice)
    return solve_core(
        dual, nobody, settled, worth, run.point.places, gap=run.gap / 2, deadline=time.monotonic() + MONEY,
        stop=lambda: False, report=None, inside=run.inside,
    )  # fmt: skip
