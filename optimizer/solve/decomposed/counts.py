"""Counts: how many contacts of each cost a binding row holds, as whole columns of the core.

Where money is spent on contacts at 0.035 and at 1.4, prices do not see that 0.7 left over is half a letter or twenty
e-mails: the best plans differ in how many there are of each. A branch on that number moves the bound at once, where one
on a customer moves nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optimizer.problem import Floats
from optimizer.solve.decomposed.dual import Dual
from optimizer.solve.linear_model import Indices, LinearModel

Int64 = NDArray[np.int64]

#: Different numbers a contact may add to a row that is counted; of one alone the row is the count.
FEWEST, MOST = 2, 4


def state_counts(
    model: LinearModel, dual: Dual, row: int, choice: Indices, column: Int64, owner: Int64, copies: Floats
) -> tuple[Indices, Floats] | None:
    """State how many contacts of the core add each number to a row; None where they add too many different ones.

    Parameters
    ----------
    choice : the model's columns of the choices; ``column`` all their contacts, ``owner`` whose each is; ``copies`` how
        many units may make each.

    Returns
    -------
    The counts' columns and what one of each adds.
    """
    links, own = dual.links, dual.columns
    if any(len(table[:, [row]].data) for table in links.tables[1:]):
        return None
    adds = links.tables[0][:, [row]].toarray()[:, 0][own.code[column]]
    values = np.unique(adds[adds != 0])
    if not FEWEST <= len(values) <= MOST:
        return None
    counts = []
    for value in values:
        held = np.bincount(owner[adds == value], minlength=len(choice))
        some = np.flatnonzero(held)
        count = model.add_variables("count", 1, upper=float(held @ copies), integer=True)
        counts.append(int(count[0]))
        model.add_rows(
            "counts", np.zeros(len(some) + 1), np.r_[choice[some], count], np.r_[held[some].astype(float), -1.0],
            lower=0.0, upper=0.0, size=1,
        )  # fmt: skip
    return np.array(counts, np.int64), values
