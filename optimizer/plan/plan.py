"""A verified plan: who is contacted how, where the money goes, how each rule stands, and its certificate."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from optimizer import __version__
from optimizer.plan.certificate import Certificate

if TYPE_CHECKING:
    from optimizer.plan.forecast import Forecast
    from optimizer.plan.verify import Verdict
    from optimizer.scenario import Scenario

#: Packages on which the figures may depend; their versions stand in every summary.
VERSIONED = ("highspy", "pyomo", "numpy", "scipy", "pandas", "pyarrow")
#: Less room than this is none.
NO_ROOM = 1e-6


@dataclass(frozen=True)
class Evaluation:
    """Contacts and money, valued and checked against a scenario by the independent check.

    Attributes
    ----------
    scenario : Scenario
    contacts : DataFrame
        A row a contact: customer_id, activity, offer, channel, wave, date, cost, appetence, expected_response,
        expected_gross_margin; the expectations after effects, combination and saturation.
    budget : DataFrame
        A row a channel, cell and wave, a fixed cost or a medium cell: channel (or medium), cell, wave, volume, cost,
        response, gross_margin, net_margin, roi (net margin / cost), marginal_return, and ``spend``, what a medium's
        curve receives (its cost without the fixed cost; empty elsewhere).
    rules : DataFrame
        A row a rule and scope: rule, scope, value, min, max, slack, shadow_price, violation, penalty, passed, note.
    spend : dict of str to float
        Money by medium cell, fixed costs apart.
    objective : float
        Soft penalties deducted (added where a cost is minimised).
    totals : dict of str to float
        cost, response, each kpi, gross_margin, revenue, net_margin, penalty (of soft rules).
    failures : list of str
        Hard rules that do not hold, one sentence each; empty for a plan that passes.
    """

    scenario: Scenario = field(repr=False)
    contacts: pd.DataFrame = field(repr=False)
    budget: pd.DataFrame = field(repr=False)
    rules: pd.DataFrame = field(repr=False)
    spend: dict[str, float] = field(repr=False)
    objective: float
    totals: dict[str, float]
    failures: list[str]

    @property
    def passed(self) -> bool:
        """Whether every hard rule holds."""
        return not self.failures

    def forecast(
        self,
        *,
        scores: float | str | Path | pd.DataFrame | None = None,
        curves: str | Path | pd.DataFrame | None = None,
        by: str | Sequence[str | Sequence[str]] | None = None,
        draws: int = 1000,
        seed: int = 0,
        sampling: bool = True,
    ) -> Forecast:
        """What the plan may bring, before it is launched: every measure with P10, P50 and P90.

        Effects, combined responses and saturation are the plan's own; with nothing uncertain and no ``sampling`` the
        forecast is the plan's worth.

        Parameters
        ----------
        scores : float, DataFrame or path, optional
            How far the level of scores may be off, for all customers of a channel and offer together. A number is the
            relative standard deviation of each. A table has ``channel`` (or a medium, or its cell), ``offer`` where one
            is meant, and ``relative``, or ``contacts`` and ``responses`` of the campaigns that the scores were learned
            from. Without it scores are taken as known, which the notes say.
        curves : DataFrame or path, optional
            Bootstrap draws of response curves: ``channel`` (or medium cell), ``draw``, ``form`` and its parameters.
        by : str, or sequence of str or of sequences of str, optional
            Columns of activities, customers or media to split by; a sequence inside crosses its columns. By default
            channel, offer, wave and segment, where there are several.
        draws : int
            Outcomes drawn, at least 20.
        seed : int
            Same plan, same uncertainty, same seed: the same forecast.
        sampling : bool
            Draw also whether each customer responds. False forecasts expectations alone.

        Returns
        -------
        Forecast
            ``table``, ``notes``, and ``against(results)`` after the launch.

        Raises
        ------
        ScenarioError
            For an unknown channel, offer or column, and a figure that is missing or out of range.
        """
        from optimizer.plan.forecast import forecast

        return forecast(self, scores=scores, curves=curves, by=by, draws=draws, seed=seed, sampling=sampling)

    @property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` says, as a dictionary."""
        return {
            **_head(self.scenario),
            "status": "passed" if self.passed else "failed",
            "objective": self.objective,
            **_counts(self),
            "failures": self.failures,
            **_tail(self.scenario),
        }


@dataclass(frozen=True)
class Plan(Evaluation):
    """A plan that passed every check, with its certificate.

    Attributes
    ----------
    certificate : Certificate
        status, objective, bound, gap, bound_by, seconds, checks.
    notes : list of str
        What a reader should know of how it was found, for example that a limit stopped the search.
    """

    certificate: Certificate
    notes: list[str] = field(default_factory=list)

    def binding(self) -> pd.DataFrame:
        """The rows of ``rules`` that hold the plan back: a price, a bound reached, or bent.

        What a rule forbids outright (a bound of 0 reached) and what is only reported is not among them.
        """
        enforced = [rule.name for rule in self.scenario.rules if rule.mode == "enforce"]
        rules = self.rules
        reached = (rules["slack"].abs() < NO_ROOM) & ((rules["max"].fillna(0) != 0) | (rules["min"].fillna(0) != 0))
        tight = reached | (rules["shadow_price"].fillna(0.0) != 0) | (rules["violation"] > 0)
        return rules[rules["rule"].isin(enforced) & tight]

    @property
    def summary(self) -> dict[str, Any]:
        """What ``summary.json`` says, as a dictionary."""
        proved = self.certificate
        return {
            **_head(self.scenario),
            "status": proved.status,
            "objective": proved.objective,
            "bound": proved.bound,
            "gap": proved.gap,
            "bound_by": proved.bound_by,
            "seconds": round(proved.seconds, 3),
            **_counts(self),
            "notes": self.notes,
            **_tail(self.scenario),
        }

    def save(self, folder: str | os.PathLike[str], *, excel: bool = False) -> Path:
        """Write the plan's files into a folder, whole or not at all, and return the folder.

        Parameters
        ----------
        folder : path
            Made if absent; an older plan in it is replaced.
        excel : bool
            Write ``plan.xlsx`` too (needs the ``excel`` extra).

        Raises
        ------
        ScenarioError
            When the folder holds files that are not a plan's, or cannot be written.
        """
        from optimizer.plan.write import write_plan

        write_plan(self, Path(folder), excel=excel)
        return Path(folder)

    def to_excel(self, file: str | os.PathLike[str]) -> Path:
        """Write the plan as one workbook (needs the ``excel`` extra), whole or not at all, and return its path."""
        from optimizer.plan.write import whole_file
        from optimizer.report.excel import check_fits, write_workbook

        check_fits(self, Path(file))
        with whole_file(Path(file)) as partial:
            write_workbook(self, partial)
        return Path(file)


def tables_of(
    scenario: Scenario, verdict: Verdict, spend: Mapping[str, float], prices: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    """The parts of an ``Evaluation`` that the independent check supplies; ``prices`` fill shadow_price."""
    checks = verdict.checks.copy()
    keys = zip(checks["rule"], checks["scope"], strict=True)
    checks.insert(list(checks.columns).index("slack") + 1, "shadow_price", [prices.get(key, math.nan) for key in keys])
    value, worth = verdict.valuation, verdict.valuation.worth
    budget = value.budget.copy()
    medium = budget["channel"].isin(list(scenario.spec.media))
    budget["spend"] = budget["cell"].map(dict(spend)).where(medium)
    return {
        "scenario": scenario,
        "contacts": value.contacts,
        "budget": budget,
        "rules": checks,
        "spend": dict(spend),
        "objective": value.objective,
        "totals": {
            "cost": worth.cost,
            "response": worth.responses,
            **worth.kpis,
            "gross_margin": worth.gross_margin,
            "revenue": worth.revenue,
            "net_margin": worth.net_margin,
            "penalty": value.penalty,
        },
        "failures": list(verdict.failures),
    }


def _head(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.spec.name,
        "currency": scenario.currency,
        "objective_of": scenario.objective,
        "sense": "maximize" if scenario.sense > 0 else "minimize",
    }


def _counts(of: Evaluation) -> dict[str, Any]:
    """Customers, contacts, money and checks."""
    reported = of.rules["rule"].isin([rule.name for rule in of.scenario.rules if rule.mode == "report"])
    return {
        "customers": len(of.scenario.facts.customers),
        "customers_contacted": int(of.contacts["customer_id"].nunique()),
        "contacts": len(of.contacts),
        **of.totals,
        "spend": of.spend,
        "checks": {
            "rows": len(of.rules),
            "passed": int(of.rules["passed"].sum()),
            "reported_only": int(reported.sum()),
        },
    }


def _tail(scenario: Scenario) -> dict[str, Any]:
    return {
        "left_out": [
            {"reason": part.reason, "count": part.count, "examples": list(part.examples)}
            for part in scenario.facts.left_out
        ],
        "versions": {"campaign-optimizer": __version__, "python": platform.python_version(), **_installed()},
        "inputs": dict(scenario.input_hashes),
    }


def _installed() -> dict[str, str]:
    found = {}
    for package in VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
