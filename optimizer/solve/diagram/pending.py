"""What chosen contacts still ask of later slots: precedences that wait for an enabler, soft clashes yet to be paid.

    ask of a contact e = the later slots that enable it (precedence), or that clash with it (soft clash)
    state              = how many chosen contacts ask each distinct set, and which later contacts are enabled already

Contacts that ask the same of what is left are one kind; of hard precedences only the kinds that imply the others
count. A taken slot fulfils the asks that hold it (precedence) or pays each of them (clash). An ask that no later slot
is left for is broken, or paid where it is soft.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from optimizer.problem import Bools, Clash, Floats, Ints, Precedence, Problem
from optimizer.solve.diagram.caps import EXACT, Eased
from optimizer.solve.diagram.clashes import add_clashes, is_hard
from optimizer.solve.diagram.compiled import Hashes, Int64, bare, compiled, mixed, roomy
from optimizer.solve.diagram.steps import Steps

HARD, PAID, CLASH = 0, 1, 2
#: Numbers of a row of old kinds, and of one of new kinds or of implied ones.
OLD, NEW = 5, 3


class Pending(NamedTuple):
    """What asks read at each step; run ``s * rules + r`` is that of rule r at step s.

    Before a step there are kinds of asks ``old_*``, after it kinds ``new_*``: kind k has ``size`` bits from bit
    ``offset`` of the state. ``old_to`` is the kind it becomes, -1 none; ``old_has`` whether the step is asked for.
    ``own`` is the kind of the step's own ask, -1 none; ``needs`` whether it must be enabled; ``enables`` the later
    steps it enables. Kind ``weaker`` is implied by kind ``stronger``.
    """

    rules: int
    words: int  # of the kinds of a rule
    mode: Ints  # (rules,)
    price: Floats
    needs: Bools  # (S * rules,)
    own: Ints
    enables: Int64  # (S * rules, words of steps)
    old_start: Int64
    old_offset: Ints
    old_size: Ints
    old_to: Ints
    old_has: Bools
    new_start: Int64
    new_offset: Ints
    new_size: Ints
    weaker_start: Int64
    weaker: Ints
    stronger: Ints


def pending_of(problem: Problem, steps: Steps, eased: Eased) -> tuple[Pending, Ints]:
    """Lay precedences and soft clashes along the steps: what they read, and which rules ask at all."""
    asks: list[Int64] = []
    needs: list[Bools] = []
    enables: list[Int64] = []
    mode: list[int] = []
    price: list[float] = []
    rules: list[int] = []
    for number, rule in enumerate(problem.local):
        if not isinstance(rule, Clash | Precedence):
            continue
        dropped = eased[:, number] != EXACT
        ask = np.zeros((len(steps.cls), steps.words), np.int64)
        if isinstance(rule, Clash) and not is_hard(rule):
            assert rule.soft is not None
            add_clashes(steps, rule, dropped, ask)
            need, enable = np.zeros(len(steps.cls), bool), np.zeros_like(ask)
            kind, cost = CLASH, rule.soft.penalty
        elif isinstance(rule, Precedence):
            hard = rule.soft is None or rule.soft.tolerance < 1.0 - 1e-9
            enable = np.zeros_like(ask)
            need = _precedence(steps, rule, dropped, ask, enable)
            kind, cost = (HARD, 0.0) if hard or rule.soft is None else (PAID, rule.soft.penalty)
        else:
            continue
        if not need.any() and not ask.any():
            continue
        rules.append(number)
        asks.append(ask)
        needs.append(need)
        enables.append(enable)
        mode.append(kind)
        price.append(cost)
    count, modes = len(rules), np.array(mode, np.int32)
    if not count:
        none, at, off = np.empty(0, np.int32), np.zeros(1, np.int64), np.empty(0, bool)
        sets = np.zeros((0, steps.words), np.int64)
        zero = np.empty(0)
        return Pending(
            0, 0, modes, zero, off, none, sets, at, none, none, none, off, at, none, none, at, none, none
        ), none  # fmt: skip
    ask = np.stack(asks, axis=1)
    own, old_start, old, new_start, new, weaker_start, weak = _laid(steps.start, ask, modes)
    most = int((new[:, 1] + new[:, 2]).max(initial=0))
    found = Pending(
        count,
        (most + 63) // 64,
        modes,
        np.array(price, float),
        np.stack(needs, axis=1).ravel(),
        own,
        np.stack(enables, axis=1).reshape(-1, steps.words),
        old_start,
        old[:, 1].copy(),
        old[:, 2].copy(),
        old[:, 3].copy(),
        old[:, 4] > 0,
        new_start,
        new[:, 1].copy(),
        new[:, 2].copy(),
        weaker_start,
        weak[:, 1].copy(),
        weak[:, 2].copy(),
    )
    return found, np.array(rules, np.int32)


def width_of(pending: Pending, steps: Steps) -> int:
    """Columns of the states: by rule the kinds, then the enabled steps."""
    return pending.rules * (pending.words + steps.words)


def _precedence(steps: Steps, rule: Precedence, dropped: Bools, ask: Int64, enable: Int64) -> Bools:
    """Which steps must be enabled; fills ``ask`` with later enablers and ``enable`` with later steps enabled."""
    kept = ~dropped[steps.cls]
    what, enabler = steps.members(rule.what) & kept, steps.members(rule.enabler) & kept
    own = rule.enables[steps.activity, steps.activity]
    need = what & ~(enabler & own)
    _mark(steps.start, steps.activity, steps.holders(rule.units).of_step, need, enabler, rule.enables, ask, enable)
    return need


@compiled
def _mark(
    start: Int64,
    activity: Ints,
    holder: Ints,
    need: Bools,
    enabler: Bools,
    enables: Bools,
    ask: Int64,
    enable: Int64,
) -> None:
    for c in range(len(start) - 1):
        for e in range(start[c], start[c + 1]):
            if not need[e] and not enabler[e]:
                continue
            for f in range(start[c], e):
                if holder[e] != holder[f]:
                    continue
                bit = f - start[c]
                one = np.int64(1) << np.int64(bit % 64)
                if need[e] and enabler[f] and enables[activity[e], activity[f]]:
                    ask[e, bit // 64] |= one
                if need[f] and enabler[e] and enables[activity[f], activity[e]]:
                    enable[e, bit // 64] |= one


@compiled
def _laid(start: Int64, ask: Int64, mode: Ints) -> tuple[Ints, Int64, Ints, Int64, Ints, Int64, Ints]:
    """The kinds of asks before and after every step, as rows by run.

    Rows of old kinds: run, offset, size, to, has; of new kinds: run, offset, size; of implied ones: run, weaker,
    stronger.
    """
    steps, rules, words = ask.shape
    total = steps * rules
    longest = 1
    for c in range(len(start) - 1):
        longest = max(longest, start[c + 1] - start[c])
    own = np.full(total, -1, np.int32)
    old_count, new_count = np.zeros(total + 1, np.int64), np.zeros(total + 1, np.int64)
    weaker_count = np.zeros(total + 1, np.int64)
    # Filled by class from the first step, then put in the order of runs.
    old, new, weak = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024, np.int32)
    olds, news, weaks = 0, 0, 0
    before, after = np.empty((longest + 1, words), np.int64), np.empty((longest + 1, words), np.int64)
    size, grown = np.zeros(longest + 1, np.int64), np.zeros(longest + 1, np.int64)
    to, asked = np.zeros(longest + 1, np.int64), np.empty(words, np.int64)
    for r in range(rules):
        for c in range(len(start) - 1):
            kinds = 0
            for s in range(start[c + 1] - 1, start[c] - 1, -1):
                run, bit = s * rules + r, s - start[c]
                word, one = bit // 64, np.int64(1) << np.int64(bit % 64)
                found = 0
                # The kinds that go on, each in its place by content, and the step's own ask.
                for k in range(kinds + 1):
                    for w in range(words):
                        asked[w] = ask[s, r, w] if k == kinds else before[k, w]
                    if k < kinds:
                        asked[word] &= ~one
                    place = _place(after, found, asked)
                    to[k] = place
                    if place < 0:
                        continue
                    if place == found or _differs(after, place, asked):
                        for j in range(found, place, -1):
                            grown[j] = grown[j - 1]
                            for w in range(words):
                                after[j, w] = after[j - 1, w]
                        for j in range(k):
                            if to[j] >= place:
                                to[j] += 1
                        for w in range(words):
                            after[place, w] = asked[w]
                        grown[place] = 0
                        found += 1
                    grown[place] += size[k] if k < kinds else 1
                old, new = roomy(old, OLD * (olds + kinds)), roomy(new, NEW * (news + found))
                offset = 0
                for k in range(kinds):
                    at = OLD * olds
                    old[at], old[at + 1], old[at + 2], old[at + 3] = run, offset, size[k], to[k]
                    old[at + 4] = 1 if before[k, word] & one else 0
                    olds += 1
                    offset += size[k]
                old_count[run + 1] = kinds
                own[run] = to[kinds]
                offset = 0
                for k in range(found):
                    if mode[r] == HARD:
                        grown[k] = 1
                    at = NEW * news
                    new[at], new[at + 1], new[at + 2] = run, offset, grown[k]
                    news += 1
                    offset += grown[k]
                new_count[run + 1] = found
                if mode[r] == HARD:
                    for k in range(found):
                        for j in range(found):
                            if j != k and _within(after, k, j):
                                weak = roomy(weak, NEW * (weaks + 1))
                                at = NEW * weaks
                                weak[at], weak[at + 1], weak[at + 2] = run, j, k
                                weaks += 1
                                weaker_count[run + 1] += 1
                before, after = after, before
                size, grown = grown, size
                kinds = found
    old_start, new_start, weaker_start = np.cumsum(old_count), np.cumsum(new_count), np.cumsum(weaker_count)
    return (
        own, old_start, _sorted(old, OLD, olds, old_start), new_start, _sorted(new, NEW, news, new_start),
        weaker_start, _sorted(weak, NEW, weaks, weaker_start),
    )  # fmt: skip


@compiled
def _place(kinds: Int64, found: int, asked: Int64) -> int:
    """Where a set belongs among ``found`` kinds ordered by content, -1 where it is empty."""
    words = len(asked)
    empty = True
    for w in range(words):
        if asked[w] != 0:
            empty = False
    if empty:
        return -1
    for j in range(found):
        for w in range(words):
            if kinds[j, w] != asked[w]:
                if kinds[j, w] > asked[w]:
                    return j
                break
        else:
            return j
    return found


@compiled
def _differs(kinds: Int64, place: int, asked: Int64) -> bool:
    for w in range(len(asked)):
        if kinds[place, w] != asked[w]:
            return True
    return False


@compiled
def _within(kinds: Int64, k: int, j: int) -> bool:
    """Whether kind k asks for no step that kind j does not."""
    for w in range(kinds.shape[1]):
        if kinds[k, w] & ~kinds[j, w]:
            return False
    return True


@compiled
def _sorted(rows: Ints, width: int, count: int, start: Int64) -> Ints:
    """Rows of ``width`` numbers in the order of their runs, the number of which stands first."""
    place, out = start.copy(), np.empty((count, width), np.int32)
    for k in range(count):
        run = rows[k * width]
        for w in range(width):
            out[place[run], w] = rows[k * width + w]
        place[run] += 1
    return out


@compiled
def say_pending(said: Hashes, pending: Pending) -> None:
    """Add what asks read at each step to its hash."""
    for s in range(len(said)):
        code = said[s]
        for r in range(pending.rules):
            run = s * pending.rules + r
            code = mixed(code ^ np.uint64(2 * pending.own[run] + pending.needs[run] + 2))
            for w in range(pending.enables.shape[1]):
                code = mixed(code ^ np.uint64(pending.enables[run, w]))
            for k in range(pending.old_start[run], pending.old_start[run + 1]):
                code = mixed(code ^ np.uint64(pending.old_offset[k]))
                code = mixed(code ^ np.uint64(pending.old_size[k]))
                code = mixed(code ^ np.uint64(2 * pending.old_to[k] + pending.old_has[k] + 2))
            for k in range(pending.new_start[run], pending.new_start[run + 1]):
                code = mixed(code ^ np.uint64(pending.new_offset[k]))
                code = mixed(code ^ np.uint64(pending.new_size[k]))
            for k in range(pending.weaker_start[run], pending.weaker_start[run + 1]):
                code = mixed(code ^ np.uint64(pending.weaker[k]))
                code = mixed(code ^ np.uint64(pending.stronger[k]))
            code = mixed(code)
        said[s] = code


@bare
def step_pending(row: Int64, offset: int, s: int, bit: int, take: bool, pending: Pending, counts: Int64) -> float:
    """Decide step ``s``, the ``bit``-th from the end; what it costs, inf where a hard ask is broken.

    ``counts`` is room for the kinds of one rule.
    """
    cost = 0.0
    words, sets = pending.words, pending.enables.shape[1]
    word, one = bit // 64, np.int64(1) << np.int64(bit % 64)
    for r in range(pending.rules):
        run, place = s * pending.rules + r, offset + r * (words + sets)
        mode, price = pending.mode[r], pending.price[r]
        first = pending.new_start[run]
        kinds = pending.new_start[run + 1] - first
        counts[:kinds] = 0
        for k in range(pending.old_start[run], pending.old_start[run + 1]):
            number = 0
            for b in range(pending.old_offset[k], pending.old_offset[k] + pending.old_size[k]):
                if row[place + b // 64] & (np.int64(1) << np.int64(b % 64)):
                    number += 1
            if number == 0:
                continue
            if take and pending.old_has[k]:
                if mode != CLASH:
                    continue
                cost += number * price
            if pending.old_to[k] >= 0:
                counts[pending.old_to[k]] += number
            elif mode == HARD:
                return np.inf
            elif mode == PAID:
                cost += number * price
        enabled = place + words
        if take:
            asks = pending.own[run]
            if mode == CLASH:
                if asks >= 0:
                    counts[asks] += 1
            elif pending.needs[run] and not row[enabled + word] & one:
                if asks >= 0:
                    counts[asks] += 1
                elif mode == HARD:
                    return np.inf
                else:
                    cost += price
            for w in range(sets):
                row[enabled + w] |= pending.enables[run, w]
        row[enabled + word] &= ~one
        for k in range(pending.weaker_start[run], pending.weaker_start[run + 1]):
            if counts[pending.stronger[k]] > 0:
                counts[pending.weaker[k]] = 0
        for w in range(words):
            row[place + w] = 0
        for k in range(kinds):
            number = counts[k]
            if mode == HARD and number > 1:
                number = 1
            for b in range(pending.new_offset[first + k], pending.new_offset[first + k] + number):
                row[place + b // 64] |= np.int64(1) << np.int64(b % 64)
    return cost
