"""What must hold of a random scenario: the check and the engine, each against the brute force.

Every function answers with the disagreements it found, in words; none is good.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from random import Random

import pandas as pd

import optimizer as opt
from optimizer.errors import Infeasible, OptimizerError
from optimizer.plan.verify import verify
from tests.bruteforce.filters import Row
from tests.bruteforce.judge import Ready, evaluate, ready
from tests.bruteforce.search import Best, best
from tests.fuzzing.arguments import arguments, in_other_money, renamed, rows_shuffled

GAP = 1e-7
Contacts = list[tuple[str, str]]


def scenario_of(spec: Row) -> opt.Scenario:
    """The library's scenario."""
    return opt.Scenario(**arguments(spec))


def table(plan: Contacts) -> pd.DataFrame:
    """A plan as the library takes it."""
    return pd.DataFrame(plan, columns=["customer_id", "activity"], dtype=str)


def near(one: float, other: float, slack: float) -> bool:
    """Equal up to a part of the larger, and to rounding near zero."""
    return abs(one - other) <= slack * max(abs(one), abs(other)) + 1e-9


def plans_to_judge(here: Ready, found: Best | None, rng: Random, count: int) -> list[tuple[Contacts, dict[str, float]]]:
    """The best plan, its neighbours by one contact, and random ones; spends at bounds and between."""
    world = here.world
    pairs = [(pair.customer, pair.activity) for pair in world.pairs]
    plans: list[tuple[Contacts, dict[str, float]]] = []
    if found is not None:
        plans.append((list(found.plan), found.spend))
    for _ in range(count):
        if found is not None and pairs and rng.random() < 0.4:
            flipped = set(found.plan) ^ {rng.choice(pairs)}
            plan = [one for one in pairs if one in flipped]
        else:
            share = rng.choice((0.1, 0.3, 0.6, 0.9))
            plan = [one for one in pairs if rng.random() < share]
        spend = {
            cell.name: rng.choice((0.0, cell.low, cell.high, round(rng.uniform(0, cell.high), 2)))
            for cell in world.cells
        }
        if found is not None and rng.random() < 0.5:
            spend = dict(found.spend)
        plans.append((plan, spend))
    return plans


@dataclass(frozen=True)
class Trial:
    """A scenario as both sides see it, with the brute force's answer."""

    spec: Row
    here: Ready
    found: Best | None
    scenario: opt.Scenario


def trial(spec: Row) -> Trial:
    """Read a scenario on both sides and try every plan."""
    here = ready(spec)
    return Trial(spec, here, best(here), scenario_of(spec))


def check_verify(one: Trial, rng: Random, count: int = 3) -> list[str]:
    """The independent check accepts, rejects and values plans as the brute force does."""
    here, found, scenario = one.here, one.found, one.scenario
    faults = []
    for plan, spend in plans_to_judge(here, found, rng, count):
        mine = evaluate(here, plan, spend)
        theirs = verify(scenario, table(plan), spend)
        if mine.feasible != theirs.passed:
            word = "accepts" if theirs.passed else "rejects"
            faults.append(f"verify {word}: {plan} {spend}; {mine.reasons or theirs.failures}")
        elif mine.feasible and not near(mine.objective, theirs.valuation.objective, 1e-9):
            faults.append(f"verify values: {plan} {spend} at {theirs.valuation.objective!r}, not {mine.objective!r}")
    return faults


def solved(scenario: opt.Scenario) -> opt.Plan | None:
    """The engine's plan, None when it proves there is none."""
    try:
        return opt.solve(scenario, gap=GAP, time_limit=60)
    except Infeasible:
        return None


def contacts_of(plan: opt.Plan) -> Contacts:
    """The contacts of a plan."""
    return list(zip(plan.contacts["customer_id"], plan.contacts["activity"], strict=True))


def spend_of(plan: opt.Plan, here: Ready) -> dict[str, float]:
    """The money a plan gives to each medium cell."""
    return {cell.name: float(plan.spend.get(cell.name, 0.0)) for cell in here.world.cells}


def check_solve(one: Trial) -> tuple[list[str], opt.Plan | None]:
    """The engine finds the optimum, bounds it from the right side, and says infeasible exactly when it is."""
    here, found, plan = one.here, one.found, solved(one.scenario)
    if plan is None or found is None:
        if found is not None:
            return [f"engine infeasible: {found}"], None
        return ([] if plan is None else [f"engine feasible: {contacts_of(plan)}, brute force finds no plan"]), None
    faults = []
    certificate = plan.certificate
    sign = -1.0 if here.world.minimise else 1.0
    slack = GAP * max(abs(found.objective), abs(certificate.bound)) + 1e-7
    mine = evaluate(here, contacts_of(plan), spend_of(plan, here))
    if not mine.feasible:
        faults.append(f"engine breaks: {contacts_of(plan)} {mine.reasons}")
    elif not near(mine.objective, certificate.objective, 1e-8):
        faults.append(f"engine values: {contacts_of(plan)} at {certificate.objective!r}, not {mine.objective!r}")
    if sign * certificate.objective < sign * found.objective - slack:
        faults.append(f"engine short: {certificate.objective!r}, not {found.objective!r} of {found.plan} {found.spend}")
    if sign * certificate.bound < sign * found.objective - 1e-9 * max(1.0, abs(found.objective)):
        faults.append(f"engine bound: {certificate.bound!r}, but {found.objective!r} of {found.plan} {found.spend}")
    return faults, plan


def check_row_order(spec: Row, plan: opt.Plan, rng: Random) -> list[str]:
    """Another order of rows gives the identical plan."""
    other = solved(scenario_of(rows_shuffled(spec, rng)))
    if other is None:
        return ["rows in another order: infeasible"]
    same = (
        sorted(contacts_of(plan)) == sorted(contacts_of(other))
        and plan.certificate.objective == other.certificate.objective
    )
    return [] if same else [f"rows in another order: {contacts_of(other)} in place of {contacts_of(plan)}"]


def relabelled(spec: Row, rng: Random) -> tuple[Row, dict[str, str]]:
    """The scenario with customers renamed in another order."""
    names = [row["customer_id"] for row in spec["customers"]]
    fresh = rng.sample([f"n{k}" for k in range(len(names))], len(names))
    mapping = dict(zip(names, fresh, strict=True))
    return renamed(spec, mapping), mapping


def check_relabelling(spec: Row, plan: opt.Plan, rng: Random) -> list[str]:
    """Other names give the same plan under the other names (without control groups)."""
    if "customers" not in spec or any("control" in rule for rule in spec["rules"]):
        return []
    other_spec, mapping = relabelled(spec, rng)
    other = solved(scenario_of(other_spec))
    if other is None:
        return ["relabelled: infeasible"]
    names = {fresh: name for name, fresh in mapping.items()}
    back = [(names[customer], activity) for customer, activity in contacts_of(other)]
    if sorted(back) == sorted(contacts_of(plan)):
        return []
    here = ready(spec)
    first, second = (evaluate(here, one, spend_of(plan, here)).objective for one in (contacts_of(plan), back))
    # Of plans worth the same, the customers' names may choose.
    return [] if near(first, second, 1e-12) else [f"relabelled: {back} in place of {contacts_of(plan)}"]


def check_units(spec: Row, plan: opt.Plan) -> list[str]:
    """Money counted in other units: the same plan for a power of two, the same worth for a million."""
    faults = []
    for factor in (2.0**12, 1e6):
        other_spec = in_other_money(spec, factor)
        if other_spec is None:
            return []
        other = solved(scenario_of(other_spec))
        if other is None:
            faults.append(f"money × {factor}: infeasible")
        elif not near(other.certificate.objective / factor, plan.certificate.objective, 2 * GAP + 1e-9):
            faults.append(
                f"money × {factor}: {other.certificate.objective / factor!r}, not {plan.certificate.objective!r}"
            )
        elif factor == 2.0**12 and contacts_of(other) != contacts_of(plan):
            faults.append(f"money × {factor}: {contacts_of(other)} in place of {contacts_of(plan)}")
    return faults


def check_relaxing(spec: Row, plan: opt.Plan, rng: Random) -> list[str]:
    """Dropping a rule (but no effect, which is no constraint) loses nothing beyond the gap."""
    droppable = [k for k, rule in enumerate(spec["rules"]) if "effect" not in rule]
    if not droppable:
        return []
    relaxed = copy.deepcopy(spec)
    gone = relaxed["rules"].pop(rng.choice(droppable))
    other = solved(scenario_of(relaxed))
    if other is None:
        return [f"without {gone['name']}: infeasible"]
    sign = -1.0 if isinstance(spec["objective"], dict) else 1.0
    before, after = plan.certificate.objective, other.certificate.objective
    if sign * after < sign * before - GAP * max(abs(before), abs(after)) - 1e-7:
        return [f"without {gone['name']}: {after!r} after {before!r}"]
    return []


def check_all(spec: Row, seed: int, *, deep: bool) -> list[str]:
    """Every property; ``deep`` adds those that solve again."""
    rng = Random(f"properties {seed}")
    try:
        one = trial(spec)
        faults = check_verify(one, rng)
        fresh, plan = check_solve(one)
        faults += fresh
        if deep and plan is not None:
            faults += check_row_order(spec, plan, rng)
            faults += check_relabelling(spec, plan, rng)
            faults += check_units(spec, plan)
            faults += check_relaxing(spec, plan, rng)
    except OptimizerError as error:
        return [f"{type(error).__name__}: {error}"]
    return faults


def tells_apart(found: Best | None, other: Best | None) -> bool:
    """Whether two optima differ: a rule between them binds."""
    if found is None or other is None:
        return (found is None) != (other is None)
    return not math.isclose(found.objective, other.objective, rel_tol=1e-9, abs_tol=1e-9)
