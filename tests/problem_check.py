"""What a compiled Problem says of a given plan: every primitive read literally, one customer at a time, no solver.

Slow and plain on purpose: it follows the words of ``optimizer.problem`` alone, so that a test can hold the rules, the
formulation and the independent check against one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Clash, Count, Distinct, Expression, Precedence, Problem, Soft, Units, Weights

TOLERANCE = 1e-9


@dataclass
class Judgement:
    """What is broken, and what the bent soft rules cost.

    ``broken`` holds (rule, scope, unit, by how much) of what no penalty buys.
    """

    broken: list[tuple[str, str, str, float]] = field(default_factory=list)
    penalty: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the plan is one."""
        return not self.broken

    def take(self, rule: str, scope: str, unit: str, amount: float, soft: Soft | None, soft_side: bool = True) -> None:
        """Count one violation, bought or not."""
        if amount <= TOLERANCE:
            return
        if soft is None or not soft_side or amount > soft.tolerance + TOLERANCE:
            self.broken.append((rule, scope, unit, amount))
        else:
            self.penalty += soft.penalty * amount

    def bounds(
        self, rule: str, scope: str, unit: str, value: float, lower: float, upper: float, soft: Soft | None
    ) -> None:
        """Hold a value to its bounds."""
        self.take(rule, scope, unit, lower - value, soft, soft is not None and soft.min_side)
        self.take(rule, scope, unit, value - upper, soft, soft is not None and soft.max_side)


def check(problem: Problem, contacts: np.ndarray, spend: np.ndarray) -> Judgement:
    """Judge a plan.

    Parameters
    ----------
    problem : Problem
    contacts : bool (E,)
        The pairs contacted.
    spend : float (M,)
        Money a medium cell.

    Returns
    -------
    Judgement
    """
    judgement = Judgement()
    for pair in np.flatnonzero(contacts & problem.removed):
        judgement.take("removed pair", "", problem.customer_names[problem.customer[pair]], 1.0, None)
    _media(problem, spend, judgement)
    _openings(problem, contacts, spend, judgement)
    for rule in problem.local:
        if isinstance(rule, Count):
            _count(problem, rule, contacts, judgement)
        elif isinstance(rule, Distinct):
            _distinct(problem, rule, contacts, judgement)
        elif isinstance(rule, Clash):
            _clash(problem, rule, contacts, judgement)
        else:
            _precedence(problem, rule, contacts, judgement)
    responses = effective_responses(problem, contacts) if problem.coupling else None
    for row in problem.coupling:
        value = evaluate(problem, row.expression, contacts, spend, responses)
        size = sum(abs(b) for b in (row.lower, row.upper) if np.isfinite(b)) + abs(value)
        lower, upper = row.lower - 1e-9 * size, row.upper + 1e-9 * size
        judgement.bounds(row.rule, row.scope, "", value, lower, upper, row.soft)
    return judgement


def effective_responses(problem: Problem, contacts: np.ndarray) -> dict[str, np.ndarray]:
    """The response of every pair by kind, 0 where not contacted: factors, combination, saturation."""
    said = problem.responses
    chosen = np.flatnonzero(contacts)
    factor = np.array(said.static)
    ranks = [(one, _on(problem, one.members) != 0) for one in said.ranks]
    changes = [(one, _on(problem, one.members) != 0) for one in said.changes]
    for pair in [int(row) for row in chosen]:
        if stated := [one for one, inside in ranks if inside[pair]]:
            # Beyond the largest rank stated for the contact, that rank's factor.
            rank = min(_rank(problem, contacts, pair), max(one.rank for one in stated))
            factor[pair] *= np.prod([one.factor for one in stated if one.rank == rank])
        paying = [one.factor for one, inside in changes if inside[pair]]
        if paying and _changes(problem, contacts, pair):
            factor[pair] *= np.prod(paying)
    result = {}
    for kind, score in said.scores.items():
        response = np.zeros(len(contacts))
        response[chosen] = np.minimum(1.0, score[chosen] * factor[chosen])
        groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row in chosen:
            if said.combine != "additive" and said.group[row] >= 0:
                groups[int(problem.customer[row]), int(said.group[row])].append(int(row))
        for pairs in groups.values():
            q = response[pairs]
            together = 1 - np.prod(1 - q) if said.combine == "independent" else q.max()
            response[pairs] = together * q / q.sum() if q.sum() != 0 else together / len(pairs)
        result[kind] = response
    saturated = {}
    for cell in problem.cells:
        z = float((cell.worth * result["responses"])[cell.member].sum())
        if z > 0:
            r = z / cell.z_ref
            phi = float(cell.curve.value(r * cell.reference)) / float(cell.curve.value(cell.reference))
            saturated[cell.name] = cell.z_ref * min(r, phi) / z
    for cell in problem.cells:
        for response in result.values():
            response[cell.member] *= saturated.get(cell.name, 1.0)
    return result


def evaluate(
    problem: Problem,
    expression: Expression,
    contacts: np.ndarray,
    spend: np.ndarray,
    responses: dict[str, np.ndarray] | None = None,
) -> float:
    """The value of an expression under a plan."""
    responses = effective_responses(problem, contacts) if responses is None else responses
    total = expression.constant
    total += sum(float(_on(problem, w)[contacts].sum()) for w in expression.contacts)
    for kind, terms in expression.responses.items():
        total += sum(float((_on(problem, w) * responses[kind]).sum()) for w in terms)
    price = np.zeros(len(contacts))
    for cell in problem.price_cells:
        price[cell.member & contacts] = _average_price(
            cell.starts, cell.prices, cell.incremental, cell.member & contacts
        )
    total += sum(float((_on(problem, w) * price)[contacts].sum()) for w in expression.tiered)
    total += sum(value * spend[row] for row, value in expression.spend.items())
    total += sum(value * float(problem.media[row].curve.value(spend[row])) for row, value in expression.yields.items())
    total += sum(value for row, value in expression.opened.items() if _opened(problem, row, contacts, spend))
    for reach, value in expression.reached:
        labels = reach.label[contacts]
        total += value * len(np.unique(labels[labels >= 0]))
    return float(total)


def _on(problem: Problem, weights: Weights) -> np.ndarray:
    return weights.on(problem.customer, problem.activity)


def _rows(problem: Problem, units: Units, unit: int, pairs: np.ndarray) -> np.ndarray:
    """The pairs of one unit among those of a mask."""
    return np.flatnonzero(pairs & (units.unit[problem.customer] == unit))


def _count(problem: Problem, rule: Count, contacts: np.ndarray, judgement: Judgement) -> None:
    weights = _on(problem, rule.weights)
    for unit, lower, upper in zip(rule.bound_units, rule.lower, rule.upper, strict=True):
        value = float(weights[_rows(problem, rule.units, unit, contacts)].sum())
        judgement.bounds(rule.rule, rule.scope, rule.units.names[unit], value, lower, upper, rule.soft)


def _distinct(problem: Problem, rule: Distinct, contacts: np.ndarray, judgement: Judgement) -> None:
    members = contacts & (_on(problem, rule.members) != 0)
    for k, unit in enumerate(rule.bound_units):
        rows = _rows(problem, rule.units, unit, members)
        touched = rule.groups[:, problem.activity[rows]].any(axis=1)
        value = int((touched & ~rule.touched[k]).sum())
        none = not touched.any() and not rule.touched[k].any()
        lower = -np.inf if rule.if_contacted and none else float(rule.lower[k])
        judgement.bounds(rule.rule, rule.scope, rule.units.names[unit], value, lower, float(rule.upper[k]), rule.soft)


def _clash(problem: Problem, rule: Clash, contacts: np.ndarray, judgement: Judgement) -> None:
    first, then = _on(problem, rule.first) != 0, _on(problem, rule.then) != 0
    for unit in _units(problem, rule.units, contacts):
        rows = _rows(problem, rule.units, unit, contacts)
        for k, e in enumerate(rows):
            for f in rows[k + 1 :]:
                a, b = problem.activity[e], problem.activity[f]
                if (first[e] and then[f] and rule.follows[a, b]) or (first[f] and then[e] and rule.follows[b, a]):
                    judgement.take(rule.rule, rule.scope, rule.units.names[unit], 1.0, rule.soft)


def _precedence(problem: Problem, rule: Precedence, contacts: np.ndarray, judgement: Judgement) -> None:
    what, enabler = _on(problem, rule.what) != 0, _on(problem, rule.enabler) != 0
    for unit in _units(problem, rule.units, contacts):
        rows = _rows(problem, rule.units, unit, contacts)
        for e in rows[what[rows]]:
            if not any(enabler[f] and rule.enables[problem.activity[e], problem.activity[f]] for f in rows):
                judgement.take(rule.rule, rule.scope, rule.units.names[unit], 1.0, rule.soft)


def _units(problem: Problem, units: Units, contacts: np.ndarray) -> Iterable[int]:
    return np.unique(units.unit[problem.customer[contacts]]).tolist()


def _media(problem: Problem, spend: np.ndarray, judgement: Judgement) -> None:
    for medium, money in zip(problem.media, spend, strict=True):
        if not (medium.or_zero and money == 0):
            judgement.bounds(f"spend of {medium.name}", "", "", float(money), medium.low, medium.high, None)


def _openings(problem: Problem, contacts: np.ndarray, spend: np.ndarray, judgement: Judgement) -> None:
    for row, opening in enumerate(problem.openings):
        if opening.members is not None and _opened(problem, row, contacts, spend):
            volume = int((_on(problem, opening.members) != 0)[contacts].sum())
            judgement.bounds(f"minimum of {opening.name}", "", "", volume, opening.minimum, np.inf, None)


def _opened(problem: Problem, row: int, contacts: np.ndarray, spend: np.ndarray) -> bool:
    opening = problem.openings[row]
    paid = opening.medium is not None and spend[opening.medium] > 0
    return paid or (opening.members is not None and bool((contacts & (_on(problem, opening.members) != 0)).any()))


def _average_price(starts: np.ndarray, prices: np.ndarray, incremental: bool, members: np.ndarray) -> float:
    n = int(members.sum())
    if not n:
        return 0.0
    if not incremental:
        return float(prices[np.flatnonzero(starts <= n)[-1]])
    ends = np.append(starts[1:], np.inf)
    return float((np.clip(n - starts, 0, ends - starts) * prices).sum()) / n


def _days_before(problem: Problem, contacts: np.ndarray, pair: int) -> list[tuple[int, int]]:
    """(day, channel) of the customer's contacts and bookings on earlier dates."""
    said, customer = problem.responses, problem.customer[pair]
    ours = [problem.activity[e] for e in np.flatnonzero(contacts & (problem.customer == customer))]
    known = [(int(said.day[a]), int(said.channel[a])) for a in ours]
    booked = np.flatnonzero(said.booked_customer == customer)
    known += [(int(said.booked_day[k]), int(said.booked_channel[k])) for k in booked]
    return [one for one in known if one[0] < said.day[problem.activity[pair]]]


def _rank(problem: Problem, contacts: np.ndarray, pair: int) -> int:
    return 1 + len(_days_before(problem, contacts, pair))


def _changes(problem: Problem, contacts: np.ndarray, pair: int) -> bool:
    before = _days_before(problem, contacts, pair)
    if not before:
        return False
    latest = max(day for day, _ in before)
    return int(problem.responses.channel[problem.activity[pair]]) not in {c for day, c in before if day == latest}
