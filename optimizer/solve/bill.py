"""The bill of an infeasible scenario: which rules conflict, how short each is, and the cheapest way out.

Elastic filtering (Chinneck, Feasibility and Infeasibility in Optimization, 2008) on named rules: a hard bound may bend
at a price of 1 / max(1, |bound|) a unit, the least total is the cheapest way out; keeping that total, the plan worth
most says what the way out earns. The rules in conflict are a minimal set found by leaving out one rule after
another; where the linear relaxation already fails, only rules whose rows carry a dual price are tried.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from optimizer.problem import CouplingRow, Expression, Floats, LocalRule, Problem, Soft
from optimizer.solve.formulation import Formulation
from optimizer.solve.linear_model import MatrixForm
from optimizer.solve.local_rows import Bend
from optimizer.solve.lp import solve_lp
from optimizer.solve.mip import solve_mip
from optimizer.solve.patterns import TooManyPatterns

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: Seconds for the whole bill; the conflict may then be larger than need be, which the bill says.
TIME_LIMIT = 120.0
#: Local rules bend only where coupling rules cannot pay, and dearly: they protect customers.
_LOCAL_PRICE = 10.0
#: Seconds for what the way out would earn: a figure to know, not one to wait for.
_WORTH_SECONDS = 10.0


@dataclass(frozen=True)
class Shortage:
    """One bound that the cheapest way out bends."""

    rule: str
    scope: str
    side: str
    short: float
    unit: str
    bound: float | None

    def __str__(self) -> str:
        """``rule 'print floor' (country=FR): the minimum of 5,000 contacts is 690 short``."""
        where = f" ({self.scope})" if self.scope else ""
        amount = f"{_number(self.short)} {self.unit}".rstrip()
        if self.side == "min":
            bound = "" if self.bound is None else f" of {_number(self.bound)}"
            return f"rule '{self.rule}'{where}: the minimum{bound} is {amount} short"
        if self.side == "max":
            bound = "" if self.bound is None else f" of {_number(self.bound)}"
            return f"rule '{self.rule}'{where}: the maximum{bound} would have to rise by {amount}"
        return f"rule '{self.rule}'{where}: {amount} would have to break it"


@dataclass(frozen=True)
class Bill:
    """Why no plan exists, and the cheapest way out.

    Attributes
    ----------
    conflict : tuple of str
        Rules that cannot hold together; leaving out any one of them (where ``minimal``) makes the rest possible.
    shortages : tuple of Shortage
        The bounds to bend, in their own units.
    worth : float or None
        Objective of the best plan found once they bend so.
    findings : tuple of str
        What counting alone had already shown.
    minimal : bool
        Whether the conflict was reduced to the end.
    """

    conflict: tuple[str, ...]
    shortages: tuple[Shortage, ...]
    worth: float | None = None
    currency: str = ""
    findings: tuple[str, ...] = ()
    minimal: bool = True

    def __str__(self) -> str:
        """Say it as a planner reads it: the conflict, the shortages, the way out."""
        lines = ["no plan satisfies the rules"]
        lines += [f"  {finding}" for finding in self.findings]
        if self.conflict:
            named = ", ".join(f"'{name}'" for name in self.conflict)
            lines.append(f"  rules in conflict{'' if self.minimal else ' (perhaps fewer)'}: {named}")
        if self.shortages:
            lines.append("  the cheapest way out:")
            lines += [f"    {shortage}" for shortage in self.shortages]
        if self.worth is not None:
            lines.append(f"  the plan is then worth {self.worth:,.2f} {self.currency}".rstrip())
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Give the bill as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Elastic(Soft):
    """A hard bound that the bill lets bend."""


def bill_of(problem: Problem, scenario: Scenario | None = None, findings: Sequence[str] = ()) -> Bill:
    """Draw up the bill of a problem that has no plan.

    Parameters
    ----------
    problem : Problem
    scenario : Scenario, optional
        Gives bounds their units.
    findings : sequence of str
        What counts have shown before any solve.
    """
    try:
        return _bill(problem, scenario, findings)
    except TooManyPatterns:
        # A local cap that bends, or is left out, may leave a customer more combinations than can be stated.
        without = "rules on responses were left out of this bill, so the way out may have to go further"
        bill = replace(_bill(_without_responses(problem), scenario, [*findings, without]), worth=None)
        # Without them nothing may be in conflict: then the bill cannot tell which rules are.
        return bill if bill.shortages else replace(bill, conflict=(), minimal=False)


def _without_responses(problem: Problem) -> Problem:
    """Relax a problem: rows that read responses go, and nothing is worth anything, so contacts need no combinations."""
    alone = replace(
        problem.responses, combine="additive", group=np.full_like(problem.responses.group, -1), ranks=[], changes=[]
    )
    coupling = [row for row in problem.coupling if not row.expression.responses]
    return replace(problem, responses=alone, coupling=coupling, objective=Expression())


def _bill(problem: Problem, scenario: Scenario | None, findings: Sequence[str]) -> Bill:
    deadline = time.monotonic() + TIME_LIMIT
    units = units_of(scenario)
    for local in (False, True):
        elastic = elastic_problem(problem, local=local)
        formulation = Formulation(elastic, "relaxation")
        form = formulation.model.form()
        bends = [bend for bend in formulation.bends if isinstance(bend.soft, Elastic)]
        price = np.zeros(len(form.objective))
        for bend in bends:
            price[bend.columns] = bend.soft.penalty
        least = solve_mip(replace(form, objective=-price, offset=0.0), gap=1e-7, time_limit=deadline - time.monotonic())
        if least.x is not None:
            break
    else:
        return Bill((), (), findings=tuple(findings), minimal=False)
    shortages = _shortages(problem, bends, least.x, units)
    conflict, minimal = _conflict(problem, form, price, formulation, deadline)
    worth = _worth(form, price, -least.objective, least.x, deadline)
    if worth is not None:
        worth *= problem.sense
    return Bill(
        conflict, tuple(shortages), worth, "" if scenario is None else _money_unit(scenario), tuple(findings), minimal
    )


def elastic_problem(problem: Problem, *, local: bool) -> Problem:
    """Let hard bounds bend at a price: coupling rows, and local rules too when ``local``."""
    coupling: list[CouplingRow] = []
    for row in problem.coupling:
        soft, hard = _sides(row.soft)
        if soft is not None:
            coupling.append(
                replace(
                    row,
                    lower=row.lower if soft.min_side else -np.inf,
                    upper=row.upper if soft.max_side else np.inf,
                    soft=replace(soft, tolerance=np.inf),
                )
            )
        slack = 0.0 if row.soft is None else row.soft.tolerance
        lower = row.lower - (slack if row.soft is not None and row.soft.min_side else 0.0)
        upper = row.upper + (slack if row.soft is not None and row.soft.max_side else 0.0)
        if hard and (np.isfinite(lower) or np.isfinite(upper)):
            finite = [abs(bound) for bound in (lower, upper) if np.isfinite(bound)]
            coupling.append(replace(row, lower=lower, upper=upper, soft=Elastic(1.0 / max(1.0, *finite))))
    rules: list[LocalRule] = []
    for rule in problem.local:
        if not local:
            rules.append(rule)
        elif rule.soft is None:
            rules.append(replace(rule, soft=Elastic(_LOCAL_PRICE)))
        else:
            rules.append(replace(rule, soft=replace(rule.soft, tolerance=np.inf)))
    return replace(problem, coupling=coupling, local=rules)


def _sides(soft: Soft | None) -> tuple[Soft | None, bool]:
    """Give the soft part of a rule, and whether something hard is left."""
    if soft is None:
        return None, True
    return soft, not (soft.min_side and soft.max_side) or np.isfinite(soft.tolerance)


def _shortages(problem: Problem, bends: list[Bend], x: Floats, units: dict[str, str]) -> list[Shortage]:
    """List what bends by more than rounding, in the order of the rules."""
    bounds: dict[tuple[str, str, str], float] = {}
    for row in problem.coupling:
        bounds[row.rule, row.scope, "min"], bounds[row.rule, row.scope, "max"] = row.lower, row.upper
    found: dict[tuple[str, str, str], float] = {}
    for bend in bends:
        short = float(x[bend.columns].sum())
        if short > 1e-6:
            key = (bend.rule, bend.scope, bend.side)
            found[key] = found.get(key, 0.0) + short
    return [
        Shortage(rule, scope, side, round(short, 9), units.get(rule, ""), bounds.get((rule, scope, side)))
        for (rule, scope, side), short in found.items()
    ]


def _conflict(
    problem: Problem, form: MatrixForm, price: Floats, formulation: Formulation, deadline: float
) -> tuple[tuple[str, ...], bool]:
    """Find a minimal set of rules that cannot hold together."""
    names = list(dict.fromkeys(rule.rule for rule in [*problem.local, *problem.coupling]))
    relaxed = solve_lp(replace(form, objective=-price, offset=0.0))
    linear = relaxed.row_dual is not None and relaxed.x is not None and float(price @ relaxed.x) > 1e-7
    if linear and relaxed.row_dual is not None:
        dual = np.abs(relaxed.row_dual)
        priced = {
            name
            for owner in formulation.owners
            if (dual[owner.start : owner.stop] > 1e-9).any()
            for name in owner.rules
        }
        names = [name for name in names if name in priced]
    if _impossible(problem, set(names), linear, deadline) is not True:
        names = list(dict.fromkeys(rule.rule for rule in [*problem.local, *problem.coupling]))
    minimal = True
    for name in list(names):
        if time.monotonic() > deadline:
            return tuple(names), False
        without = _impossible(problem, {*names} - {name}, linear, deadline)
        if without:
            names.remove(name)
        minimal &= without is not None
    return tuple(names), minimal


def _impossible(problem: Problem, names: set[str], linear: bool, deadline: float) -> bool | None:
    """Whether the hard parts of these rules alone admit no plan (``linear``: not even a fractional one).

    None where that cannot be told: without the others, a customer has too many combinations to state.
    """
    kept = replace(
        problem,
        local=[rule for rule in problem.local if rule.rule in names],
        coupling=[row for row in problem.coupling if row.rule in names],
    )
    try:
        form = Formulation(kept, "relaxation").model.form()
    except TooManyPatterns:
        return None
    form = replace(form, objective=np.zeros(len(form.objective)), offset=0.0)
    if linear:
        return solve_lp(form).status == "infeasible"
    return solve_mip(form, time_limit=max(deadline - time.monotonic(), 1.0)).status == "infeasible"


def _worth(form: MatrixForm, price: Floats, total: float, start: Floats, deadline: float) -> float | None:
    """Objective of the best plan whose bends cost no more than the least total."""
    objective = form.objective + price  # the elastic columns themselves are free here
    row = sp.csr_array(price[None, :])
    kept = replace(
        form,
        objective=objective,
        matrix=sp.csr_array(sp.vstack([form.matrix, row])),
        row_lower=np.append(form.row_lower, -np.inf),
        row_upper=np.append(form.row_upper, total * (1 + 1e-6) + 1e-9),
    )
    seconds = min(max(deadline - time.monotonic(), 1.0), _WORTH_SECONDS)
    result = solve_mip(kept, gap=1e-3, time_limit=seconds, start=start)
    return result.objective if result.x is not None else None


def units_of(scenario: Scenario | None) -> dict[str, str]:
    """Name the unit of each rule's bound."""
    if scenario is None:
        return {}
    units = {}
    for rule in scenario.rules:
        verb = getattr(rule, rule.verb)
        units[rule.name] = {
            "volume": getattr(verb, "of", "contacts"),
            "budget": scenario.currency,
            "cost_per_customer": scenario.currency,
            "sum": getattr(verb, "of", ""),
            "open": f"{getattr(verb, 'of', '')}s",
            "packages": "dates",
            "targets": "offers",
            "pressure": "pressure",
            "average": f"{getattr(verb, 'of', '')} × contacts",
            "ratio": getattr(verb, "of", ""),
            "share": scenario.currency if getattr(verb, "in_", "") == "cost" else "contacts",
        }.get(rule.verb, "contacts")
    return units


def _money_unit(scenario: Scenario) -> str:
    return scenario.currency if scenario.objective in {"net_margin", "revenue", "cost"} else scenario.objective


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:,.2f}"
