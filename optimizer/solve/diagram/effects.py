"""Effects along the steps: how many contacts a customer had on earlier dates, and which channels the last date held.

    rank of a contact = contacts and bookings on earlier dates, up to where its factors no longer differ
    changed           = its channel is absent from the customer's latest earlier date of contact or booking

Both are carried only as long as a later slot of the customer reads them, and only as far as it can tell them apart.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.errors import OptimizerError
from optimizer.problem import Bools, Floats, Ints, Problem
from optimizer.solve.diagram.bonds import rank_count
from optimizer.solve.diagram.compiled import Hashes, Int64, bare, compiled
from optimizer.solve.diagram.steps import Steps, say

#: Columns of one member: contacts earlier, contacts on this date, channels of the last date, channels of this date.
COLUMNS = 4
#: Stands in a set of channels for there being a date at all.
_DATED = 1 << 62


class Effects(NamedTuple):
    """What effects read at each step.

    ``rank_of[s, k]`` is the rank index of the step's contact after k contacts on earlier dates; ``cap`` how far later
    slots of the member count, ``folds`` whether the member's date ends with the step. ``channel`` is the step's channel
    as a set, 0 where no change counts; ``reads`` whether its response depends on a change; ``begins`` the channels of
    the last booking before, where the step is the member's first (``starts``); ``keeps`` and ``keeps_new`` the channels
    that later slots ask for, of the last date and of this one; ``booked`` and ``between`` the channels booked on the
    step's date and, last, between it and the member's next date.
    """

    member: Ints
    rank_of: Ints  # (S, R)
    cap: Int64
    folds: Bools
    channel: Int64
    reads: Bools
    starts: Bools
    begins: Int64
    keeps: Int64
    keeps_new: Int64
    booked: Int64
    between: Int64


def rank_tables(problem: Problem, steps: Steps) -> Floats:
    """Factor of every step's contact at every rank index, (S, R); the last column holds for every rank beyond.

    Among the rules that keep the contact: the product of those stated for its rank, or, beyond the largest rank
    stated, of those with the largest.
    """
    ranks = problem.responses.ranks
    largest = rank_count(problem)
    table = np.ones((len(steps.cls), largest))
    last = np.zeros(len(steps.cls), np.int64)
    for factor in ranks:
        keeps = steps.members(factor.members)
        last = np.where(keeps, np.maximum(last, factor.rank), last)
        table[keeps, factor.rank - 1] *= factor.factor
    for rank in range(largest):
        beyond = (last > 0) & (rank + 1 > last)
        table[beyond, rank] = table[beyond, last[beyond] - 1]
    return table


def effects_of(problem: Problem, steps: Steps) -> Effects:
    """What effects read at each step."""
    said = problem.responses
    table = rank_tables(problem, steps)
    # Ranks of the same factor are one.
    same = np.argmax(table[:, :, None] == table[:, None, :], axis=1).astype(np.int32)
    change = np.ones(len(steps.cls))
    for factor in said.changes:
        change[steps.members(factor.members)] *= factor.factor
    channels = np.unique(np.concatenate([said.channel, said.booked_channel]))
    if said.changes and len(channels) > 62:
        raise OptimizerError(f"effects of a change of channel know at most 62 channels, not {len(channels)}")
    bit = (
        np.int64(1) << np.searchsorted(channels, said.channel).astype(np.int64) if said.changes else _none(said.channel)
    )
    booked_bit = (
        np.int64(1) << np.searchsorted(channels, said.booked_channel).astype(np.int64)
        if said.changes
        else _none(said.booked_channel)
    )
    at = np.argsort(steps.all_customer)
    customers = steps.all_customer[at]
    kept = np.isin(said.booked_customer, customers)
    who, when, what = said.booked_customer[kept], said.booked_day[kept], booked_bit[kept]
    order = np.lexsort((when, who))
    who, when, what = who[order], when[order], what[order]
    first = np.searchsorted(who, steps.customer, side="left")
    after = np.searchsorted(who, steps.customer, side="right")
    found = Effects(
        steps.member,
        np.zeros_like(same), *(np.zeros(len(steps.cls), kind) for kind in (
            np.int64, bool, np.int64, bool, bool, np.int64, np.int64, np.int64, np.int64, np.int64)),
    )  # fmt: skip
    if said.ranks or said.changes:
        members = int(steps.member.max(initial=0)) + 1
        dated = np.where(bit != 0, bit | _DATED, 0)
        _lay(
            steps.start, said.day[steps.activity].astype(np.int64), dated[steps.activity], change != 1.0, same,
            first, after, when.astype(np.int64), what, members, found,
        )  # fmt: skip
    return found


def _none(channel: Ints) -> Int64:
    return np.zeros(len(channel), np.int64)


def say_effects(said: Hashes, effects: Effects) -> None:
    """Add what effects read at each step to its hash."""
    words: list[NDArray[Any]] = [
        effects.member, effects.cap, effects.folds, effects.channel, effects.reads, effects.starts, effects.begins,
        effects.keeps, effects.keeps_new, effects.booked, effects.between,
    ]  # fmt: skip
    say(said, np.stack([word.astype(np.int64) for word in words], axis=1))
    say(said, effects.rank_of.astype(np.int64))


@compiled
def _lay(
    start: Int64,
    day: Int64,
    channel: Int64,
    reads: Bools,
    same: Ints,
    first: Int64,
    after: Int64,
    when: Int64,
    what: Int64,
    members: int,
    out: Effects,
) -> None:
    """Fill ``out``; a step's customer has the bookings from ``first`` to ``after`` in ``when`` and ``what``."""
    ranks = same.shape[1]
    next_day, cap = np.empty(members, np.int64), np.empty(members, np.int64)
    later, on_date, seen = np.empty(members, np.int64), np.empty(members, np.int64), np.empty(members, np.int64)
    for c in range(len(start) - 1):
        next_day[:] = -1
        cap[:] = 0
        later[:] = 0
        on_date[:] = 0
        seen[:] = -1
        for s in range(start[c], start[c + 1]):
            m = out.member[s]
            ends = seen[m] < 0 or next_day[m] != day[s]
            if ends:
                later[m] |= on_date[m]
                on_date[m] = 0
            out.folds[s] = ends
            out.cap[s] = cap[m]
            out.keeps[s] = later[m] | on_date[m]
            out.keeps_new[s] = later[m]
            before = 0
            for b in range(first[s], after[s]):
                if when[b] < day[s]:
                    before += 1
                elif when[b] == day[s] and what[b]:
                    out.booked[s] |= what[b] | np.int64(_DATED)
            if ends and seen[m] >= 0:
                latest = day[s]
                for b in range(first[s], after[s]):
                    if day[s] < when[b] < next_day[m] and what[b]:
                        if when[b] > latest:
                            latest = when[b]
                            out.between[s] = 0
                        out.between[s] |= what[b] | np.int64(_DATED)
            reach = 0
            for k in range(ranks):
                out.rank_of[s, k] = same[s, min(k + before, ranks - 1)]
                if k and out.rank_of[s, k] != out.rank_of[s, k - 1]:
                    reach = k
            cap[m] = max(cap[m], reach)
            out.channel[s] = channel[s]
            out.reads[s] = reads[s]
            if reads[s]:
                on_date[m] |= channel[s]
            next_day[m] = day[s]
            seen[m] = s
        for m in range(members):
            s = seen[m]
            if s < 0:
                continue
            out.starts[s] = True
            latest = np.int64(-(1 << 60))
            for b in range(first[s], after[s]):
                if when[b] < day[s] and what[b]:
                    if when[b] > latest:
                        latest = when[b]
                        out.begins[s] = 0
                    out.begins[s] |= what[b] | np.int64(_DATED)


@bare
def term_of(row: Int64, offset: int, s: int, effects: Effects) -> int:
    """2 × the rank index of the step's contact, + 1 where it changes channel."""
    place = offset + COLUMNS * effects.member[s]
    rank = effects.rank_of[s, min(row[place], effects.rank_of.shape[1] - 1)]
    if not effects.reads[s]:
        return 2 * rank
    last = effects.begins[s] if effects.starts[s] else row[place + 2]
    changed = last != 0 and (last & effects.channel[s] & ~np.int64(_DATED)) == 0
    return 2 * rank + (1 if changed else 0)


@bare
def step_effects(row: Int64, offset: int, s: int, take: bool, effects: Effects) -> None:
    """Decide step ``s`` in the columns of its member."""
    place = offset + COLUMNS * effects.member[s]
    earlier, today = row[place], row[place + 1]
    if take:
        today += 1
    if effects.folds[s]:
        earlier += today
        today = 0
    cap = effects.cap[s]
    earlier = min(earlier, cap)
    row[place], row[place + 1] = earlier, min(today, cap - earlier)
    last = effects.begins[s] if effects.starts[s] else row[place + 2]
    new = row[place + 3]
    if take:
        new |= effects.channel[s]
    if effects.folds[s]:
        new |= effects.booked[s]
        if effects.between[s]:
            last = effects.between[s]
        elif new:
            last = new
        new = 0
    row[place + 2], row[place + 3] = last & effects.keeps[s], new & effects.keeps_new[s]
