"""The core: a small program over the customers whose choice is nearly a tie; all others keep theirs.

    max Σ worth_p y_p + curves − penalties   s.t.   Σ_{p of u} y_p = 1 for every unit of the core,
                                                   lo ≤ settled + Σ use_p y_p + media ≤ hi

A choice of a unit is one binary: local rules, ranks and histories are in it already. Units that are alike have one
variable a choice together, which counts how many of them make it. Curves are stated from the inner
side, so that the plan holds on the true ones. Where every choice that loses less than what is left of the gap stands in
the core, its own bound is the problem's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from optimizer.problem import Bools, Floats
from optimizer.solve.decomposed.alternatives import Alternatives
from optimizer.solve.decomposed.core_blocks import StatedBlock
from optimizer.solve.decomposed.counts import state_counts
from optimizer.solve.decomposed.dual import Dual
from optimizer.solve.linear_model import Indices, LinearModel
from optimizer.solve.mip import solve_mip

#: Real-valued rows are kept this part of their size away from their bounds, so that the check's rounding cannot matter.
INSIDE = 1e-11
#: Price of breaking a hard row by one contact, in contacts' worth; and the part of one that is rounding.
SHORT, SHORTEST = 3.0, 1e-9


@dataclass(frozen=True)
class CorePlan:
    """The core's answer: columns chosen (J,), money of each curve's argument, worth, and the core's own bound.

    ``by_solver``: the bound rests on the solver's tree, not on prices evaluated here.
    """

    chosen: Bools
    places: Floats
    worth: float
    bound: float
    interrupted: bool
    by_solver: bool = True


def uses(dual: Dual, columns: NDArray[np.int64], owner: NDArray[np.int64], count: int) -> sp.csr_array:
    """Σ of the linking rows' coefficients of columns by owner, sparse (count, rows)."""
    links, own = dual.links, dual.columns
    total = sp.csr_array((count, len(dual.structure.rows)))
    for b, table in enumerate(links.tables):
        value = np.ones(len(columns)) if b == 0 else own.base[b - 1, columns]
        gathered = sp.csr_array((value, (owner, own.code[columns])), shape=(count, links.codes))
        total = total + gathered @ table
    return sp.csr_array(total)


def solve_core(
    dual: Dual,
    options: Alternatives,
    settled: Bools,
    settled_worth: float,
    places: Floats,
    *,
    gap: float,
    deadline: float,
    stop: Callable[[], bool],
    report: Callable[[float, float], None] | None,
    inside: float = INSIDE,
    width: float = 0.1,
    bent: bool = False,
    counted: Bools | None = None,
    only: Bools | None = None,
) -> CorePlan | None:
    """Solve the core.

    Parameters
    ----------
    options : choices of the core's units, of twins those of one, the best of each first.
    settled : (J,) columns chosen by everyone else, and what they are worth with the constant of the objective.
    places : (curves,) where each curve stood: its breakpoints are finest within ``width`` of there.
    bent : let hard rows be broken on the way, at a price; a plan that still breaks one is none.
    counted : (rows,) those whose contacts of each cost are counted in whole columns, to be branched on.
    only : (rows,) those that are stated; all by default.
    gap : relative to the worth of the whole plan.

    Returns
    -------
    CorePlan or None
        None where the core has no plan, or none in time.
    """
    columns, structure = dual.columns, dual.structure
    fixed = np.flatnonzero(settled)
    used = dual.use(fixed)
    size = np.abs(used)
    count = len(options.unit)
    owner = np.repeat(np.arange(count), np.diff(options.start))
    worth = options.constant + np.bincount(owner, columns.worth[options.column], count)
    use = uses(dual, options.column, owner, count)
    model = LinearModel()
    model.offset = settled_worth
    heads, group = np.unique(options.unit, return_inverse=True)
    copies = np.ones(len(heads)) if dual.twins is None else dual.twins.copies[dual.twins.of[heads]].astype(float)
    choice = model.add_variables("choice", count, upper=copies[group], integer=True, objective=worth)
    model.add_rows("one choice", group, choice, 1.0, lower=copies, upper=copies, size=len(heads))
    by_row = use.tocsc()
    stated = [
        StatedBlock(model, block, float(place), width) for block, place in zip(structure.blocks, places, strict=True)
    ]
    for one, block in zip(stated, structure.blocks, strict=True):
        if block.opening >= 0 and one.paid is not None:
            member = np.flatnonzero(use[:, [block.row]].toarray()[:, 0])
            one.open_by(model, choice[member], group[member], opened=bool(used[block.row] > 0.5))
        used += one.constant
    shorts: list[tuple[int, float]] = []
    counts: list[Indices] = []
    bends: list[tuple[int, bool, float, int, float, Indices, Floats]] = []
    dearest = float(np.abs(worth).max(initial=0.0)) + 1e-300
    for r, row in enumerate(structure.rows):
        if only is not None and not only[r]:
            continue
        entries = slice(by_row.indptr[r], by_row.indptr[r + 1])
        column, value = choice[by_row.indices[entries]], by_row.data[entries]
        if counted is not None and counted[r]:
            found = state_counts(model, dual, r, choice, options.column, owner, copies[group])
            if found is not None:
                column, value = found
                counts.append(column)
        for one in stated:
            own, its = one.straight(r)
            column, value = np.append(column, own), np.append(value, its)
        for side, bound, penalty in (("min", row.lower, row.penalty_below), ("max", row.upper, row.penalty_above)):
            if not np.isfinite(bound):
                continue
            helpful = side == "min"
            its_columns, its_values = [column], [value]
            for one in stated:
                own, its = one.result(r, helpful)
                if len(own):
                    its_columns.append(own)
                    its_values.append(its)
            curved = len(its_columns) > 1
            soft = np.isfinite(penalty)
            room, away = bound - used[r], 0.0
            # Of whole steps the row needs no room for rounding: it is stated in steps.
            step = row.step or 1.0
            whole = not soft and len(its_columns) == 1 and _in_steps(value, step, 1e-9)
            whole &= _in_steps(used[[r]], step, 1e-6)
            if whole:
                its_values = [np.round(value / step)]
                room = float(np.ceil(room / step - 1e-6) if helpful else np.floor(room / step + 1e-6))
            elif not soft and row.lower != row.upper:
                away = inside * (abs(bound) + size[r])
            if soft:
                bend = model.add_variables(f"{row.rule} {side} violation", 1, upper=row.tolerance, objective=-penalty)
                if curved:
                    bends.append((r, helpful, penalty, int(bend[0]), bound - used[r], column, value))
            elif bent and len(value) and (whole or row.lower != row.upper):
                # Left to be bent at a price: rounding finds a plan where every row would stand in its way.
                most = float(np.abs(its_values[0]).max())
                bend = model.add_variables("short", 1, objective=-SHORT * dearest / most)
                shorts.append((int(bend[0]), SHORTEST * most))
            else:
                bend = np.empty(0, np.int64)
            its_columns.append(bend)
            its_values.append(np.full(len(bend), 1.0 if helpful else -1.0))
            model.add_rows(
                f"{row.rule} [{row.scope}] {side}", np.zeros(sum(map(len, its_columns))),
                np.concatenate(its_columns), np.concatenate(its_values),
                lower=room + away if helpful else -np.inf, upper=np.inf if helpful else room - away, size=1,
            )  # fmt: skip
    form = model.form()
    result = solve_mip(
        form, gap=gap, time_limit=max(deadline - time.monotonic(), 1.0), stop=stop,
        structural=np.concatenate(counts) if counts else None,
        progress=None if report is None else lambda _name, objective, bound: report(objective, bound),
    )  # fmt: skip
    if result.x is None or any(result.x[column] > least for column, least in shorts):
        return None
    chosen = settled.copy()
    taken = np.round(result.x[choice]).astype(np.int64)
    chosen[options.column[taken[owner] > 0] if dual.twins is None else dual.twins.dealt(columns, options, taken)] = True
    stands: Floats = np.array([float(result.x[one.place]) for one in stated], np.float64)
    # The model's curves lie below the true ones: what the plan is worth is said on these.
    short = sum(one.short(result.x) for one in stated)
    for r, helpful, penalty, bent_by, room, column, value in bends:
        total = float(value @ result.x[column]) + sum(one.true(r, result.x) for one in stated)
        short += penalty * (float(result.x[bent_by]) - max(room - total if helpful else total - room, 0.0))
    by_solver = result.bound_by == "solver"
    return CorePlan(chosen, stands, result.objective + short, result.bound, result.interrupted, by_solver)


def _in_steps(values: Floats, step: float, miss: float) -> bool:
    """Whether all values are whole multiples of a step, but for a part of one."""
    return bool((np.abs(values / step - np.round(values / step)) <= miss).all())
