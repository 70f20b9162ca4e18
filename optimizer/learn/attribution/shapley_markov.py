"""Shapley values of the Markov chain: exact over all sets of channels where they are few, else sampled with error bars.

Here the worth of a set S is what the chain of ``optimizer.learn.attribution.markov`` would bring with the channels of S
alone, moves into any other channel ending the journey. Unlike removal effects, what two channels bring only together is
shared between them once. There is no closed form: up to ``EXACT_CHANNELS`` all 2ⁿ sets are walked; beyond, orders of
entry are drawn with their reverses (Mitchell et al., Sampling permutations for Shapley value estimation, JMLR 2022),
and the standard error of the mean is told. Every drawn order shares out the whole, so the credit adds up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from optimizer.learn.attribution.markov import Chain, worth_of_sets
from optimizer.learn.journeys.paths import Floats

Bools = NDArray[np.bool_]

#: Channels up to which every set is walked: 4,096 sets.
EXACT_CHANNELS = 12
#: Orders drawn where there are more channels (half of them the reverses of the others).
SAMPLES = 400


@dataclass(frozen=True)
class ShapleyOfChain:
    """Shapley values a journey, and their standard errors (0 where exact); columns conversions and value."""

    worth: Floats
    error: Floats
    drawn: int


def shapley_of_chain(chain: Chain, channels: int, samples: int | None, seed: int) -> ShapleyOfChain:
    """Shapley values of the channels of a chain.

    Parameters
    ----------
    chain : Chain
        Counted moves.
    channels : int
        How many names there are; those without a state are worth nothing.
    samples : int, optional
        Orders of entry to draw; by default all sets are walked up to ``EXACT_CHANNELS``, else ``SAMPLES`` are drawn.
    seed : int
        Of the drawing.
    """
    players = np.unique(chain.owner)
    worth, error = np.zeros((channels, 2)), np.zeros((channels, 2))
    if samples is None and len(players) <= EXACT_CHANNELS:
        worth[players] = _exact(chain, players)
        return ShapleyOfChain(worth, error, 0)
    drawn = SAMPLES if samples is None else samples
    worth[players], error[players] = _sampled(chain, players, drawn, seed)
    return ShapleyOfChain(worth, error, drawn)


def _exact(chain: Chain, players: NDArray[np.int32]) -> Floats:
    number = len(players)
    masks = np.arange(1 << number)
    member = (masks[:, None] >> np.arange(number)) & 1 == 1
    worth = worth_of_sets(chain, players, member)
    size = member.sum(axis=1)
    # The share of orders in which exactly these channels stand before the player.
    share = np.array([factorial(s) * factorial(number - s - 1) / factorial(number) for s in range(number)])
    found = np.zeros((number, 2))
    for player in range(number):
        without = masks[~member[:, player]]
        gain = worth[without | (1 << player)] - worth[without]
        found[player] = share[size[without]] @ gain
    return found


def _sampled(chain: Chain, players: NDArray[np.int32], drawn: int, seed: int) -> tuple[Floats, Floats]:
    number, pairs = len(players), max(2, (drawn + 1) // 2)
    random = np.random.default_rng(seed)
    orders = np.array([random.permutation(number) for _ in range(pairs)])
    gains = [_marginal(chain, players, one) for one in (orders, orders[:, ::-1])]
    mean = (gains[0] + gains[1]) / 2  # pairs × players × 2
    return mean.mean(axis=0), mean.std(axis=0, ddof=1) / np.sqrt(pairs)


def _marginal(chain: Chain, players: NDArray[np.int32], orders: NDArray[np.int64]) -> Floats:
    """What each player adds on entering, in each order."""
    pairs, number = orders.shape
    place = np.argsort(orders, axis=1)
    # Set n of an order holds the first n players to enter.
    member = place[:, None, :] < np.arange(number + 1)[None, :, None]
    sets, which = np.unique(member.reshape(-1, number), axis=0, return_inverse=True)
    worth = worth_of_sets(chain, players, sets)[which.ravel()].reshape(pairs, number + 1, 2)
    steps = np.diff(worth, axis=1)
    return np.take_along_axis(steps, place[:, :, None], axis=1)
