"""What a unit may receive and what it is worth, by trying every set of its pairs; and the same read off a diagram."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.problem import Count, Distinct, LocalRule, Problem
from optimizer.solve.diagram.diagrams import Diagrams
from optimizer.solve.diagram.units import PricingUnits
from tests.problem_check import _changes, _rank, check

#: Pairs of a unit beyond which its sets are too many to try.
MOST_PAIRS = 12


@dataclass(frozen=True)
class Choice:
    """A feasible set: its penalty, and the factor of effects on each of its pairs."""

    penalty: float
    factors: dict[int, float]


def tried(problem: Problem, units: PricingUnits, unit: int) -> dict[frozenset[int], Choice]:
    """Every set of the unit's pairs that the local rules accept, by their definitions."""
    pairs = units.pair[units.start[unit] : units.start[unit + 1]]
    members = np.flatnonzero(units.unit == unit)
    alone = replace(
        problem, local=[_for(rule, members) for rule in problem.local], coupling=[], media=[], openings=[], cells=[]
    )
    found = {}
    for bits in range(1 << len(pairs)):
        contacts = np.zeros(len(problem.customer), bool)
        contacts[pairs[[k for k in range(len(pairs)) if bits >> k & 1]]] = True
        judgement = check(alone, contacts, np.empty(0))
        if judgement.accepted:
            chosen = np.flatnonzero(contacts).tolist()
            found[frozenset(chosen)] = Choice(
                judgement.penalty, {pair: _factor(problem, contacts, pair) for pair in chosen}
            )
    return found


def paths(problem: Problem, units: PricingUnits, diagrams: Diagrams, unit: int) -> dict[frozenset[int], Choice] | None:
    """Every path of the unit's diagram; None where two paths hold the same set."""
    c = int(diagrams.class_of[unit])
    if not diagrams.feasible[c]:
        return {}
    begin, end = diagrams.node_start[c], diagrams.node_start[c + 1]
    pairs = units.pair[units.start[unit] : units.start[unit + 1]]
    slots = units.slot[units.start[unit] : units.start[unit + 1]]
    pair_of = dict(zip(slots.tolist(), pairs.tolist(), strict=True))
    found: dict[frozenset[int], Choice] = {}
    stack: list[tuple[int, float, dict[int, float]]] = [(int(end - begin - 1), float(diagrams.root_worth[c]), {})]
    while stack:
        node, worth, factors = stack.pop()
        if node == 0:
            if frozenset(factors) in found:
                return None
            found[frozenset(factors)] = Choice(-worth, factors)
            continue
        at = begin + node
        if diagrams.low[at] >= 0:
            assert diagrams.low_term[at] == -1
            assert diagrams.low_worth[at] <= 0
            stack.append((int(diagrams.low[at]), worth + diagrams.low_worth[at], factors))
        if diagrams.high[at] >= 0:
            assert diagrams.high_worth[at] <= 0
            term = diagrams.term[diagrams.term_start[c] + diagrams.high_term[at]]
            slot = int(diagrams.terms.slot[term])
            if slot in pair_of:
                pair = pair_of[slot]
                factor = _factor_at(problem, pair, int(diagrams.terms.rank[term]) + 1)
                if diagrams.terms.changed[term]:
                    factor *= _change(problem, pair)
                stack.append((int(diagrams.high[at]), worth + diagrams.high_worth[at], {**factors, pair: factor}))
    return found


def differences(problem: Problem, units: PricingUnits, diagrams: Diagrams) -> list[str]:
    """Where diagrams and definitions disagree, in words."""
    faults = []
    for unit in range(len(units.start) - 1):
        if units.start[unit + 1] - units.start[unit] > MOST_PAIRS:
            continue
        right, said = tried(problem, units, unit), paths(problem, units, diagrams, unit)
        exact = bool(diagrams.exact[diagrams.class_of[unit]])
        if said is None:
            faults.append(f"unit {unit}: a set twice")
            continue
        if set(right) - set(said) or (exact and set(said) - set(right)):
            faults.append(f"unit {unit}: {[sorted(s) for s in set(right) ^ set(said)][:5]} {exact=}")
            continue
        for chosen, choice in right.items():
            near = abs(said[chosen].penalty - choice.penalty) <= 1e-9 * max(1.0, choice.penalty)
            if not (near if exact else said[chosen].penalty <= choice.penalty + 1e-9):
                faults.append(f"unit {unit}: {sorted(chosen)} pays {said[chosen].penalty}, not {choice.penalty}")
            elif any(abs(said[chosen].factors[pair] - choice.factors[pair]) > 1e-12 for pair in chosen):
                faults.append(f"unit {unit}: {sorted(chosen)} {said[chosen].factors}, not {choice.factors}")
    return faults


def _for(rule: LocalRule, members: np.ndarray) -> LocalRule:
    """A rule that binds the units of these customers alone."""
    if not isinstance(rule, Count | Distinct):
        return rule
    kept = np.isin(rule.bound_units, rule.units.unit[members])
    bound, lower, upper = rule.bound_units[kept], rule.lower[kept], rule.upper[kept]
    if isinstance(rule, Distinct):
        return replace(rule, bound_units=bound, lower=lower, upper=upper, touched=rule.touched[kept])
    return replace(rule, bound_units=bound, lower=lower, upper=upper)


def _factor(problem: Problem, contacts: np.ndarray, pair: int) -> float:
    factor = _factor_at(problem, pair, _rank(problem, contacts, pair))
    return factor * _change(problem, pair) if _changes(problem, contacts, pair) else factor


def _factor_at(problem: Problem, pair: int, rank: int) -> float:
    said = problem.responses
    stated = [one for one in said.ranks if one.members.on(problem.customer, problem.activity)[pair] != 0]
    last = max((one.rank for one in stated), default=0)
    return float(np.prod([one.factor for one in stated if one.rank == min(rank, last)]))


def _change(problem: Problem, pair: int) -> float:
    changes = problem.responses.changes
    return float(np.prod([c.factor for c in changes if c.members.on(problem.customer, problem.activity)[pair] != 0]))
