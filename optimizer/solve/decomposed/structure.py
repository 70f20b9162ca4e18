"""What is not customers in the relaxed problem: rows with their bounds, and curves, each a block with its own best.

Under prices λ of the linking rows the problem falls apart (DESIGN §5):

    D(λ) = Σ_units max_x (w − λ·g) x  +  Σ_curves max_s (a F(s) + b s)  +  Σ_rows max_{lo ≤ t ≤ hi} λ t

and D(λ) is at least the optimum for any λ.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.problem import Bools, CouplingRow, Expression, Floats, PriceCell, Problem, Weights
from optimizer.scenario.curves import Curve, Saturated
from optimizer.solve.diagram.bonds import unbonded
from optimizer.solve.piecewise import inner, outer
from optimizer.solve.spend_caps import least_spend, most_spend

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
class Pieces:
    """F(s) = base + slope · s on whole numbers low ≤ s ≤ high, one of several runs: prices in tiers."""

    low: Floats
    high: Floats
    slope: Floats
    base: Floats

    def value(self, s: float) -> float:
        """F(s)."""
        at = max(int(np.searchsorted(self.low, s + 0.5, side="right")) - 1, 0)
        return float(self.base[at] + self.slope[at] * s)


@dataclass(frozen=True)
class Block:
    """A curve y = F(s), s in [low, high], or off with s = y = 0: what s, y and being on are worth and weigh in rows.

    ``curve`` is None where only s and being on count: an opening, s its contacts. ``or_zero``: it may be off;
    ``on``: it may be on.
    """

    name: str
    curve: Curve | Saturated | Pieces | None
    low: float
    high: float
    or_zero: bool
    worth: tuple[float, float, float]  # of s, of F(s), of being on
    weight: tuple[Floats, Floats, Floats]  # (rows,) each
    medium: int = -1  # which medium's money s is, -1 none
    opening: int = -1  # whose contacts s counts, -1 none
    on: bool = True
    row: int = -1  # the linking row Σ … − s = 0 that says what s is, -1 where s is free

    def value(self, s: float) -> float:
        """F(s)."""
        return 0.0 if self.curve is None else float(self.curve.value(s))

    @property
    def switched(self) -> bool:
        """Whether a binary says that the block is on."""
        return self.or_zero and (self.low > 0 or self.worth[2] != 0 or bool(self.weight[2].any()))


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

    @property
    def curved(self) -> bool:
        """Whether some curve is stated by its approximations alone."""
        return any(block.curve is not None and not isinstance(block.curve, Pieces) for block in self.blocks)

    def roomier(self, room: Floats) -> Structure:
        """The same with bounds (rows,) wider where they leave a range."""
        rows = [
            replace(row, lower=row.lower - more, upper=row.upper + more) if row.lower < row.upper else row
            for row, more in zip(self.rows, room.tolist(), strict=True)
        ]
        return replace(self, rows=rows)


def unsupported(problem: Problem) -> list[str]:
    """What of the problem the decomposed path cannot say, in words; empty when it can solve it."""
    reasons = []
    if problem.price_cells:
        for expression in (problem.objective, *(row.expression for row in problem.coupling)):
            if any(_tier_share(problem, expression, cell) is None for cell in problem.price_cells):
                reasons.append("a part of the cost of a channel with tiers")
                break
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
    first = len(rows)
    for opening in problem.openings:
        if opening.members is not None:
            # Σ contacts − n = 0
            rows.append(Row(f"contacts that open {opening.name}", "", 0.0, 0.0))
            expressions.append(Expression(contacts=[opening.members]))
    for price in problem.price_cells:
        rows.append(Row(f"contacts of {price.name}", "", 0.0, 0.0))
        expressions.append(Expression(contacts=[Weights(pair=price.member)]))
    blocks = _media(problem, expressions) + _openings(problem, expressions, first) + _tiers(problem, expressions)
    for cell, (row, share) in zip(problem.cells, cells, strict=True):
        curve = Saturated(cell.curve, cell.reference, cell.z_ref)
        weight, none = np.zeros(len(rows)), np.zeros(len(rows))
        weight[row] = -1.0
        scores = problem.responses.scores["responses"] * problem.responses.static[:]
        high = float(np.maximum(cell.worth * np.minimum(scores * _most_factor(problem), 1.0), 0.0)[cell.member].sum())
        low = float(np.minimum(cell.worth * np.minimum(scores * _most_factor(problem), 1.0), 0.0)[cell.member].sum())
        blocks.append(
            Block(
                f"saturation of {cell.name}", curve, low, max(high, 1e-9), False, (0.0, share, 0.0),
                (weight, none, none), row=row,
            )
        )  # fmt: skip
    return Structure(rows, expressions, problem.objective, outside, blocks, problem.objective.constant)


def _media(problem: Problem, expressions: list[Expression]) -> list[Block]:
    """A block a medium; what is paid once money flows is its being on."""
    blocks = []
    most = most_spend(problem) if problem.media else np.empty(0)
    for m, medium in enumerate(problem.media):
        paid = [number for number, opening in enumerate(problem.openings) if opening.medium == m]

        def read(expression: Expression, m: int = m, paid: list[int] = paid) -> tuple[float, float, float]:
            on = sum(expression.opened.get(number, 0.0) for number in paid)
            return expression.spend.get(m, 0.0), expression.yields.get(m, 0.0), on

        weight = np.array([read(expression) for expression in expressions]).reshape(-1, 3)
        low, high, or_zero = medium.low, float(most[m]), medium.or_zero
        if paid and low <= 0:
            # On means that money flows; where none can, never.
            low, or_zero = least_spend(problem, m, high) or 1.0, True
        blocks.append(
            Block(
                medium.name, medium.curve, low, max(high, low), or_zero, read(problem.objective),
                (weight[:, 0], weight[:, 1], weight[:, 2]), m, on=low <= high,
            )
        )  # fmt: skip
    return blocks


def _openings(problem: Problem, expressions: list[Expression], row: int) -> list[Block]:
    """A block an opening of contacts: s their number, on as soon as there is one."""
    blocks = []
    for number, opening in enumerate(problem.openings):
        if opening.members is None:
            continue
        members = np.flatnonzero(opening.members.on(problem.customer, problem.activity) != 0)
        most = float(np.count_nonzero(~problem.removed[members]))
        least = max(opening.minimum, 1.0)
        weight, none = np.zeros(len(expressions)), np.zeros(len(expressions))
        weight[row] = -1.0
        on = np.array([expression.opened.get(number, 0.0) for expression in expressions])
        worth = (0.0, 0.0, problem.objective.opened.get(number, 0.0))
        blocks.append(
            Block(
                opening.name, None, least, max(most, least), True, worth, (weight, none, on), opening=number,
                on=least <= most, row=row,
            )
        )  # fmt: skip
        row += 1
    return blocks


def _tiers(problem: Problem, expressions: list[Expression]) -> list[Block]:
    """A block a channel with tiers: s its contacts, F(s) what they cost in all."""
    blocks = []
    for number, cell in enumerate(problem.price_cells):
        row = len(expressions) - len(problem.price_cells) + number
        most = float(np.count_nonzero(cell.member & ~problem.removed))
        low = np.ceil(np.maximum(cell.starts, 0.0))
        kept = low <= most
        low, slope = low[kept], cell.prices[kept]
        high = np.append(low[1:] - 1, most)
        base = np.zeros(len(low))
        if cell.incremental:
            starts = cell.starts[kept]
            base = np.cumsum(np.r_[0.0, np.diff(starts) * slope[:-1]]) - slope * starts
        some = high >= low
        pieces = Pieces(low[some], high[some], slope[some], base[some])
        weight = np.zeros(len(expressions))
        weight[row] = -1.0
        cost = [_tier_share(problem, expression, cell) or 0.0 for expression in expressions]
        worth = (0.0, _tier_share(problem, problem.objective, cell) or 0.0, 0.0)
        blocks.append(
            Block(
                f"price of {cell.name}", pieces, 0.0, most, False, worth,
                (weight, np.array(cost), np.zeros(len(expressions))), row=row,
            )
        )  # fmt: skip
    return blocks


def _tier_share(problem: Problem, expression: Expression, cell: PriceCell) -> float | None:
    """α where the expression reads α times all that the channel costs; None where it reads a part."""
    if not expression.tiered:
        return 0.0
    inside = cell.member & ~problem.removed
    value = np.zeros(int(inside.sum()))
    for weights in expression.tiered:
        value += weights.on(problem.customer, problem.activity)[inside]
    if not len(value):
        return 0.0
    return float(value[0]) if (value == value[0]).all() else None


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


@dataclass(frozen=True)
class Stand:
    """Where a block stands: its best under prices, the s of it, and what it is worth and uses (rows,) there."""

    value: float
    place: float
    worth: float
    use: Floats


@dataclass
class Curved:
    """A block's approximations, looked at more closely where its best lay."""

    block: Block
    points: Floats = field(init=False)

    def __post_init__(self) -> None:
        """Start with a grid; of what is straight the ends."""
        block = self.block
        self.points = np.unique(np.r_[block.low, np.linspace(block.low, block.high, GRID)])
        if block.curve is None:
            self.points = np.unique([block.low, block.high])
        elif isinstance(block.curve, Pieces):
            ends = np.unique(np.r_[block.curve.low, block.curve.high, block.low, block.high])
            self.points = ends[(ends >= block.low) & (ends <= block.high)]

    def best(self, price: Floats) -> Stand:
        """Most of a F(s) + b s + c under prices, over-estimated."""
        block = self.block
        c = block.worth[2] - float(price @ block.weight[2])
        value, spent = self._best(price) if block.on else (0.0, 0.0)
        if block.or_zero and (not block.on or value + c < 0):
            return Stand(0.0, 0.0, 0.0, np.zeros(len(price)))
        result = block.value(spent)
        return Stand(
            value + c, spent, block.worth[0] * spent + block.worth[1] * result + block.worth[2],
            block.weight[0] * spent + block.weight[1] * result + block.weight[2],
        )  # fmt: skip

    def _best(self, price: Floats) -> tuple[float, float]:
        """Most of a F(s) + b s, over-estimated, and where."""
        block = self.block
        b = block.worth[0] - float(price @ block.weight[0])
        a = block.worth[1] - float(price @ block.weight[1])
        if block.curve is None or isinstance(block.curve, Pieces):
            straight = np.array([a * block.value(x) + b * x for x in self.points])
            at = int(straight.argmax())
            return float(straight[at]), float(self.points[at])
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
        return float(value[at]), float(x[at])


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
