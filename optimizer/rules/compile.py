"""From a scenario to the problem a solver reads: every enforced rule becomes primitives, the rest becomes arrays."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from optimizer.problem import Cell, Ints, Medium, PriceCell, Problem, Responses, Weights
from optimizer.reuse import Memory, memory_of, words
from optimizer.rules.base import Compiled, Context, Verb
from optimizer.rules.measures import in_horizon
from optimizer.rules.objective import objective, response_worth
from optimizer.rules.opening import minimum_volumes
from optimizer.rules.order import canonical_order
from optimizer.rules.removal import removed_pairs
from optimizer.rules.weights import kept_pairs, spread
from optimizer.scenario.pair_values import PairColumn, PairValues

#: Verbs whose rules bind sums over many customers, each by itself.
ALONE = frozenset({"volume", "budget", "sum", "average", "ratio", "share"})


def compile_context(context: Context, verbs: Mapping[str, Verb]) -> tuple[Problem, list[Compiled]]:
    """The problem, and what each enforced rule became, in the order of ``scenario.rules``.

    Rules with ``mode: report`` are recomputed by the check and leave no trace here.
    """
    scenario, facts = context.scenario, context.facts
    minimum_volumes(context)
    worth = objective(context)
    memory = memory_of(facts)
    with ThreadPoolExecutor(1) as pool:
        order = pool.submit(canonical_order, facts) if memory.order is None else None  # of facts alone
        compiled = _compiled(context, verbs, memory)
    if order is not None:
        memory.order = order.result()
    problem = Problem(
        name=scenario.spec.name,
        customer_names=facts.customers["customer_id"].array,
        activity_names=facts.activities["activity"].tolist(),
        customer=facts.pairs.customer,
        activity=facts.pairs.activity,
        removed=removed_pairs(context),
        order=memory.order,
        units=context.units(None),
        responses=_responses(context, compiled),
        local=[primitive for one in compiled for primitive in one.local],
        coupling=[row for one in compiled for row in one.coupling],
        cells=_cells(context),
        price_cells=_price_cells(context),
        openings=list(context.openings),
        media=[Medium(cell.name, cell.spend_min, cell.spend_max, cell.or_zero, cell.curve) for cell in facts.media],
        objective=worth,
        sense=scenario.sense,
    )
    return problem, compiled


def _compiled(context: Context, verbs: Mapping[str, Verb], memory: Memory) -> list[Compiled]:
    """What each enforced rule becomes; taken from memory where neither it nor what it may lean on has changed.

    A rule on many customers' sums reads nothing of others like it. Any other rule may, so all are kept together with
    what else the scenario says; and where something is opened, rules share the openings and nothing is kept.
    """
    scenario = context.scenario
    said = {name: value for name, value in vars(scenario.spec).items() if name != "rules"}
    shared = words([said, scenario.objective, [rule for rule in scenario.rules if rule.verb not in ALONE]])
    if memory.key != shared:
        memory.key, memory.compiled = shared, {}
    known, memory.compiled = memory.compiled, {}
    result = []
    for rule in scenario.rules:
        if rule.mode == "enforce":
            key = words(rule)
            made = known[key] if key in known and not context.openings else verbs[rule.verb].compile(rule, context)
            memory.compiled[key] = made
            result.append(made)
    if context.openings:
        memory.key, memory.compiled = "", {}
    return result


def _responses(context: Context, compiled: list[Compiled]) -> Responses:
    facts = context.facts
    booked = facts.past[in_horizon(context)]
    channels = _codes(pd.concat([facts.activities["channel"], booked["channel"]], ignore_index=True))
    return Responses(
        scores={"responses": facts.pairs.score, **facts.pairs.kpis},
        static=_static(context, [one.static for one in compiled if one.static is not None]),
        combine=facts.combine,  # type: ignore[arg-type]  # the schema allows these three words alone
        group=facts.group,
        day=facts.days,
        channel=channels[: len(facts.activities)],
        ranks=[rank for one in compiled for rank in one.ranks],
        changes=[change for one in compiled for change in one.changes],
        booked_customer=booked["customer"].to_numpy(np.int32),
        booked_day=booked["days"].to_numpy(np.int32),
        booked_channel=channels[len(facts.activities) :],
    )


def _static(context: Context, factors: list[tuple[Weights, float]]) -> PairColumn:
    """The product of the factors on each pair's response, shape (E,)."""
    pairs = context.facts.pairs
    if all(members.customer is None and members.pair is None for members, _ in factors):
        by_activity = np.ones(len(context.facts.activities))
        for members, factor in factors:
            by_activity[... if members.activity is None else members.activity != 0] *= factor
        return PairValues(pairs.customer, pairs.activity, ((by_activity, None),))
    static = np.ones(len(pairs))
    for members, factor in factors:
        static[kept_pairs(context, members)] *= factor
    return static


def _cells(context: Context) -> list[Cell]:
    """Saturation cells (DESIGN §2): z_ref = R(reference) × the p-weighted mean worth over the cell's eligible pairs."""
    facts = context.facts
    if not facts.saturations:
        return []
    worth, score = response_worth(context), facts.pairs.score
    cells = []
    for saturation in facts.saturations:
        for row, name in enumerate(saturation.cells):
            member = saturation.cell == row
            scored = float(score[member].sum())
            mean = float((score * worth)[member].sum()) / scored if scored != 0 else 0.0
            z_ref = float(saturation.curve.value(saturation.reference)) * mean
            if z_ref > 0:  # otherwise nothing saturates
                inside = np.where(member, worth, 0.0)
                cells.append(Cell(name, saturation.curve, saturation.reference, z_ref, inside, member))
    return cells


def _price_cells(context: Context) -> list[PriceCell]:
    facts = context.facts
    channel = facts.activities["channel"].to_numpy()
    return [
        PriceCell(
            tier.channel,
            tier.starts,
            tier.prices,
            tier.kind == "incremental",
            spread(channel == tier.channel, facts.pairs.activity),
        )
        for tier in facts.tiers
    ]


def _codes(values: pd.Series) -> Ints:
    return pd.factorize(values)[0].astype(np.int32)
