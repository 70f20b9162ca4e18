"""Shapley values, exact.

The worth of a set S of channels is v(S) = conversions of journeys whose channels all lie in S. Then v is a sum of
unanimity games, one a journey, and the Shapley value of a unanimity game is the same for each of its members (Shapley,
A value for n-person games, 1953): every journey shares its conversions equally among its distinct channels. So the
value is exact for any number of channels, never negative, and adds up to all conversions.

Ordered (Zhao, Mahboobi, Bagheri, Shapley value methods for attribution modeling in online advertising, 2018): the share
of a channel is divided equally over its touches, so that it can be read by position; by channel it is the same.
"""

from __future__ import annotations

import numpy as np

from optimizer.learn.journeys.paths import Floats, Paths


def shapley(paths: Paths) -> Floats:
    """The weight of each touch: 1 / (channels of the journey) / (touches of this channel in it)."""
    pair, often, distinct = _pairs(paths)
    return 1.0 / (distinct[paths.path] * often[pair])


def participation(paths: Paths) -> Floats:
    """A whole conversion for every channel of the journey, divided over its touches: not additive."""
    pair, often, _ = _pairs(paths)
    return 1.0 / often[pair]


def _pairs(paths: Paths) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The (path, channel) pair of each touch, touches of each pair, and channels of each path."""
    keys, pair, often = np.unique(
        paths.path * len(paths.names) + paths.channel, return_inverse=True, return_counts=True
    )
    return pair, often, np.bincount(keys // max(len(paths.names), 1), minlength=len(paths))
