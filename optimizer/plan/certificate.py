"""The certificate: what a plan is worth, what no plan can beat, and how far apart the two are.

    gap = |bound − objective| / max(|bound|, |objective|)

The status is read off the gap here, never forwarded from a solver.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


def gap_between(objective: float, bound: float) -> float:
    """Relative distance between an objective and its bound: 0 when equal, infinite without a bound."""
    if not (math.isfinite(objective) and math.isfinite(bound)):
        return math.inf
    scale = max(abs(bound), abs(objective))
    return abs(bound - objective) / scale if scale else 0.0


@dataclass(frozen=True)
class Certificate:
    """What is proved of a plan.

    Attributes
    ----------
    status : {"optimal", "feasible"}
        ``optimal``: the gap asked for is reached; ``feasible``: stopped before, with the gap stated.
    objective : float
        The plan's value on the true curves, soft penalties deducted, as the independent check recomputed it
        (for ``{minimize: cost}``: the cost, penalties added).
    bound : float
        No plan is worth more (for ``{minimize: cost}``: costs less).
    gap : float
        ``|bound − objective| / max(|bound|, |objective|)``.
    bound_by : {"own", "solver"}
        Who evaluated the bound: ``own`` from prices by weak duality, ``solver`` the branch-and-bound tree.
    seconds : float
        Wall-clock time of the solve.
    checks : int
        Rows of ``rules.csv`` that were recomputed independently and hold.
    """

    status: Literal["optimal", "feasible"]
    objective: float
    bound: float
    gap: float
    bound_by: Literal["own", "solver"]
    seconds: float
    checks: int

    @classmethod
    def of(
        cls,
        objective: float,
        bound: float,
        *,
        wanted_gap: float,
        bound_by: Literal["own", "solver"],
        seconds: float,
        checks: int,
    ) -> Certificate:
        """Put a certificate together, its status read off the gap reached."""
        gap = gap_between(objective, bound)
        status: Literal["optimal", "feasible"] = "optimal" if gap <= wanted_gap else "feasible"
        return cls(status, objective, bound, gap, bound_by, seconds, checks)

    def __str__(self) -> str:
        """One line a planner can read."""
        bound = f"no plan beats {self.bound:,.2f}" if math.isfinite(self.bound) else "no bound known"
        return (
            f"{self.status}: objective {self.objective:,.2f}, {bound} (gap {self.gap:.2g}, bound by "
            f"{'our own evaluation' if self.bound_by == 'own' else 'the solver'}), "
            f"{self.checks:,} checks passed, {self.seconds:.1f} s"
        )
