"""Steps: where every plan's use of a row, or its worth, is a whole multiple of one number, bounds fall to the next.

At most 616.9 contacts are 616; of contacts at 0.035 and 1.4, money within 4,038.0725 is within 4,038.055; a plan whose
margins and costs are whole numbers is worth a whole number. Prices know nothing of that unless the bounds say it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats
from optimizer.solve.decomposed.blocks import Block
from optimizer.solve.decomposed.columns import Columns
from optimizer.solve.decomposed.links import Links
from optimizer.solve.decomposed.structure import Row, Structure

Int64 = NDArray[np.int64]

#: Decimals that a step may have.
DECIMALS = 4
#: Part of a number by which it may miss a multiple, having been computed; of a step, by which a sum may then miss one.
MISS, NEARLY = 1e-12, 1e-6
#: Steps in a number at most: of more, the misses might sum up to what a sum may miss.
MOST = NEARLY / MISS
#: Numbers looked at before all are, and those looked at once: what is made of them meanwhile stays small.
FIRST, PART = 1_000, 1 << 20


def step_of(values: Floats) -> float:
    """The greatest number of which all values are whole multiples, 0 where there is none of few decimals.

    Without values other than 0 any step will do: infinite.
    """
    # The first alone come first: a number that is no multiple is mostly among them.
    parts = [values[:FIRST], *(values[at : at + PART] for at in range(0, len(values), PART))]
    for decimals in range(DECIMALS + 1):
        times = 10.0**decimals
        if all(_whole(part, times) for part in parts):
            found = 0
            for part in parts:
                found = _divisor(np.abs(np.round(part * times)).astype(np.int64), found)
            return found / times if found else math.inf
    return 0.0


def _divisor(whole: Int64, found: int) -> int:
    """The greatest common divisor of whole numbers and one found before; 0 of zeros. Mostly a few tell that of all."""
    rest = whole[whole % found != 0] if found else whole
    while len(rest) and found != 1:
        found = int(np.gcd.reduce(rest[:FIRST], initial=found))
        rest = rest[rest % found != 0] if found else rest[rest != 0]
    return found


def _whole(values: Floats, times: float) -> bool:
    """Whether all values are whole numbers once multiplied."""
    values = np.abs(values * times)
    return bool(values.max(initial=0.0) <= MOST and (np.abs(values - np.round(values)) <= MISS * values).all())


def common(steps: list[float]) -> float:
    """The step of sums of multiples of each."""
    if min(steps, default=math.inf) == 0.0:
        return 0.0
    return step_of(np.array([step for step in steps if np.isfinite(step)]))


def steps_of_columns(columns: Columns, links: Links) -> Floats:
    """The step of what all columns may use of each row, (rows,); 0 where there is none, infinite where none uses it."""
    bases = [1.0, *(step_of(base) for base in columns.base)]
    held = np.zeros(links.codes, bool)
    for part in columns.parts():
        held[columns.code[part]] = True
    tables = [table[held].tocsc() for table in links.tables]
    steps = np.zeros(links.tables[0].shape[1])
    for r in range(len(steps)):
        inside = [table.data[table.indptr[r] : table.indptr[r + 1]] for table in tables]
        used = [bool(part.any()) and np.isfinite(base) for part, base in zip(inside, bases, strict=True)]
        if any(some and base == 0.0 for some, base in zip(used, bases, strict=True)):
            continue
        found = [step_of(part) * base for part, base, some in zip(inside, bases, used, strict=True) if some]
        steps[r] = common(found)
    return steps


def stepped(structure: Structure, of_columns: Floats) -> Structure:
    """The same with the steps of its rows, and hard bounds on multiples of them."""
    rows = []
    for r, row in enumerate(structure.rows):
        step = common([float(of_columns[r]), *(_of_block(block, r) for block in structure.blocks)])
        rows.append(_rounded(row, step) if 0.0 < step < math.inf else row)
    return replace(structure, rows=rows)


def _of_block(block: Block, row: int) -> float:
    """The step of what a block uses of a row, of the objective where ``row`` is -1."""
    s, f, on = block.worth if row < 0 else (weight[row] for weight in block.weight)
    counted = block.opening >= 0
    parted = any(part.worth if row < 0 else part.row == row or part.weight[row] for part in block.parts)
    if f or parted or (s and not counted):
        return 0.0  # money, or what a curve makes of it
    return step_of(np.array([s, on]))


def _rounded(row: Row, step: float) -> Row:
    """The row with its step; where it may be bent at a price, only bounds on multiples would stay the same."""
    lower, upper = row.lower, row.upper
    if max((abs(bound) for bound in (lower, upper) if np.isfinite(bound)), default=0.0) > MOST * step:
        return row
    if np.isfinite(lower) and np.isinf(row.penalty_below):
        lower = math.ceil(lower / step - NEARLY) * step
    if np.isfinite(upper) and np.isinf(row.penalty_above):
        upper = math.floor(upper / step + NEARLY) * step
    return replace(row, lower=lower, upper=upper, step=step)


def step_of_worth(structure: Structure, columns: Columns) -> float:
    """The number of which every plan's worth, less the constant, is a whole multiple; 0 where there is none."""
    diagrams = columns.diagrams
    steps = [step_of(columns.worth)]
    steps += [step_of(worth) for worth in (diagrams.low_worth, diagrams.high_worth, diagrams.root_worth)]
    steps += [_of_block(block, -1) for block in structure.blocks]
    for row in structure.rows:
        for bound, penalty in ((row.lower, row.penalty_below), (row.upper, row.penalty_above)):
            if np.isfinite(bound) and np.isfinite(penalty) and penalty:
                if not row.step or not _whole(np.array([bound]), 1.0 / row.step):
                    return 0.0
                steps.append(step_of(np.array([penalty * row.step])))
    step = common(steps)
    return step if step < math.inf else 0.0


def fallen(bound: float, constant: float, step: float) -> float:
    """The largest worth a plan can have that is no more than a bound."""
    if not step or not abs(bound - constant) <= MOST * step:
        return bound
    return min(bound, math.floor((bound - constant) / step + NEARLY) * step + constant)
