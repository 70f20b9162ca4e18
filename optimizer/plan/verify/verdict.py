"""What the independent check says of a plan, and whether a certificate is true to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from optimizer.plan.records import Records
from optimizer.plan.valuation import Worth
from optimizer.plan.value_tables import budget_table, contacts_table
from optimizer.plan.verify.judge import ROUNDING

CHECK_COLUMNS = ["rule", "scope", "value", "min", "max", "slack", "violation", "penalty", "passed", "note"]


@dataclass(frozen=True)
class Valuation:
    """A plan's value.

    Attributes
    ----------
    worth : Worth
        Before penalties: the objective, cost, responses, margins, revenue and kpis.
    plan : Records
    penalty : float
        What soft rules cost.
    sense : int
        +1 when the objective is maximised, -1 when it is minimised.
    """

    worth: Worth
    plan: Records
    penalty: float
    sense: int

    @property
    def objective(self) -> float:
        """The objective in its own unit, after penalties: a maximised one less them, a minimised one with them."""
        return self.worth.objective - self.sense * self.penalty

    @property
    def magnitude(self) -> float:
        """Σ|terms| of the objective, the yardstick of rounding."""
        return self.worth.magnitude + abs(self.penalty)

    @cached_property
    def contacts(self) -> pd.DataFrame:
        """A row a contact, as ``plan.parquet``."""
        return contacts_table(self.plan, self.worth)

    @cached_property
    def budget(self) -> pd.DataFrame:
        """A row a channel, fixed cost or medium cell, as ``budget.csv``."""
        return budget_table(self.plan, self.worth)


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
