"""Judges one plan: is it allowed, what is it worth, and why not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tests.bruteforce import coupling_rules, local_rules
from tests.bruteforce.coupling_rules import Bounded, Coupling
from tests.bruteforce.filters import Row
from tests.bruteforce.local_rules import EPSILON, Local, Violation
from tests.bruteforce.values import Responses, Valued, respond, value
from tests.bruteforce.world import Contact, World, build

Plan = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Judged:
    """Whether a plan is allowed, its objective after penalties, and what it breaks."""

    feasible: bool
    objective: float
    reasons: list[str]


@dataclass(frozen=True)
class Ready:
    """A world with its rules spelled out on units and scopes."""

    world: World
    local: list[Local]
    coupling: list[Coupling]


def ready(spec: Row, skip: int | None = None) -> Ready:
    """Read a scenario and spell out its enforced rules."""
    world = build(spec, skip)
    enforced = [rule for rule in world.rules if rule.get("mode") != "report"]
    return Ready(
        world,
        [one for rule in enforced for one in local_rules.compile_rule(world, rule)],
        [one for rule in enforced for one in coupling_rules.compile_rule(world, rule)],
    )


def priced(rule: Row, violations: Iterable[Violation]) -> tuple[bool, float]:
    """Whether violations may be bought, and at what price."""
    soft, price = rule.get("soft"), 0.0
    for side, amount in violations:
        if soft is None or (side != "both" and soft.get("side", "both") not in ("both", side)):
            return False, math.inf
        limit = soft.get("tolerance")
        if limit is not None and amount > limit + EPSILON * (1 + limit):
            return False, math.inf
        price += soft["penalty"] * amount
    return True, price


def row_violations(rows: Iterable[Bounded]) -> list[Violation]:
    """How far rows are beyond their bounds, beyond rounding."""
    found = []
    for row in rows:
        if row.low - row.value > EPSILON * (abs(row.low) + row.scale):
            found.append(("min", row.low - row.value))
        if row.value - row.high > EPSILON * (abs(row.high) + row.scale):
            found.append(("max", row.value - row.high))
    return found


def coupling_price(world: World, couplings: list[Coupling], plan: Valued) -> tuple[float, list[str]]:
    """The price of coupling violations, and the rules that cannot be bought off."""
    price, broken = 0.0, []
    for one in couplings:
        allowed, paid = priced(one.rule, row_violations(coupling_rules.evaluate(one, plan)))
        if allowed:
            price += paid
        else:
            broken.append(f"{one.rule['name']} {one.scope}")
    return price, broken


def structure_broken(world: World, chosen: list[Contact], spend: dict[str, float]) -> list[str]:
    """Minimum volumes and spend bounds that do not hold."""
    broken = []
    for name, least, activities in world.minimum_volumes:
        count = sum(pair.activity in activities for pair in chosen)
        if 0 < count < least:
            broken.append(f"{name}: {count} contacts, opened from {least}")
    for cell in world.cells:
        paid = spend.get(cell.name, 0.0)
        inside = cell.low - EPSILON * cell.low <= paid <= cell.high + EPSILON * cell.high
        if not inside and not (cell.or_zero and paid == 0):
            broken.append(f"{cell.name}: spend {paid}")
    return broken


def signed(world: World, before: float, penalty: float) -> float:
    """The objective after penalties: less to gain, or more to pay."""
    return before + penalty if world.minimise else before - penalty


def evaluate(spec: Row | Ready, plan: Plan, spend: dict[str, float] | None = None) -> Judged:
    """Judge a plan of (customer, activity) contacts and media spends.

    Parameters
    ----------
    spec : dict or Ready
        The scenario as a planner writes it, tables as records or frames.
    plan : iterable of (customer_id, activity)
    spend : dict, optional
        Money by medium cell; absent cells receive nothing.

    Returns
    -------
    Judged
    """
    spend = spend or {}
    here = spec if isinstance(spec, Ready) else ready(spec)
    world = here.world
    known = {(pair.customer, pair.activity): pair for pair in world.pairs}
    reasons = [
        f"{customer} is not eligible for {activity}" for customer, activity in plan if (customer, activity) not in known
    ]
    chosen = [known[one] for one in dict.fromkeys(plan) if one in known]
    reasons += [f"{p.customer} may not receive {p.activity}" for p in chosen if p.index not in world.allowed]
    penalty = 0.0
    for local in here.local:
        allowed, paid = priced(local.rule, local.check([p for p in chosen if p.index in local.pairs]))
        penalty += paid if allowed else 0.0
        reasons += [] if allowed else [f"{local.rule['name']} {local.unit} {local.scope}"]
    responses: dict[int, Responses] = {}
    for customer in dict.fromkeys(p.customer for p in chosen):
        responses |= respond(world, customer, [p for p in chosen if p.customer == customer])
    valued = value(world, chosen, responses, spend)
    paid, broken = coupling_price(world, here.coupling, valued)
    reasons += broken + structure_broken(world, chosen, spend)
    return Judged(not reasons, signed(world, valued.objective, penalty + paid), reasons)
