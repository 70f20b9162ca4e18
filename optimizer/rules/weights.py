"""Weights on the scenario's pairs: their products and values, and the customers and activities that they keep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Bools, Floats, Ints, Weights
from optimizer.rules.base import Context
from optimizer.rules.contactable import Contactable

Number = TypeVar("Number", bound=np.generic)

#: Pairs looked at together: few enough to stay near the processor.
CHUNK = 1 << 17


def product(*weights: Weights) -> Weights:
    """The product of weights, part by part."""
    activity, customer, pair, factor = None, None, None, 1.0
    for weight in weights:
        activity, customer = _times(activity, weight.activity), _times(customer, weight.customer)
        pair, factor = _times(pair, weight.pair), factor * weight.factor
    return Weights(activity, customer, pair, factor)


def on_pairs(context: Context, weights: Weights) -> Floats:
    """The weights' values on the scenario's pairs, shape (E,)."""
    return weights.on(context.facts.pairs.customer, context.facts.pairs.activity)


def kept_pairs(context: Context, weights: Weights) -> Bools:
    """Which pairs have a weight other than 0, shape (E,)."""
    pairs = context.facts.pairs
    mask = np.full(len(pairs), weights.factor != 0)
    if weights.activity is not None:
        mask &= spread(weights.activity != 0, pairs.activity)
    if weights.customer is not None:
        # Pairs are sorted by customer: repeating is far cheaper than looking up.
        mask &= np.repeat(weights.customer != 0, pairs_of_customers(context))
    if weights.pair is not None:
        mask &= weights.pair != 0
    return mask


def pairs_of_customers(context: Context) -> NDArray[np.int64]:
    """How many eligible pairs each customer has, shape (N,)."""
    return context.remembered(("pairs of customers",), lambda: scored(context).counts(Weights()))


def first_pairs(context: Context) -> NDArray[np.int64]:
    """The first pair of each customer, shape (N,)."""
    counts = pairs_of_customers(context)
    return np.cumsum(counts) - counts


def scored(context: Context) -> Contactable:
    """The eligible pairs, before exclude and control."""
    facts = context.facts
    sizes = len(facts.customers), len(facts.activities)
    return context.remembered(
        ("scored",), lambda: Contactable(facts.pairs.customer, facts.pairs.activity, None, *sizes)
    )


def activities_of(context: Context, weights: Weights) -> Bools:
    """Activities with at least one pair that the weights keep, shape (A,)."""
    if weights.pair is None:
        return scored(context).activities_of(weights)
    pairs, found = context.facts.pairs, np.zeros(len(context.facts.activities), bool)
    found[pairs.activity[kept_pairs(context, weights)]] = True
    return found


def spread(values: NDArray[Number], rows: Ints) -> NDArray[Number]:
    """``values[rows]`` for as many rows as there are pairs, without a second copy of the rows."""
    found = np.empty(len(rows), values.dtype)
    for block in blocks(len(rows)):
        np.take(values, rows[block], out=found[block], mode="clip")  # all rows are inside, and clip needs no buffer
    return found


def blocks(pairs: int) -> Iterator[slice]:
    """Runs of pairs to look at one after another, so that what is computed of them stays small."""
    return (slice(first, min(first + CHUNK, pairs)) for first in range(0, pairs, CHUNK))


def _times(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return right if left is None else left
    return left * right
