"""What the independent check says of a plan, and whether a certificate is true to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from optimizer.plan.valuation import Worth
from optimizer.plan.verify.judge import ROUNDING

CHECK_COLUMNS = ["rule", "scope", "value", "min", "max", "slack", "violation", "penalty", "passed", "note"]


@dataclass(frozen=True)
class Valuation:
    """A plan's value.

    Attributes
    ----------
    objective : float
        After soft penalties, in the objective's own unit (a minimised cost counts upwards).
    objective_before_penalties, penalty : float
        Its two parts: maximised, objective = before − penalty; minimised, before + penalty.
    sense : int
        +1 when the objective is maximised, -1 when it is minimised.
    magnitude : float
        Σ|terms| of the objective, the yardstick of rounding.
    cost, responses, gross_margin, revenue, net_margin : float
        Totals, media and fixed costs included; net_margin = gross_margin − cost.
    kpis : dict of float
    contacts : DataFrame
        customer_id, activity, offer, channel, wave, date, cost, appetence, expected_response, expected_gross_margin.
    budget : DataFrame
        channel, cell, wave, volume, cost, response, gross_margin, net_margin, roi, marginal_return.
    """

    objective: float
    objective_before_penalties: float
    penalty: float
    sense: int
    magnitude: float
    cost: float
    responses: float
    gross_margin: float
    revenue: float
    net_margin: float
    kpis: dict[str, float]
    contacts: pd.DataFrame
    budget: pd.DataFrame


@dataclass(frozen=True)
class Verdict:
    """The outcome of the independent check.

    Attributes
    ----------
    checks : DataFrame
        One row a rule and scope: rule, scope, value, min, max, slack, violation, penalty, passed, note.
    valuation : Valuation
    """

    checks: pd.DataFrame
    valuation: Valuation

    @property
    def passed(self) -> bool:
        """Whether the plan holds every enforced rule."""
        return bool(self.checks["passed"].all())

    @property
    def failures(self) -> list[str]:
        """One sentence for every check that failed."""
        return [_sentence(row) for _, row in self.checks[~self.checks["passed"].astype(bool)].iterrows()]


def _sentence(row: pd.Series) -> str:
    where = f" ({row['scope']})" if row["scope"] else ""
    wanted = " and ".join(
        f"{word} {row[side]:g}" for side, word in (("min", "at least"), ("max", "at most")) if not np.isnan(row[side])
    )
    note = f"; {row['note']}" if row["note"] else ""
    found = f"{row['value']:g} where {wanted or 'none'} is asked, {row['violation']:g} beyond"
    return f"rule '{row['rule']}'{where}: {found}{note}"


def worth_after(worth: Worth, penalty: float, sense: int) -> Valuation:
    """A plan's worth less its penalties."""
    return Valuation(
        objective=worth.objective - sense * penalty,
        objective_before_penalties=worth.objective,
        penalty=penalty,
        sense=sense,
        magnitude=worth.magnitude + abs(penalty),
        cost=worth.cost,
        responses=worth.responses,
        gross_margin=worth.gross_margin,
        revenue=worth.revenue,
        net_margin=worth.net_margin,
        kpis=worth.kpis,
        contacts=worth.contacts,
        budget=worth.budget,
    )


def check_certificate(verdict: Verdict, objective: float, bound: float) -> list[str]:
    """Say what is wrong with a stated objective and bound; nothing when the certificate is true.

    Parameters
    ----------
    verdict : Verdict
    objective : float
        What the certificate states, after penalties; a minimised cost as itself.
    bound : float
        What no plan beats: at least the objective, or at most it where cost is minimised.

    Returns
    -------
    list of str
        Empty when the objective is the recomputed one within 1e-9 × Σ|terms| and the bound does not contradict it.
    """
    valuation = verdict.valuation
    slop = ROUNDING * valuation.magnitude
    faults = []
    if not np.isfinite(objective) or abs(objective - valuation.objective) > slop:
        faults.append(f"the stated objective is {objective!r}; recomputed, it is {valuation.objective!r}")
    if np.isnan(bound):
        faults.append("the certificate's bound is no number")
        return faults
    for what, value in (("states", objective), ("recomputed", valuation.objective)):
        if valuation.sense * (value - bound) > slop:
            side = "exceeds" if valuation.sense > 0 else "lies below"
            faults.append(f"the objective {value!r} ({what}) {side} the bound {bound!r} that no plan can beat")
            break
    return faults
