"""Responses that depend on what else a customer receives: a column a pattern, a pattern being a set of contacts.

    ρ_e(S) = share of P_g(S), q_e(S) = min(1, p_e · static_e · rank_e(S) · change_e(S))

With λ_S ≥ 0, Σ_S λ_S ≤ 1 and x_e = Σ_{S ∋ e} λ_S, a 0/1 vector x is a vertex of the cube, hence λ is 0/1 without
being declared so. Patterns that a hard local row forbids are never made. Where nothing interacts, the response
sits on the contact itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import OptimizerError
from optimizer.problem import Bools, ChangeFactor, Floats, Problem, RankFactor, Responses
from optimizer.solve.linear_model import Indices, LinearModel

#: Patterns one customer may have before the exact path refuses.
PATTERN_LIMIT = 20_000
#: Pattern columns a model may have in all.
COLUMN_LIMIT = 2_000_000


class TooManyPatterns(OptimizerError):
    """A customer could receive more combinations of contacts than the exact path can list."""


@dataclass(frozen=True)
class PackingRows:
    """Hard rows Σ w x ≤ upper with w ≥ 0 inside one customer, as triplets over pairs: what prunes patterns."""

    row: Indices
    pair: Indices
    weight: Floats
    upper: Floats  # by row


@dataclass(frozen=True)
class ResponseEntries:
    """Effective responses as a linear form: ``pair[k]`` responds ``value[kind][k]`` per unit of ``column[k]``."""

    column: Indices
    pair: Indices
    value: dict[str, Floats]


@dataclass(frozen=True)
class _Block:
    """What decides the patterns of some pairs of one customer, apart from their scores."""

    days: Floats
    channels: Indices
    groups: Indices  # relative labels, -1 alone
    rank_factors: Floats  # (n, R): factor at rank r+1; the last column for every rank beyond
    change_factors: Floats  # (n,)
    booked_days: Floats
    booked_channels: Indices
    weights: Floats  # (rows, n)
    uppers: Floats  # (rows,)

    def key(self) -> bytes:
        parts = [np.ascontiguousarray(part) for part in vars(self).values()]
        return b"|".join(np.asarray(part.shape).tobytes() + part.tobytes() for part in parts)


def response_entries(
    model: LinearModel, problem: Problem, contact: Indices, free: Indices, packing: PackingRows
) -> ResponseEntries:
    """Add pattern columns where contacts interact and return every response as entries.

    Parameters
    ----------
    contact : (E,) column of each pair's contact, -1 where the pair is removed.
    free : pairs with a column, in the order the model states them.
    packing : hard rows inside one customer.
    """
    responses = problem.responses
    kinds = list(responses.scores)
    blocks = _interacting(problem, free)
    in_block = np.zeros(len(problem.customer), bool)
    for pairs in blocks:
        in_block[pairs] = True
    alone = free[~in_block[free]]
    columns: list[Indices] = [contact[alone]]
    pairs_out: list[Indices] = [alone]
    values: dict[str, list[Floats]] = {
        kind: [np.minimum(1.0, responses.scores[kind][alone] * responses.static[alone])] for kind in kinds
    }
    for members, block in _by_signature(problem, blocks, packing):
        patterns = _feasible_patterns(block)
        effective = {kind: _effective(responses, kind, members, patterns, block) for kind in kinds}  # (C, S, n)
        if len(block.days) == 1:
            columns.append(contact[members[:, 0]])
            pairs_out.append(members[:, 0])
            for kind in kinds:
                values[kind].append(effective[kind][:, -1, 0])
            continue
        patterns = patterns[1:]  # the empty set is the slack of Σ λ ≤ 1
        count, size = len(members), len(patterns)
        if model.width + count * size > COLUMN_LIMIT:
            raise TooManyPatterns(
                f"effects or combined responses would need more than {COLUMN_LIMIT:,} combinations of contacts in all; "
                "cap the contacts a customer may receive, or state the effects on fewer contacts"
            )
        lam = model.add_variables("patterns", count * size, upper=1.0).reshape(count, size)
        which, position = np.nonzero(patterns)
        n = patterns.shape[1]
        # x_e − Σ_{S ∋ e} λ_S = 0, a row a pair; Σ λ ≤ 1, a row a block.
        row = np.concatenate(
            [
                np.arange(count * n),
                (np.arange(count)[:, None] * n + position[None, :]).ravel(),
            ]
        )
        column = np.concatenate([contact[members].ravel(), lam[:, which].ravel()])
        value = np.concatenate([np.ones(count * n), -np.ones(count * len(which))])
        model.add_rows("contacts of patterns", row, column, value, lower=0.0, upper=0.0, size=count * n)
        model.add_rows(
            "one pattern", np.repeat(np.arange(count), size), lam.ravel(), 1.0, lower=-np.inf, upper=1.0, size=count
        )
        columns.append(lam[:, which].ravel())
        pairs_out.append(members[:, position].ravel())
        for kind in kinds:
            values[kind].append(effective[kind][:, 1:][:, which, position].ravel())
    return ResponseEntries(
        np.concatenate(columns), np.concatenate(pairs_out), {kind: np.concatenate(values[kind]) for kind in kinds}
    )


def _interacting(problem: Problem, free: Indices) -> list[Indices]:
    """List runs of pairs whose responses depend on each other: whole customers under ordered effects, else groups."""
    responses = problem.responses
    ordered = np.zeros(len(problem.customer), bool)
    factors: list[RankFactor | ChangeFactor] = [*responses.ranks, *responses.changes]
    for factor in factors:
        ordered |= factor.members.on(problem.customer, problem.activity) != 0
    customer = problem.customer[free]
    affected = np.zeros(len(problem.customer_names), bool)
    affected[customer[ordered[free]]] = True
    blocks = _runs(free[affected[customer]], customer[affected[customer]])
    rest = free[~affected[customer]]
    grouped = rest[responses.group[rest] >= 0]
    return blocks + [run for run in _runs(grouped, responses.group[grouped]) if len(run) > 1]


def _runs(pairs: Indices, label: NDArray[np.int32]) -> list[Indices]:
    """Pairs gathered by label, labels in order of first appearance."""
    if not len(pairs):
        return []
    _, first, inverse = np.unique(label, return_index=True, return_inverse=True)
    order = np.argsort(first[inverse], kind="stable")
    return np.split(pairs[order], np.flatnonzero(np.diff(inverse[order])) + 1)


def _by_signature(problem: Problem, blocks: list[Indices], packing: PackingRows) -> list[tuple[Indices, _Block]]:
    """Blocks that differ by their scores alone, stacked: (C, n) pairs and what they share."""
    responses, activity = problem.responses, problem.activity
    tables = rank_tables(problem)
    change = np.ones(len(activity))
    for factor in responses.changes:
        change = np.where(factor.members.on(problem.customer, activity) != 0, change * factor.factor, change)
    order = np.argsort(packing.pair, kind="stable")
    starts = np.searchsorted(packing.pair[order], np.arange(len(activity) + 1))
    stacks: dict[bytes, tuple[list[Indices], _Block]] = {}
    booked_order = np.argsort(responses.booked_customer, kind="stable")
    booked_starts = np.searchsorted(responses.booked_customer[booked_order], np.arange(len(problem.customer_names) + 1))
    for pairs in blocks:
        a = activity[pairs]
        pairs = pairs[np.lexsort((a, responses.day[a]))]
        a = activity[pairs]
        i = int(problem.customer[pairs[0]])
        booked = booked_order[booked_starts[i] : booked_starts[i + 1]]
        weights, uppers = _rows_of(pairs, packing, order, starts)
        _, groups = np.unique(responses.group[pairs], return_inverse=True)
        block = _Block(
            responses.day[a].astype(float),
            responses.channel[a].astype(np.int64),
            np.where(responses.group[pairs] >= 0, groups, -1).astype(np.int64),
            tables[pairs],
            change[pairs],
            responses.booked_day[booked].astype(float),
            responses.booked_channel[booked].astype(np.int64),
            weights,
            uppers,
        )
        stacks.setdefault(block.key(), ([], block))[0].append(pairs)
    return [(np.stack(members), block) for members, block in stacks.values()]


def _rows_of(pairs: Indices, packing: PackingRows, order: Indices, starts: Indices) -> tuple[Floats, Floats]:
    """Packing rows over the block's pairs; pairs outside the block only free room, so the rows stay valid."""
    entries = [order[starts[pair] : starts[pair + 1]] for pair in pairs]
    rows = np.unique(np.concatenate([packing.row[entry] for entry in entries])) if entries else np.empty(0, np.int64)
    weights = np.zeros((len(rows), len(pairs)))
    for position, entry in enumerate(entries):
        np.add.at(weights[:, position], np.searchsorted(rows, packing.row[entry]), packing.weight[entry])
    return weights, packing.upper[rows] if len(rows) else np.empty(0)


def rank_tables(problem: Problem) -> Floats:
    """Factor of every pair at every rank, (E, R); ranks beyond the last column take it."""
    kept = [factor.members.on(problem.customer, problem.activity) != 0 for factor in problem.responses.ranks]
    return rank_factors(problem.responses.ranks, kept, len(problem.activity))


def rank_factors(ranks: list[RankFactor], kept: Sequence[Bools], count: int) -> Floats:
    """Factor of each of ``count`` contacts at every rank, given which of them every rule keeps, (count, R).

    Among the rules that keep the contact: the product of those stated for its rank, or, beyond the largest rank
    stated, of those with the largest.
    """
    largest = max((factor.rank for factor in ranks), default=0) + 1
    table = np.ones((count, largest))
    last = np.zeros(count, np.int64)
    for factor, keeps in zip(ranks, kept, strict=True):
        last = np.where(keeps, np.maximum(last, factor.rank), last)
        table[keeps, factor.rank - 1] *= factor.factor
    for rank in range(largest):
        beyond = (last > 0) & (rank + 1 > last)
        table[beyond, rank] = table[beyond, last[beyond] - 1]
    return table


def _feasible_patterns(block: _Block) -> Bools:
    """Every set the hard rows allow, (S, n), the empty set first, sets of later contacts after."""
    n = len(block.days)
    patterns = np.zeros((1, n), bool)
    used = np.zeros((1, len(block.uppers)))
    room = block.uppers + 1e-9 * (1.0 + np.abs(block.uppers))
    for position in range(n):
        grown = used + block.weights[:, position]
        fits = (grown <= room).all(axis=1)
        added = patterns[fits].copy()
        added[:, position] = True
        patterns, used = np.concatenate([patterns, added]), np.concatenate([used, grown[fits]])
        if len(patterns) > PATTERN_LIMIT:
            raise TooManyPatterns(
                f"a customer with {n} eligible activities could receive more than {PATTERN_LIMIT:,} combinations "
                "under effects or combined responses; cap the contacts a customer may receive"
            )
    return patterns


def _effective(
    responses: Responses, kind: str, members: Indices, patterns: Bools, block: _Block
) -> NDArray[np.float64]:
    """Effective response of every contact in every pattern, (C, S, n); zero where the contact is not made."""
    factor = _rank_factor(patterns, block) * np.where(_changes(patterns, block), block.change_factors, 1.0)
    base = responses.scores[kind][members] * responses.static[members]
    q = np.minimum(1.0, base[:, None, :] * factor[None]) * patterns[None]
    if responses.combine == "additive":
        return q
    result = q.copy()
    for group in np.unique(block.groups[block.groups >= 0]):
        inside = np.flatnonzero(block.groups == group)
        part, made = q[:, :, inside], patterns[:, inside]
        if responses.combine == "independent":
            combined = 1.0 - np.prod(1.0 - part, axis=2)
        else:
            combined = np.where(made.any(axis=1), np.where(made[None], part, -np.inf).max(axis=2), 0.0)
        total = part.sum(axis=2)
        shared = np.divide(
            combined[..., None] * part, total[..., None], out=np.zeros_like(part), where=total[..., None] != 0
        )
        even = combined[..., None] * made[None] / np.maximum(made.sum(axis=1), 1)[None, :, None]
        result[:, :, inside] = np.where(total[..., None] != 0, shared, even)
    return result


def _rank_factor(patterns: Bools, block: _Block) -> Floats:
    """Factor by rank, (S, n)."""
    earlier = patterns.astype(float) @ (block.days[:, None] < block.days[None, :])
    booked = (block.booked_days[:, None] < block.days[None, :]).sum(axis=0)
    rank = np.minimum((earlier + booked).astype(np.int64), block.rank_factors.shape[1] - 1)
    return block.rank_factors[np.arange(patterns.shape[1])[None, :], rank]


def _changes(patterns: Bools, block: _Block) -> Bools:
    """Whether the channel is absent from the customer's latest earlier date of contact, (S, n)."""
    dates = np.unique(np.concatenate([block.days, block.booked_days]))
    changed = np.zeros(patterns.shape, bool)
    touched: dict[float, Bools] = {}
    used: dict[tuple[float, int], Bools] = {}
    for date in dates:
        booked = set(block.booked_channels[block.booked_days == date].tolist())
        on_date = block.days == date
        touched[date] = np.asarray(patterns[:, on_date].any(axis=1) | bool(booked))
        for channel in np.unique(block.channels):
            same = patterns[:, on_date & (block.channels == channel)].any(axis=1)
            used[date, int(channel)] = np.asarray(same | (int(channel) in booked))
    for position, (day, channel) in enumerate(zip(block.days, block.channels, strict=True)):
        open_question = np.ones(len(patterns), bool)
        for date in dates[dates < day][::-1]:
            here = open_question & touched[date]
            changed[here, position] = ~used[date, int(channel)][here]
            open_question &= ~touched[date]
    return changed
