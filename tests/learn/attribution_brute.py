"""Attribution from its definitions, in fractions and plain dictionaries: slow, exact, and apart from the package."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

import pandas as pd


class Row(NamedTuple):
    """A path, journeys that converted on it, their value, and journeys that did not."""

    path: tuple[str, ...]
    conversions: int
    value: int
    null: int


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """The rows as users write them."""
    return pd.DataFrame(
        {
            "path": [" > ".join(row.path) for row in rows],
            "total_conversions": [row.conversions for row in rows],
            "total_conversion_value": [float(row.value) for row in rows],
            "total_null": [row.null for row in rows],
        }
    )


def channels(rows: Sequence[Row]) -> list[str]:
    """Every channel, sorted."""
    return sorted({channel for row in rows for channel in row.path})


def expected_gain(rows: Sequence[Row], order: int, removed: Collection[str], *, value: bool) -> Fraction:
    """What a journey of the chain gains, walking into ``removed`` being its end: by elimination, state by state."""
    moves: dict[tuple[str, ...], Counter[object]] = defaultdict(Counter)
    gain: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    for row in rows:
        before: tuple[str, ...] = ()
        for at in range(len(row.path)):
            state = row.path[max(0, at + 1 - order) : at + 1]
            moves[before][state] += row.conversions + row.null
            before = state
        moves[before]["end"] += row.conversions + row.null
        gain[before] += row.value if value else row.conversions
    chance: dict[tuple[str, ...], dict[tuple[str, ...], Fraction]] = {}
    reward: dict[tuple[str, ...], Fraction] = {}
    for state, tos in moves.items():
        out = sum(tos.values())
        chance[state] = {
            to: Fraction(n, out) for to, n in tos.items() if isinstance(to, tuple) and to[-1] not in removed
        }
        reward[state] = gain[state] / out
    # Eliminate every state but the start: walk through it in one step, with its loops summed.
    for state in [one for one in moves if one]:
        loop = chance[state].pop(state, Fraction(0))
        for to in chance[state]:
            chance[state][to] /= 1 - loop
        reward[state] /= 1 - loop
        for other in chance:
            if other != state and state in chance[other]:
                through = chance[other].pop(state)
                reward[other] += through * reward[state]
                for to, share in chance[state].items():
                    chance[other][to] = chance[other].get(to, Fraction(0)) + through * share
        del chance[state], reward[state]
    return reward[()]


def removal_effects(rows: Sequence[Row], order: int, *, value: bool = False) -> dict[str, Fraction]:
    """1 − gain without the channel / gain, one chain a channel."""
    whole = expected_gain(rows, order, (), value=value)
    return {one: 1 - expected_gain(rows, order, one, value=value) / whole for one in channels(rows)}


def shapley(rows: Sequence[Row], *, value: bool = False) -> dict[str, Fraction]:
    """Shapley values where a set is worth the conversions of the journeys whose channels all lie in it."""

    def worth(allowed: frozenset[str]) -> Fraction:
        return Fraction(sum((row.value if value else row.conversions) for row in rows if set(row.path) <= allowed))

    return over_all_orders(channels(rows), worth)


def shapley_of_chain(rows: Sequence[Row], order: int) -> dict[str, Fraction]:
    """Shapley values a journey where a set is worth what the chain gains without all other channels."""
    every = channels(rows)

    def worth(allowed: frozenset[str]) -> Fraction:
        return expected_gain(rows, order, [one for one in every if one not in allowed], value=False)

    return over_all_orders(every, worth)


def over_all_orders(players: list[str], worth: Callable[[frozenset[str]], Fraction]) -> dict[str, Fraction]:
    """The mean gain at entering, over every order in which the players may enter."""
    found = dict.fromkeys(players, Fraction(0))
    orders = list(permutations(players))
    known: dict[frozenset[str], Fraction] = {}
    for order in orders:
        for place, player in enumerate(order):
            before, after = frozenset(order[:place]), frozenset(order[: place + 1])
            for one in (before, after):
                if one not in known:
                    known[one] = worth(one)
            found[player] += (known[after] - known[before]) / len(orders)
    return found
