"""From the compiled problem to a mixed-integer linear program: contacts, responses, money, openings, coupling rows.

The formulation is stated as a relaxation or a restriction of the true curves (see ``curve_rows``); without curves
the two are one. ``true_value`` evaluates any expression of the problem on the true curves at a solution.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from optimizer.problem import CouplingRow, Expression, Floats, Opening, Problem, Reach
from optimizer.scenario.curves import Curve, Saturated
from optimizer.solve.curve_rows import CurveUse, Kind, Linear, PriceUse, proportion, scaled_terms
from optimizer.solve.gates import Gates
from optimizer.solve.linear_model import Indices, LinearModel
from optimizer.solve.local_rows import Bend, LocalRows, Owner, forbidden
from optimizer.solve.patterns import response_entries
from optimizer.solve.piecewise import initial_breakpoints
from optimizer.solve.spend_caps import least_spend, most_spend

#: Rows x_e ≤ y are written a contact each up to here; beyond, one row a customer.
STRONG_OPENING_ROWS = 200_000
#: A sum this small beside its terms is what rounding leaves of 0.
_CANCELLED = 4 * np.finfo(float).eps
#: Breakpoints a curve starts with; refinement adds more around the answer.
INITIAL_BREAKPOINTS = 9


@dataclass(frozen=True)
class Reading:
    """An expression over the columns: its linear part, and what reads a curve, a saturation or a tiered price."""

    linear: Linear
    curves: list[tuple[float, CurveUse]]  # coefficient · F(z)
    scaled: list[tuple[Linear, CurveUse]]  # f(z) · form
    priced: list[tuple[Linear, PriceUse]]  # C(n)/n · form

    @property
    def is_linear(self) -> bool:
        """Whether the linear part is all there is."""
        return not (self.curves or self.scaled or self.priced)

    def size(self, values: Floats) -> float:
        """Σ |terms|, for tolerances."""
        total = float(np.abs(self.linear.coefficient * values[self.linear.column]).sum()) + abs(self.linear.constant)
        total += sum(abs(coefficient * use.true(values)) for coefficient, use in self.curves)
        forms = [form for form, _ in [*self.scaled, *self.priced]]
        return total + sum(float(np.abs(form.coefficient * values[form.column]).sum()) for form in forms)

    def true(self, values: Floats) -> float:
        """Evaluate on the true curves."""
        total = self.linear.at(values)
        total += sum(coefficient * use.true(values) for coefficient, use in self.curves)
        total += sum(form.at(values) * use.factor(values) for form, use in self.scaled)
        return total + sum(form.at(values) * price.factor(values) for form, price in self.priced)


@dataclass
class Formulation:
    """The linear model of a problem and the columns that mean something.

    Attributes
    ----------
    contact : (E,) column of each pair's contact, -1 where no plan may hold it.
    spend : (M,) columns of money.
    curves : name -> curve use, whose breakpoints may be refined.
    """

    problem: Problem
    kind: Kind
    breakpoints: dict[str, Floats] = field(default_factory=dict)
    model: LinearModel = field(default_factory=LinearModel)
    curves: dict[str, CurveUse] = field(default_factory=dict)
    prices: dict[str, PriceUse] = field(default_factory=dict)
    rows: list[tuple[CouplingRow, Reading]] = field(default_factory=list)
    row_numbers: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _bends: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """State every variable and row."""
        problem = self.problem
        gone = forbidden(problem)
        place = np.empty(len(problem.order), np.int64)
        place[problem.order] = np.arange(len(problem.order))
        kept = np.flatnonzero(~gone)
        self.free = kept[np.lexsort((problem.activity[kept], place[problem.customer[kept]]))]
        self.contact = np.full(len(problem.customer), -1, np.int64)
        labels = [
            f"{problem.customer_names[i]} {problem.activity_names[a]}"
            for i, a in zip(problem.customer[self.free], problem.activity[self.free], strict=True)
        ]
        self.contact[self.free] = self.model.add_variables(
            "contact", len(self.free), upper=1.0, integer=True, labels=labels
        )
        self._gates = Gates(len(self.free))
        self._add_media()
        local = LocalRows(self.model, problem, self.contact, self.free)
        local.add_all()
        self.entries = response_entries(self.model, problem, self.contact, self.free, local.packing())
        self.bends, self.owners = local.bends, local.owners
        self._add_openings()
        self._add_cells()
        self._reached: dict[bytes, tuple[Indices, Indices]] = {}
        self.objective = self._read(problem.objective)
        self._add_objective(self.objective)
        for row in problem.coupling:
            self._add_coupling(row)

    # --- columns ---------------------------------------------------------------------------------------------

    def _add_media(self) -> None:
        media = self.problem.media
        self.most = most = most_spend(self.problem)
        self.spend = self.model.add_variables(
            "spend",
            len(media),
            lower=[0.0 if medium.or_zero else medium.low for medium in media],
            upper=most,
            labels=[medium.name for medium in media],
        )
        either = [row for row, medium in enumerate(media) if medium.or_zero and medium.low > 0]
        if either:
            size = len(either)
            paid = self.model.add_variables(
                "paid", size, upper=1.0, integer=True, labels=[media[row].name for row in either]
            )
            for side, bound in (("least", [media[r].low for r in either]), ("most", most[either])):
                self.model.add_rows(
                    f"spend or zero, at {side}", np.tile(np.arange(size), 2), np.r_[self.spend[either], paid],
                    np.concatenate([np.ones(size), -np.asarray(bound)]), size=size,
                    lower=0.0 if side == "least" else -np.inf, upper=np.inf if side == "least" else 0.0,
                )  # fmt: skip
        else:
            paid = np.empty(0, np.int64)
        switches = dict(zip(either, paid.tolist(), strict=True))
        for row, medium in enumerate(media):
            # Below its least spend a medium has nothing but 0, so the curve need not be stated there.
            self._curve(
                f"response of {medium.name}",
                medium.curve,
                Linear(self.spend[row : row + 1], np.ones(1)),
                medium.low,
                float(most[row]),
                switches.get(row),
            )

    def _curve(
        self, name: str, curve: Curve, argument: Linear, low: float, high: float, switch: int | None = None
    ) -> CurveUse:
        points = self.breakpoints.get(name)
        if points is None:
            points = initial_breakpoints(curve, low, high, INITIAL_BREAKPOINTS)
        use = CurveUse(name, curve, argument, low, high, points, self.kind, switch)
        self.curves[name] = use
        return use

    def _add_openings(self) -> None:
        openings = self.problem.openings
        self.opened = self.model.add_variables(
            "opened", len(openings), upper=1.0, integer=True, labels=[opening.name for opening in openings]
        )
        for column, opening in zip(self.opened, openings, strict=True):
            self._open(int(column), opening)

    def _open(self, column: int, opening: Opening) -> None:
        """State x ≤ y for every contact it opens with, y ≤ Σ x, Σ x ≥ minimum · y; spend ≤ high · y."""
        model, problem = self.model, self.problem
        if opening.medium is not None:
            medium, money = problem.media[opening.medium], self.spend[opening.medium]
            most = float(self.most[opening.medium])
            # Not paid unless money flows: else a minimum budget could be met by fixed costs that nobody pays.
            least = medium.low if medium.low > 0 else least_spend(problem, opening.medium, most)
            least = least or 1.0  # where nothing can be spent, never
            model.add_rows(
                f"opens {opening.name}", [0, 0, 1, 1], [money, column, money, column], [1.0, -most, 1.0, -least],
                lower=[-np.inf, 0.0], upper=[0.0, np.inf], size=2,
            )  # fmt: skip
        if opening.members is None:
            return
        inside = opening.members.on(problem.customer, problem.activity)[self.free] != 0
        columns = self.contact[self.free[inside]]
        self._gates.add(column, columns)
        if len(columns) <= STRONG_OPENING_ROWS:
            size = len(columns)
            row, entry, value = (
                np.tile(np.arange(size), 2),
                np.r_[columns, np.full(size, column)],
                np.repeat([1.0, -1.0], size),
            )
        else:
            codes, customers = pd.factorize(problem.customer[self.free[inside]])
            size = len(customers)
            row, entry = np.r_[codes, np.arange(size)], np.r_[columns, np.full(size, column)]
            value = np.r_[np.ones(len(columns)), -np.bincount(codes, minlength=size)]
        model.add_rows(f"opens {opening.name}", row, entry, value, lower=-np.inf, upper=0.0, size=size)
        least = max(opening.minimum, 1.0)
        model.add_rows(
            f"at least once open {opening.name}", np.zeros(len(columns) + 1), np.r_[columns, column],
            np.r_[np.ones(len(columns)), -least], lower=0.0, upper=np.inf, size=1,
        )  # fmt: skip

    def _add_cells(self) -> None:
        """Saturation cells with their argument z, price cells with their volume n."""
        problem, entries = self.problem, self.entries
        self._cell_of = np.full(len(problem.customer), -1, np.int64)
        self._cell_names: list[str] = []
        for cell in problem.cells:
            self._cell_of[cell.member] = len(self._cell_names)
            name = f"saturation of {cell.name}"
            self._cell_names.append(name)
            inside = cell.member[entries.pair]
            pairs = entries.pair[inside]
            value = entries.value["responses"][inside] * cell.worth[pairs]
            most, least = np.zeros(len(problem.customer)), np.zeros(len(problem.customer))
            np.maximum.at(most, pairs, value)
            np.minimum.at(least, pairs, value)
            curve = Saturated(cell.curve, cell.reference, cell.z_ref)
            high = float(most.sum())
            self._curve(name, curve, Linear(entries.column[inside], value), float(least.sum()), max(high, 1e-9))
        for price in problem.price_cells:
            columns = self.contact[self.free[price.member[self.free]]]
            name = f"price of {price.name}"
            self.prices[name] = PriceUse(
                price,
                Linear(columns, np.ones(len(columns))),
                len(columns),
                self.kind,
                self.breakpoints.get(name, np.empty(0)),
            )

    # --- expressions -----------------------------------------------------------------------------------------

    def _read(self, expression: Expression) -> Reading:
        """Read the expression over the columns made so far (reach indicators are made on demand)."""
        problem, entries = self.problem, self.entries
        columns: list[Indices] = []
        values: list[Floats] = []
        by_cell: dict[int, tuple[list[Indices], list[Floats]]] = {}
        curves: list[tuple[float, CurveUse]] = []
        scaled: list[tuple[Linear, CurveUse]] = []
        priced: list[tuple[Linear, PriceUse]] = []
        for weights in expression.contacts:
            value = weights.on(problem.customer, problem.activity)[self.free]
            columns.append(self.contact[self.free[value != 0]])
            values.append(value[value != 0])
        for kind, terms in expression.responses.items():
            for weights in terms:
                value = weights.on(problem.customer, problem.activity)[entries.pair] * entries.value[kind]
                cell = self._cell_of[entries.pair]
                for k in np.unique(cell[value != 0]):
                    kept = (cell == k) & (value != 0)
                    if k < 0:
                        columns.append(entries.column[kept])
                        values.append(value[kept])
                    else:
                        into = by_cell.setdefault(int(k), ([], []))
                        into[0].append(entries.column[kept])
                        into[1].append(value[kept])
        for k, (cell_columns, cell_values) in sorted(by_cell.items()):
            use = self.curves[self._cell_names[k]]
            form = Linear(np.concatenate(cell_columns), np.concatenate(cell_values))
            alpha = proportion(form, use.argument, self.model.width)
            if alpha is None:
                scaled.append((form, use))
            elif alpha != 0:
                curves.append((alpha, use))
        for row, value_of in expression.spend.items():
            columns.append(self.spend[row : row + 1])
            values.append(np.array([value_of]))
        for row, value_of in expression.yields.items():
            if value_of != 0:
                curves.append((value_of, self.curves[f"response of {problem.media[row].name}"]))
        for row, value_of in expression.opened.items():
            columns.append(self.opened[row : row + 1])
            values.append(np.array([value_of]))
        for reach, value_of in expression.reached:
            indicator = self._reach(reach)
            columns.append(indicator)
            values.append(np.full(len(indicator), value_of))
        if expression.tiered:
            weight = sum(w.on(problem.customer, problem.activity) for w in expression.tiered)
            for price, use_of in zip(problem.price_cells, self.prices.values(), strict=True):
                kept = self.free[price.member[self.free]]
                kept = kept[np.asarray(weight)[kept] != 0]
                if len(kept):
                    priced.append((Linear(self.contact[kept], np.asarray(weight)[kept]), use_of))
        linear = Linear(
            np.concatenate(columns).astype(np.int64) if columns else np.empty(0, np.int64),
            np.concatenate(values) if values else np.empty(0),
            expression.constant,
        )
        return Reading(linear, curves, scaled, priced)

    def _reach(self, reach: Reach) -> Indices:
        """Make indicators of labels touched: r ≥ x, r ≤ Σ x; a label with one contact is that contact."""
        label = reach.label[self.free]
        pairs = self.free[label >= 0]
        codes, labels = pd.factorize(label[label >= 0])
        size = np.bincount(codes, minlength=len(labels))
        indicator = np.full(len(labels), -1, np.int64)
        single = size[codes] == 1
        indicator[codes[single]] = self.contact[pairs[single]]
        several = np.flatnonzero(size > 1)
        made = self.model.add_variables("reached", len(several), upper=1.0)
        indicator[several] = made
        place = np.full(len(labels), -1)
        place[several] = np.arange(len(several))
        row, columns = place[codes[~single]], self.contact[pairs[~single]]
        count = len(row)
        self.model.add_rows(
            "reaches", np.tile(np.arange(count), 2), np.r_[columns, made[row]], np.repeat([1.0, -1.0], count),
            lower=-np.inf, upper=0.0, size=count,
        )  # fmt: skip
        self.model.add_rows(
            "only if reached", np.r_[row, np.arange(len(several))], np.r_[columns, made],
            np.repeat([1.0, -1.0], [count, len(several)]), lower=0.0, upper=np.inf, size=len(several),
        )  # fmt: skip
        return indicator

    def _stated(self, reading: Reading, helpful: bool) -> Linear:
        """Turn the reading into one linear form: curves that help (or hurt) replaced by their approximation."""
        columns, values, constant = [reading.linear.column], [reading.linear.coefficient], reading.linear.constant
        for coefficient, use in reading.curves:
            columns.append(np.array([use.column(self.model, helpful == (coefficient > 0))]))
            values.append(np.array([coefficient]))
        upper = None
        if reading.scaled or reading.priced:
            upper = self.model.bounds()[1]
        for form, use in reading.scaled:
            assert upper is not None
            for parts, factors in scaled_terms(use.segments(self.model), form, upper[form.column], helpful, self.kind):
                columns.append(parts)
                values.append(factors)
        for form, price in reading.priced:
            assert upper is not None
            for parts, factors in self._price_terms(form, price, helpful):
                columns.append(parts)
                values.append(factors)
        return Linear(*_summed(np.concatenate(columns), np.concatenate(values)), constant)

    def _range(self, form: Linear) -> tuple[float, float]:
        """Least and greatest value that the columns' bounds allow."""
        lower, upper = self.model.bounds()
        low, high = form.coefficient * lower[form.column], form.coefficient * upper[form.column]
        return float(np.minimum(low, high).sum()) + form.constant, float(np.maximum(low, high).sum()) + form.constant

    def _price_terms(self, form: Linear, price: PriceUse, helpful: bool) -> list[tuple[Indices, Floats]]:
        """C(n)/n · form; exact where the form is the whole channel."""
        segments = price.segments(self.model)
        alpha = proportion(form, price.argument, self.model.width)
        if alpha is None or not price.cell.incremental:
            return scaled_terms(segments, form, np.ones(len(form.column)), helpful, self.kind)
        chosen = segments.chosen
        tier = np.maximum(np.searchsorted(price.cell.starts, segments.low, side="right") - 1, 0)
        slope = price.cell.prices[tier]
        base = price.total(segments.low) - slope * segments.low
        return [(segments.share, alpha * slope), (chosen, alpha * base)]

    # --- objective and coupling rows ----------------------------------------------------------------------------

    def _add_objective(self, reading: Reading) -> None:
        stated = self._stated(reading, helpful=True)
        self.model.add_objective(stated.column, stated.coefficient)
        self.model.offset += stated.constant
        self.stated = stated

    def true_objective(self, values: Floats, tolerance: float) -> float | None:
        """Objective less penalties on the true curves, or None where a row that reads a curve does not hold there.

        ``values`` are settled columns (openings and violations at their best for the contacts and money).
        """
        form = self.model.form()
        penalties = self.stated.at(values) - (float(form.objective @ values) + form.offset)
        for row, reading in self.rows:
            if reading.is_linear:
                continue
            value = reading.true(values)
            slack = tolerance * (min(abs(row.lower), abs(row.upper)) + reading.size(values))
            for side, short in ((" min", row.lower - value), (" max", value - row.upper)):
                bend = self._bends.get((row.rule, row.scope, side))
                if bend is None:
                    if short > slack:
                        return None
                    continue
                assert row.soft is not None
                if short > row.soft.tolerance + slack:
                    return None
                penalties += row.soft.penalty * (max(short, 0.0) - values[bend])
        return self.objective.true(values) - penalties

    def _add_coupling(self, row: CouplingRow) -> None:
        reading = self._read(row.expression)
        self.rows.append((row, reading))
        name = f"{row.rule} [{row.scope}]" if row.scope else row.rule
        sides: list[tuple[str, float, float, bool]] = []
        together = reading.is_linear and row.soft is None
        if together:
            sides.append(("", row.lower, row.upper, True))
        else:
            if np.isfinite(row.lower):
                sides.append((" min", row.lower, np.inf, True))
            if np.isfinite(row.upper):
                sides.append((" max", -np.inf, row.upper, False))
        for side, lower, upper, helpful in sides:
            stated = self._stated(reading, helpful)
            columns, values = stated.column, stated.coefficient
            behind = self._gates.behind(columns, values, upper - stated.constant)
            soft = row.soft
            if soft is not None and (soft.min_side if side == " min" else soft.max_side):
                least, most = self._range(stated)
                furthest = max(lower - least if helpful else most - upper, 0.0)
                bend = self.model.add_variables(
                    f"{name}{side} violation", 1, upper=min(soft.tolerance, furthest), objective=-soft.penalty
                )
                columns, values = np.r_[columns, bend], np.r_[values, 1.0 if helpful else -1.0]
                self._bends[row.rule, row.scope, side] = int(bend[0])
                self.bends.append(Bend(row.rule, row.scope, side.strip(), bend, soft))
            number = self.model.add_rows(
                name + side, np.zeros(len(columns)), columns, values,
                lower=lower - stated.constant - _rounding(lower, stated.constant),
                upper=upper - stated.constant + _rounding(upper, stated.constant), size=1,
            )  # fmt: skip
            self._own(row, number)
            if behind is not None and len(columns) == len(stated.column):
                number = self.model.add_rows(
                    f"{name}{side} once open", np.zeros(len(behind[0])), *behind, lower=-np.inf, upper=0.0, size=1
                )
                self._own(row, number)

    def _own(self, row: CouplingRow, number: Indices) -> None:
        """Remember whose row it is: its dual is a part of the rule's price."""
        self.row_numbers.setdefault((row.rule, row.scope), []).append(int(number[0]))
        self.owners.append(Owner((row.rule,), int(number[0]), int(number[0]) + 1))


def _summed(columns: Indices, values: Floats) -> tuple[Indices, Floats]:
    """Sum the terms of each column; what is left where they cancel (0.33 − 0.015 · 22) is rounding, hence 0."""
    distinct, place = np.unique(columns, return_inverse=True)
    if len(distinct) == len(columns):
        return columns, values
    total = np.bincount(place, values, len(distinct))
    size = np.bincount(place, np.abs(values), len(distinct))
    return distinct, np.where(np.abs(total) <= _CANCELLED * size, 0.0, total)


def _rounding(bound: float, constant: float) -> float:
    """Room for the rounding of bound − constant: 3.47 + 0.84 already booked must not exceed a budget of 4.31."""
    return 1e-12 * (abs(bound) + abs(constant)) if constant and np.isfinite(bound) else 0.0
