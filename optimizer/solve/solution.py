"""What a solver hands back: the contacts and money chosen, their value, and what no plan can beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["optimal", "feasible", "infeasible", "no_plan", "failed"]


@dataclass(frozen=True)
class Solution:
    """A choice over the problem's pairs and media.

    ``objective`` and ``bound`` are in the sense of maximisation (minimised cost is negated), on the true curves.
    ``bound_by`` is ``own`` (evaluated here from any duals) or ``solver`` (HiGHS's tree). ``compiling``: seconds spent
    on compiling loops, once for a machine, which no limit counts.
    """

    status: Status
    contacts: NDArray[np.bool_]
    spend: NDArray[np.float64]
    objective: float
    bound: float
    bound_by: Literal["own", "solver"]
    seconds: float
    shadow_prices: dict[tuple[str, str], float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    compiling: float = 0.0
