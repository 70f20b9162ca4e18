"""What is not customers in the relaxed problem: rows with their bounds, and curves, each a block with its own best.

Under prices λ of the linking rows the problem falls apart (DESIGN §5):

    D(λ) = Σ_units max_x (w − λ·g) x  +  Σ_curves max_s (a F(s) + b s)  +  Σ_rows max_{lo ≤ t ≤ hi} λ t

and D(λ) is at least the optimum for any λ.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Bools, CouplingRow, Expression, Floats, Problem, Weights
from optimizer.scenario.curves import Curve, Saturated
from optimizer.solve.diagram.bonds import unbonded
from optimizer.solve.piecewise import inner, outer
from optimizer.solve.spend_caps import most_spend

#: Points at which a curve is looked at for its best place, before it is looked at more closely there.
GRID = 257
CLOSER = 6


@dataclass(frozen=True)
class Row:
    """lower ≤ Σ ≤ upper, hard or bent at ``penalty`` a unit by at most ``tolerance`` on either side."""

    rule: str
    scope: str
    lower: float
    upper: float
    penalty_below: float = np.inf
    penalty_above: float = np.inf
    tolerance: float = np.inf


@dataclass(frozen=True)
class Block:
    """A curve y = F(s) with s in [low, high] or 0: what s and y are worth and weigh in the rows."""

    name: str
    curve: Curve | Saturated
    low: float
    high: float
    or_zero: bool
    worth: tuple[float, float]  # of s and of F(s)
    weight: tuple[Floats, Floats]  # (rows,) each
    medium: int = -1  # which medium's money s is, -1 none


@dataclass(frozen=True)
class Structure:
    """The linking rows and what else than contacts stands in them.

    ``expressions`` say what each row reads of contacts; ``worth`` what the objective reads of them; ``outside`` (E,)
    marks pairs whose responses a saturation curve reads instead.
    """

    rows: list[Row]
    expressions: list[Expression]
    worth: Expression
    outside: Bools | None
    blocks: list[Block]
    constant: float


def unsupported(problem: Problem) -> list[str]:
    """What of the problem the decomposed path cannot say, in words; empty when it can solve it."""
    reasons = []
    if problem.openings:
        reasons.append("openings")
    if problem.price_cells:
        reasons.append("cost tiers")
    reasons += unbonded(problem)
    if problem.cells:
        if problem.responses.combine != "additive" and min(map(np.min, problem.responses.scores.values())) < 0:
            reasons.append("combined responses below zero of saturated channels")
        if any(one for row in problem.coupling for one in row.expression.responses.values()):
            reasons.append("rules on the responses of saturated channels")
        elif any(_share(problem, cell.member, cell.worth) is None for cell in problem.cells):
            reasons.append("a saturated channel whose objective is not the curve's own")
    for row in problem.coupling:
        for kind in row.expression.yields.values():
            if kind and row.soft is not None:
                reasons.append("soft rules on what media yield")
    return list(dict.fromkeys(reasons))


def _share(problem: Problem, member: Bools, worth: Floats) -> float | None:
    """α with the objective's responses on the cell = α · worth, None where there is none."""
    total = np.zeros(len(problem.customer))
    for kind, several in problem.objective.responses.items():
        for weights in several:
            value = weights.on(problem.customer, problem.activity)
            if kind != "responses" and value[member].any():
                return None
            total += value
    inside, own = total[member], worth[member]
    if not own.any():
        return None if inside.any() else 0.0
    at = int(np.abs(own).argmax())
    alpha = inside[at] / own[at]
    return float(alpha) if np.allclose(inside, alpha * own, rtol=1e-12, atol=0) else None


def read_structure(problem: Problem) -> Structure:
    """Take rows, media and saturation apart.

    Raises
    ------
    AssertionError
        Where ``unsupported`` has something to say.
    """
    assert not unsupported(problem)
    rows, expressions = [], []
    for one in problem.coupling:
        rows.append(_row(one))
        expressions.append(one.expression)
    outside = None
    cells: list[tuple[int, float]] = []
    if problem.cells:
        outside = np.zeros(len(problem.customer), bool)
        for cell in problem.cells:
            outside |= cell.member
            share = _share(problem, cell.member, cell.worth)
            assert share is not None
            cells.append((len(rows), share))
            # Σ worth · response − z = 0
            rows.append(Row(f"saturation of {cell.name}", "", 0.0, 0.0))
            expressions.append(Expression(responses={"responses": [Weights(pair=cell.worth)]}))
    blocks = []
    most = most_spend(problem) if problem.media else np.empty(0)
    for m, medium in enumerate(problem.media):
        spend = np.array([row.spend.get(m, 0.0) for row in expressions])
        yields = np.array([row.yields.get(m, 0.0) for row in expressions])
        worth = (problem.objective.spend.get(m, 0.0), problem.objective.yields.get(m, 0.0))
        blocks.append(
            Block(medium.name, medium.curve, medium.low, float(most[m]), medium.or_zero, worth, (spend, yields), m)
        )
    for cell, (row, share) in zip(problem.cells, cells, strict=True):
        curve = Saturated(cell.curve, cell.reference, cell.z_ref)
        weight = np.zeros(len(rows))
        weight[row] = -1.0
        scores = problem.responses.scores["responses"] * problem.responses.static[:]
        high = float(np.maximum(cell.worth * np.minimum(scores * _most_factor(problem), 1.0), 0.0)[cell.member].sum())
        low = float(np.minimum(cell.worth * np.minimum(scores * _most_factor(problem), 1.0), 0.0)[cell.member].sum())
        blocks.append(
            Block(
                f"saturation of {cell.name}", curve, low, max(high, 1e-9), False, (0.0, share),
                (weight, np.zeros(len(rows))),
            )
        )  # fmt: skip
    return Structure(rows, expressions, problem.objective, outside, blocks, problem.objective.constant)


def _most_factor(problem: Problem) -> float:
    """No response is multiplied by more."""
    most = 1.0
    for rank in problem.responses.ranks:
        most *= max(rank.factor, 1.0)
    for change in problem.responses.changes:
        most *= max(change.factor, 1.0)
    return most


def _row(row: CouplingRow) -> Row:
    constant, soft = row.expression.constant, row.soft
    lower, upper = row.lower - constant, row.upper - constant
    if soft is None:
        return Row(row.rule, row.scope, lower, upper)
    return Row(
        row.rule, row.scope, lower, upper, soft.penalty if soft.min_side else np.inf,
        soft.penalty if soft.max_side else np.inf, soft.tolerance,
    )  # fmt: skip


@dataclass
class Curved:
    """A block's approximations, looked at more closely where its best lay."""

    block: Block
    points: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Start with a grid."""
        self.points = np.unique(np.r_[self.block.low, np.linspace(self.block.low, self.block.high, GRID)])

    def best(self, price: Floats) -> tuple[float, float, float]:
        """Most of a F(s) + b s under prices, over-estimated; where, and F there."""
        block = self.block
        b = block.worth[0] - float(price @ block.weight[0])
        a = block.worth[1] - float(price @ block.weight[1])
        for _ in range(CLOSER):
            near = (outer if a >= 0 else inner)(block.curve, self.points)
            inside = (near.x >= block.low) & (near.x <= block.high)
            x, y = near.x[inside], near.y[inside]
            value = a * y + b * x
            at = int(value.argmax())
            exact = a * float(block.curve.value(x[at])) + b * float(x[at])
            if value[at] - exact <= 1e-9 * (abs(value[at]) + abs(a * y[at]) + abs(b * x[at])):
                break
            low, high = x[max(at - 1, 0)], x[min(at + 1, len(x) - 1)]
            self.points = np.unique(np.r_[self.points, np.linspace(low, high, 9)])
        best, spent = float(value[at]), float(x[at])
        if block.or_zero and best < 0:
            return 0.0, 0.0, 0.0
        return best, spent, float(block.curve.value(spent))


def row_value(rows: list[Row], price: Floats) -> tuple[float, Floats]:
    """Σ_rows max λ t over what each row allows, penalties deducted; and the t of each."""
    total, at = 0.0, np.zeros(len(rows))
    for r, row in enumerate(rows):
        value = float(price[r])
        if value == 0.0:
            at[r] = np.clip(0.0, row.lower, row.upper)
            continue
        bound, penalty = (row.upper, row.penalty_above) if value > 0 else (row.lower, row.penalty_below)
        if np.isfinite(bound):
            at[r] = bound
            total += value * bound
        if abs(value) > penalty or not np.isfinite(bound):
            room = row.tolerance if np.isfinite(bound) else np.inf
            total += (abs(value) - (penalty if np.isfinite(bound) else 0.0)) * room
    return total, at


def allowed(rows: list[Row], price: Floats) -> Floats:
    """Prices brought to where D is finite: no price on a side that a row lacks, none above a boundless penalty."""
    result = price.copy()
    for r, row in enumerate(rows):
        high = 0.0 if np.isinf(row.upper) else row.penalty_above if np.isinf(row.tolerance) else np.inf
        low = 0.0 if np.isinf(row.lower) else row.penalty_below if np.isinf(row.tolerance) else np.inf
        result[r] = min(max(result[r], -low), high)
    return result
