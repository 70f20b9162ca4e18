"""What is not customers in the relaxed problem: rows with their bounds, and curves, each a block with its own best.

Under prices λ of the linking rows the problem falls apart (DESIGN §5):

    D(λ) = Σ_units max_x (w − λ·g) x  +  Σ_curves max_s (a F(s) + b s)  +  Σ_rows max_{lo ≤ t ≤ hi} λ t

and D(λ) is at least the optimum for any λ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.problem import Bools, Cell, CouplingRow, Expression, Floats, PriceCell, Problem, Weights
from optimizer.scenario.curves import Curve, Saturated
from optimizer.solve.decomposed.blocks import Block, Part, Pieces
from optimizer.solve.diagram.bonds import unbonded
from optimizer.solve.spend_caps import least_spend, most_spend


@dataclass(frozen=True)
class Row:
    """lower ≤ Σ ≤ upper, hard or bent at ``penalty`` a unit by at most ``tolerance`` on either side.

    ``step``: Σ is a whole multiple of it in every plan; 0 where none is known.
    """

    rule: str
    scope: str
    lower: float
    upper: float
    penalty_below: float = np.inf
    penalty_above: float = np.inf
    tolerance: float = np.inf
    step: float = 0.0


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
        return any(block.curved for block in self.blocks)

    def roomier(self, room: Floats) -> Structure:
        """The same with bounds (rows,) wider where they leave a range."""
        rows = [
            replace(row, lower=row.lower - more, upper=row.upper + more) if row.lower < row.upper else row
            for row, more in zip(self.rows, room.tolist(), strict=True)
        ]
        return replace(self, rows=rows)


def unsupported(problem: Problem) -> list[str]:
    """What of the problem the decomposed path cannot say, in words; empty when it can solve it."""
    reasons = unbonded(problem)
    if problem.cells and problem.responses.combine != "additive":
        if min(float(scores.min(initial=0.0)) for scores in problem.responses.scores.values()) < 0:
            reasons.append("combined responses below zero of saturated channels")
    return list(dict.fromkeys(reasons))


def read_structure(problem: Problem) -> Structure:
    """Take rows, media, openings, tiers and saturation apart; of problems of which ``unsupported`` says nothing."""
    assert not unsupported(problem)
    return _Reader(problem).read()


#: Coefficients by linking row; -1 is the objective.
_Weights = dict[int, float]


class _Reader:
    """Gathers rows and blocks; a block's coefficients are spread over rows once all rows are known."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.rows = [_row(row) for row in problem.coupling]
        self.expressions = [row.expression for row in problem.coupling]
        self.said = dict(enumerate(self.expressions)) | {-1: problem.objective}
        self.waiting: list[tuple[Block, list[_Weights], list[tuple[Part, _Weights]]]] = []

    def read(self) -> Structure:
        """The structure."""
        problem, outside = self.problem, None
        self._media()
        self._openings()
        for price in problem.price_cells:
            self._tiers(price)
        if problem.cells:
            outside = np.zeros(len(problem.customer), bool)
            for cell in problem.cells:
                outside |= cell.member
                self._cell(cell)
            self.expressions = [
                _without(one, outside) if at < len(problem.coupling) else one for at, one in enumerate(self.expressions)
            ]
        blocks = [self._spread(*one) for one in self.waiting]
        return Structure(
            self.rows, self.expressions, problem.objective, outside, blocks, problem.objective.constant
        )  # fmt: skip

    def _link(self, name: str, expression: Expression) -> int:
        """A row Σ … − s = 0."""
        self.rows.append(Row(name, "", 0.0, 0.0))
        self.expressions.append(expression)
        return len(self.rows) - 1

    def _add(
        self, block: Block, s: _Weights, f: _Weights, on: _Weights, parts: list[tuple[Part, _Weights]] | None = None
    ) -> None:
        self.waiting.append((block, [s, f, on], parts or []))

    def _spread(self, block: Block, weights: list[_Weights], parts: list[tuple[Part, _Weights]]) -> Block:
        """The block with its coefficients in all rows."""
        s, f, on = (self._vector(weight) for weight in weights)
        if block.row >= 0:
            s[block.row] -= 1.0
        worth = tuple(weight.get(-1, 0.0) for weight in weights)
        return replace(
            block, worth=(worth[0], worth[1], worth[2]), weight=(s, f, on),
            parts=tuple(replace(part, worth=w.get(-1, 0.0), weight=self._vector(w)) for part, w in parts),
        )  # fmt: skip

    def _vector(self, weight: _Weights) -> Floats:
        found = np.zeros(len(self.rows))
        for row, value in weight.items():
            if row >= 0:
                found[row] = value
        return found

    def _media(self) -> None:
        """A block a medium; what is paid once money flows is its being on."""
        problem = self.problem
        most = most_spend(problem) if problem.media else np.empty(0)
        for m, medium in enumerate(problem.media):
            paid = [number for number, opening in enumerate(problem.openings) if opening.medium == m]
            low, high, or_zero = medium.low, float(most[m]), medium.or_zero
            if paid and low <= 0:
                # On means that money flows; where none can, never.
                low, or_zero = least_spend(problem, m, high) or 1.0, True
            block = _block(medium.name, medium.curve, low, max(high, low), or_zero, medium=m, on=low <= high)
            self._add(
                block,
                {row: one.spend.get(m, 0.0) for row, one in self.said.items()},
                {row: one.yields.get(m, 0.0) for row, one in self.said.items()},
                {row: sum(one.opened.get(number, 0.0) for number in paid) for row, one in self.said.items()},
            )

    def _openings(self) -> None:
        """A block an opening of contacts: s their number, on as soon as there is one."""
        problem = self.problem
        for number, opening in enumerate(problem.openings):
            if opening.members is None:
                continue
            members = np.flatnonzero(opening.members.on(problem.customer, problem.activity) != 0)
            most, least = float(np.count_nonzero(~problem.removed[members])), max(opening.minimum, 1.0)
            row = self._link(f"contacts that open {opening.name}", Expression(contacts=[opening.members]))
            block = _block(
                opening.name, None, least, max(most, least), True, opening=number, on=least <= most, row=row
            )  # fmt: skip
            self._add(block, {}, {}, {at: one.opened.get(number, 0.0) for at, one in self.said.items()})

    def _tiers(self, cell: PriceCell) -> None:
        """A block a channel with tiers: s its contacts, F(s) what they cost in all, a part what some of them cost."""
        problem = self.problem
        row = self._link(f"contacts of {cell.name}", Expression(contacts=[Weights(pair=cell.member)]))
        inside = cell.member & ~problem.removed
        most = float(np.count_nonzero(inside))
        whole: _Weights = {}
        parts: list[tuple[Part, _Weights]] = []
        for at, one in self.said.items():
            if not one.tiered or not most:
                continue
            value = np.zeros(len(problem.customer))
            for weights in one.tiered:
                value += weights.on(problem.customer, problem.activity)
            value[~cell.member] = 0.0
            own = value[inside]
            if (own == own[0]).all():
                whole[at] = float(own[0])
                continue
            link = self._link(f"a part of the contacts of {cell.name}", Expression(contacts=[Weights(pair=value)]))
            low, high = float(np.minimum(own, 0.0).sum()), float(np.maximum(own, 0.0).sum())
            parts.append((Part(link, low, high, 0.0, np.empty(0)), {at: 1.0}))
        block = _block(f"price of {cell.name}", _pieces(cell, most), 0.0, most, False, row=row)
        self._add(block, {}, whole, {}, parts)

    def _cell(self, cell: Cell) -> None:
        """A block a saturated channel: s = z, F(s) what is kept of it, a part what is kept of other sums."""
        problem = self.problem
        row = self._link(f"saturation of {cell.name}", Expression(responses={"responses": [Weights(pair=cell.worth)]}))
        whole: _Weights = {}
        parts: list[tuple[Part, _Weights]] = []
        for at, one in self.said.items():
            form = _form(problem, one, cell.member)
            alpha = _share(form, cell.worth[cell.member])
            if alpha is not None:
                whole[at] = alpha
                continue
            value = {kind: np.zeros(len(problem.customer)) for kind in form}
            low, high = 0.0, 0.0
            for kind, own in form.items():
                value[kind][cell.member] = own
                least, most = _range(problem, kind, cell.member, own)
                low, high = low + least, high + most
            link = self._link(
                f"a part of {cell.name}",
                Expression(responses={kind: [Weights(pair=own)] for kind, own in value.items()}),
            )
            parts.append((Part(link, low, high, 0.0, np.empty(0)), {at: 1.0}))
        low, high = _range(problem, "responses", cell.member, cell.worth[cell.member])
        curve = Saturated(cell.curve, cell.reference, cell.z_ref)
        self._add(
            _block(f"saturation of {cell.name}", curve, low, max(high, 1e-9), False, row=row), {}, whole, {}, parts
        )  # fmt: skip


def _block(
    name: str, curve: Curve | Saturated | Pieces | None, low: float, high: float, or_zero: bool, *, medium: int = -1,
    opening: int = -1, on: bool = True, row: int = -1,
) -> Block:  # fmt: skip
    """A block whose coefficients are not known yet."""
    none = np.empty(0)
    return Block(name, curve, low, high, or_zero, (0.0, 0.0, 0.0), (none, none, none), medium, opening, on, row)


def _pieces(cell: PriceCell, most: float) -> Pieces:
    """What n contacts cost, tier by tier."""
    low = np.ceil(np.maximum(cell.starts, 0.0))
    kept = low <= most
    low, slope, starts = low[kept], cell.prices[kept], cell.starts[kept]
    high = np.append(low[1:] - 1, most)
    base = np.zeros(len(low))
    if cell.incremental:
        base = np.cumsum(np.r_[0.0, np.diff(starts) * slope[:-1]]) - slope * starts
    some = high >= low
    return Pieces(low[some], high[some], slope[some], base[some])


def _form(problem: Problem, expression: Expression, member: Bools) -> dict[str, Floats]:
    """What an expression reads of responses of some pairs, by kind."""
    found: dict[str, Floats] = {}
    for kind, several in expression.responses.items():
        value = np.zeros(int(member.sum()))
        for weights in several:
            value += weights.on(problem.customer, problem.activity)[member]
        if value.any():
            found[kind] = value
    return found


def _share(form: dict[str, Floats], own: Floats) -> float | None:
    """α with form = α · own, of kind "responses"; None where there is none."""
    if not form:
        return 0.0
    if list(form) != ["responses"] or not own.any():
        return None
    value = form["responses"]
    at = int(np.abs(own).argmax())
    alpha = value[at] / own[at]
    return float(alpha) if np.allclose(value, alpha * own, rtol=1e-12, atol=0) else None


def _range(problem: Problem, kind: str, member: Bools, value: Floats) -> tuple[float, float]:
    """Least and greatest Σ value · response over sets of some pairs."""
    scores = (problem.responses.scores[kind] * problem.responses.static[:])[member]
    most = value * np.minimum(scores * _most_factor(problem), 1.0)
    return float(np.minimum(most, 0.0).sum()), float(np.maximum(most, 0.0).sum())


def _without(expression: Expression, outside: Bools) -> Expression:
    """The expression without the responses of some pairs."""
    if not expression.responses:
        return expression
    kept = {
        kind: [replace(one, pair=np.where(outside, 0.0, 1.0 if one.pair is None else one.pair)) for one in several]
        for kind, several in expression.responses.items()
    }
    return replace(expression, responses=kept)


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
