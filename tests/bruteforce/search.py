"""Tries every plan: first each customer (or household) alone under local rules, then all of them together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bruteforce import coupling_rules
from tests.bruteforce.coupling_rules import Bounded
from tests.bruteforce.curves import value as curve_value
from tests.bruteforce.filters import Row
from tests.bruteforce.judge import Ready, coupling_price, priced, ready, signed, structure_broken
from tests.bruteforce.local_rules import unit_of
from tests.bruteforce.media import Spends, candidates
from tests.bruteforce.values import MONEY, Responses, respond, value
from tests.bruteforce.world import Cell, Contact, World


@dataclass(frozen=True)
class Best:
    """The best plan there is."""

    objective: float
    plan: tuple[tuple[str, str], ...]
    spend: dict[str, float]


@dataclass(frozen=True)
class Part:
    """What one group of customers may receive, with its local penalty and its responses."""

    chosen: tuple[Contact, ...]
    penalty: float
    responses: dict[int, Responses]


def best(spec: Row | Ready, skip: int | None = None) -> Best | None:
    """The best plan of a scenario, or None when no plan is allowed.

    Parameters
    ----------
    spec : dict or Ready
        The scenario as a planner writes it, tables as records or frames.
    skip : int, optional
        A rule (counted after rule tables are spelled out) to leave out.
    """
    here = spec if isinstance(spec, Ready) else ready(spec, skip)
    world, found = here.world, None
    sign = -1.0 if world.minimise else 1.0
    for bound, chosen, penalty, responses in ranked(here):
        if found is not None and bound <= sign * found.objective:
            break
        for spend in spends(here, chosen, responses):
            if structure_broken(world, chosen, spend):
                continue
            valued = value(world, chosen, responses, spend)
            objective = signed(world, valued.objective, penalty)
            if found is not None and sign * objective <= sign * found.objective:
                continue
            paid, broken = coupling_price(world, here.coupling, valued)
            objective = signed(world, valued.objective, penalty + paid)
            if not broken and (found is None or sign * objective > sign * found.objective):
                found = Best(objective, tuple((p.customer, p.activity) for p in chosen), spend)
    return found


Ranked = tuple[float, list[Contact], float, dict[int, Responses]]


def ranked(here: Ready) -> list[Ranked]:
    """All plans that local rules allow, those that could be worth most first (media at their best, no rule binding)."""
    world = here.world
    sign = -1.0 if world.minimise else 1.0
    hope = sum(most(world, cell) for cell in world.cells)
    found: list[Ranked] = []
    for parts in itertools.product(*(list(parts_of(here, group)) for group in gathered(here))):
        chosen = [pair for part in parts for pair in part.chosen]
        responses = {index: got for part in parts for index, got in part.responses.items()}
        penalty = sum(part.penalty for part in parts)
        worth = contacts_worth(world, chosen, responses)
        found.append((sign * signed(world, worth, penalty) + hope, chosen, penalty, responses))
    return sorted(found, key=lambda one: -one[0])


def contacts_worth(world: World, chosen: list[Contact], responses: dict[int, Responses]) -> float:
    """The objective with media closed."""
    return value(world, chosen, responses, {}).objective


def most(world: World, cell: Cell) -> float:
    """An upper estimate of what a medium adds to the objective."""
    if world.objective not in (*MONEY, *world.kpis) or world.minimise:
        return 0.0
    return curve_value(cell.curve, cell.high) * max(cell.margin, 1.0)


def gathered(here: Ready) -> list[list[str]]:
    """Customers that share a unit of some rule, together."""
    world = here.world
    label = {customer: k for k, customer in enumerate(world.customers)}
    for rule in [rule for rule in world.rules if "per" in rule]:
        by_unit: dict[str, list[str]] = {}
        for customer in world.customers:
            by_unit.setdefault(unit_of(world, rule, customer), []).append(customer)
        for members in by_unit.values():
            joined = {label[customer] for customer in members}
            label = {c: min(joined) if k in joined else k for c, k in label.items()}
    return [[c for c in world.customers if label[c] == k] for k in sorted(set(label.values()))]


def parts_of(here: Ready, customers: list[str]) -> Iterator[Part]:
    """Every set of contacts of some customers that local rules allow."""
    world = here.world
    units = {unit_of(world, rule, c) for c in customers for rule in [{}, *world.rules]}
    pairs = [pair for pair in world.pairs if pair.customer in customers and pair.index in world.allowed]
    checks = [local for local in here.local if local.unit in units and (set(customers) & members(world, local))]
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(pairs, size):
            penalty = 0.0
            for local in checks:
                allowed, paid = priced(local.rule, local.check([p for p in chosen if p.index in local.pairs]))
                if not allowed:
                    break
                penalty += paid
            else:
                responses: dict[int, Responses] = {}
                for customer in customers:
                    own = [pair for pair in chosen if pair.customer == customer]
                    responses |= respond(world, customer, own) if own else {}
                yield Part(chosen, penalty, responses)


def members(world: World, local: object) -> set[str]:
    """The customers of a local rule's unit."""
    rule, unit = local.rule, local.unit  # type: ignore[attr-defined]
    return {customer for customer in world.customers if unit_of(world, rule, customer) == unit}


def spends(here: Ready, chosen: list[Contact], responses: dict[int, Responses]) -> Iterator[dict[str, float]]:
    """Spends worth trying beside some contacts."""
    world = here.world
    names = [cell.name for cell in world.cells]

    def rows(point: Spends) -> list[tuple[Bounded, float]]:
        valued = value(world, chosen, responses, dict(zip(names, point, strict=True)))
        found = []
        for one in here.coupling:
            tolerance = (one.rule.get("soft") or {}).get("tolerance") or 0.0
            found += [(row, tolerance) for row in coupling_rules.evaluate(one, valued)]
        return found

    for point in candidates(world.cells, rows):
        yield dict(zip(names, point, strict=True))
