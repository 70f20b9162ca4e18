"""Wide appetence tables become pairs without any sort: a customer's rows are found, then read in the activities' order.

A row of a wide table means every activity of its key (offer, wave, as far as the table says); where no customer has two
rows of one key, the score of (customer i, activity a) stands in row ``source[key(a), i]`` of the column of a's channel.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Rows = NDArray[np.int64]

#: What rows and activities are matched by, a number each.
Keys = NDArray[np.int32] | NDArray[np.int64]
#: A channel (None: the row says), the rows it is about (None: all), and the score of every row (NaN: none).
ScoreColumn = tuple[str | None, Rows | None, Floats]
#: Pairs looked at together: few enough to stay near the processor.
BLOCK = 1 << 18
#: Rows a customer and key below which most keys have no row, so that sorting is cheaper than looking everywhere.
SPARSE = 0.1


def crossed_grid(
    columns: list[ScoreColumn], owner: Ints, keys: tuple[Keys, Keys], customers: int, activities: pd.DataFrame
) -> tuple[Ints, Ints, Floats, int] | None:
    """Customer, activity and score of every scored pair, sorted, and the number of scores that mean no activity.

    Parameters
    ----------
    columns : list of ScoreColumn
        One a channel, of all rows.
    owner : int (R,)
        The customer of each row.
    keys : int (R,) and int (A,)
        What each row and each activity are matched by.
    customers : int
        How many there are.
    activities : DataFrame
        With their ``channel``.

    Returns
    -------
    tuple or None
        None when a customer has two rows of one key, or too few rows for this way.
    """
    known, of_activity = np.unique(keys[1], return_inverse=True)
    place = np.minimum(np.searchsorted(known, keys[0]), len(known) - 1).astype(np.int32)
    matched = known[place] == keys[0]
    if matched.sum() < SPARSE * len(known) * customers:
        return None
    source: Ints = np.full((len(known), customers), -1, np.int32)
    for key in range(len(known)):
        rows = np.flatnonzero(matched & (place == key))
        source[key, owner[rows]] = rows
    if int((source >= 0).sum()) < matched.sum():
        return None
    channel = activities["channel"].to_numpy(object)
    # Which activities a score of one column and key means.
    meant: list[tuple[Floats, int, Rows]] = []
    total, unmatched = 0, 0
    for name, _, score in columns:
        filled = ~np.isnan(score)
        count = np.bincount(place[filled & matched], minlength=len(known))
        unmatched += int((filled & ~matched).sum())
        for key in range(len(known)):
            own = np.flatnonzero((channel == name) & (of_activity == key))
            if len(own):
                meant.append((score, key, own))
                total += int(count[key]) * len(own)
            else:
                unmatched += int(count[key])
    customer, activity, scores = np.empty(total, np.int32), np.empty(total, np.int32), np.empty(total)
    width, at = len(channel), 0
    everyone = np.arange(width, dtype=np.int32)
    for first in range(0, customers, size := max(1, BLOCK // max(1, width))):
        last = min(first + size, customers)
        block = np.full((last - first, width), np.nan)
        for score, key, own in meant:
            row = source[key, first:last]
            block[:, own] = np.where(row < 0, np.nan, score[row])[:, None]
        there = ~np.isnan(block)
        counts = there.sum(axis=1)
        inside = slice(at, at + int(counts.sum()))
        scores[inside] = block[there]
        activity[inside] = np.broadcast_to(everyone, block.shape)[there]
        customer[inside] = np.repeat(np.arange(first, last, dtype=np.int32), counts)
        at = inside.stop
    return customer, activity, scores, unmatched
