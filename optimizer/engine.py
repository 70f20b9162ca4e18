"""From a scenario to a verified plan: compile, count, solve, check independently, and only then hand it out.

A plan that fails the independent check is solved again on rows tightened by what it violated; the bound stays that of
the true rows. One that still fails is never returned.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from optimizer.errors import Infeasible, NoPlan, ScenarioError, SolverFailure, UnverifiedPlan
from optimizer.plan.certificate import Certificate
from optimizer.plan.plan import Evaluation, Plan, tables_of
from optimizer.plan.verify import check_certificate, verify
from optimizer.problem import Problem
from optimizer.reuse import memory_of
from optimizer.room import need
from optimizer.rules import compile_problem, infeasible_by_count
from optimizer.solve.ahead import load_ahead
from optimizer.solve.choice import solve_by_size
from optimizer.solve.solution import Solution

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from optimizer.scenario import Scenario
    from optimizer.solve.bill import Bill

#: Told of every step: the stage, the incumbent's objective and the bound, NaN where there is none yet.
Progress = Callable[[str, float, float], None]

#: Memory that compiling and solving take beyond the facts, for each eligible pair: a little less than was measured.
BYTES_A_PAIR = 50
#: Pairs up to which the bill of a scenario without a plan takes the whole as one program.
BILL_PAIRS = 100_000
LARGE = "no cheapest way out was found in time; solve a tenth of the customers, bounds a tenth too, to get one"
#: Parts of |bound| + Σ|g| by which real-valued rows are tightened, one try after another.
TIGHTENINGS = (0.0, 1e-9, 1e-8, 1e-7)


def solve(
    scenario: Scenario,
    gap: float = 1e-4,
    time_limit: float = 600.0,
    progress: Progress | None = None,
    model: ConcreteModel | None = None,
    start: Plan | None = None,
) -> Plan:
    """Find the plan of largest objective, with its certificate.

    Parameters
    ----------
    scenario : Scenario
        From ``load`` or built from DataFrames.
    gap : float
        Stop when |bound − objective| / max(|bound|, |objective|) is at most this.
    time_limit : float
        Seconds. The best plan found by then is returned with its gap. What compiling takes, once for a machine, is
        not counted; a note says it.
    progress : callable, optional
        ``progress(stage, objective, bound)``; NaN where there is none yet.
    model : ConcreteModel, optional
        From ``to_pyomo(scenario)``, with constraints or variables of your own added. The certificate is then about the
        model as edited; what was added is solved, and not checked again. Curves keep their first breakpoints.
    start : Plan, optional
        A plan of a like scenario (another budget, say): the prices of its rules are where the search begins, which
        saves most of the time where customers are many. The same start gives the same plan.

    Returns
    -------
    Plan
        Verified. ``Ctrl-C`` once: the best plan found so far, with its gap; twice: ``KeyboardInterrupt``.

    Raises
    ------
    ScenarioError
        When the input is wrong.
    Infeasible
        When no plan satisfies the rules; ``.bill`` says which rules and the cheapest way out.
    NoPlan
        When the limit came before any plan.
    UnverifiedPlan, SolverFailure
        When no answer can be trusted.
    ShortOfMemory
        When the scenario needs more memory than is free.
    """
    if not 0 <= gap < 1:
        raise ScenarioError("solve", "gap", gap, "expected a number from 0 (proved best) to below 1")
    if not time_limit > 0:
        raise ScenarioError("solve", "time_limit", time_limit, "expected seconds above 0")
    started = time.perf_counter()
    tell = _in_planner_sense(progress, scenario.sense)
    tell("reading tables", math.nan, math.nan)
    if model is None:
        load_ahead(scenario)
    pairs = len(scenario.facts.pairs)
    need(pairs * BYTES_A_PAIR, f"solving {pairs:,} eligible pairs of customer and activity")
    tell("compiling rules", math.nan, math.nan)
    problem = compile_problem(scenario)
    _raise_if_counts_suffice(problem, scenario, tell)
    edited = None
    if model is not None:
        from optimizer.solve.standard_form import standard_form

        edited = standard_form(model)
    bound, failures = math.inf, ["not solved"]
    compiling = 0.0  # seconds that the limit does not count
    bound_by: Literal["own", "solver"] = "own"
    with _interruptible() as stop:
        for tighten in TIGHTENINGS:
            remaining = time_limit - (time.perf_counter() - started - compiling)
            solution = solve_by_size(
                problem,
                gap=gap,
                time_limit=max(remaining, 1.0),
                progress=tell,
                stop=stop.is_set,
                tighten=tighten,
                edited=edited,
                start=_prices(start),
                memory=memory_of(scenario.facts),
            )
            compiling += solution.compiling
            if tighten and solution.status not in ("optimal", "feasible"):
                break
            if model is not None and solution.status == "infeasible":
                from optimizer.solve.bill import Bill

                raise Infeasible(Bill((), (), findings=("the model as edited has no plan",), minimal=False))
            _raise_without_plan(
                solution, scenario, problem, tell,
                stopped=stop.is_set(), over=time.perf_counter() - started - compiling >= time_limit,
            )  # fmt: skip
            if solution.bound < bound:
                bound, bound_by = solution.bound, solution.bound_by
            tell("checking the plan", solution.objective, bound)
            contacts, spend = plan_tables(problem, solution)
            verdict = verify(scenario, contacts, spend)
            failures = list(verdict.failures) or check_certificate(
                verdict, scenario.sense * solution.objective, scenario.sense * bound
            )
            if not failures or stop.is_set():
                break
        stopped = stop.is_set()
        # Still inside: a Ctrl-C that comes now does not cost the plan.
        if failures:
            raise UnverifiedPlan("the plan found does not pass the independent check: " + "; ".join(failures))
        seconds = time.perf_counter() - started
        certificate = Certificate.of(
            verdict.valuation.objective,
            scenario.sense * bound,
            wanted_gap=gap,
            bound_by=bound_by,
            seconds=seconds,
            checks=int(verdict.checks["passed"].sum()),
        )
        # Why a search stopped is said below, with its limit.
        notes = [note for note in solution.notes if not note.startswith("stopped")]
        if model is not None:
            notes.append("solved from an edited model: what was added to it is not checked again")
        if certificate.status == "feasible":
            late = seconds - compiling >= time_limit
            notes.append(_why_feasible(stopped=stopped, out_of_time=late, gap=gap, time_limit=time_limit))
        parts = tables_of(scenario, verdict, spend, solution.shadow_prices)
        return Plan(**parts, certificate=certificate, notes=notes)


def evaluate(scenario: Scenario, contacts: pd.DataFrame, spend: Mapping[str, float] | None = None) -> Evaluation:
    """Value and check a plan of one's own; it is returned whether it passes or not.

    Parameters
    ----------
    scenario : Scenario
    contacts : DataFrame
        A row a contact: ``customer_id`` and ``activity``, or ``channel`` (``offer``, ``wave`` where there are several).
    spend : dict of str to float, optional
        Money by medium cell; media left out receive nothing.

    Returns
    -------
    Evaluation
        Its tables, ``objective``, ``totals``, ``passed`` and ``failures``.

    Raises
    ------
    ScenarioError
        When a customer, activity or medium is unknown, or a contact is listed twice.
    """
    money = dict(spend or {})
    verdict = verify(scenario, with_activities(contacts, scenario), money)
    return Evaluation(**tables_of(scenario, verdict, money, {}))


def to_pyomo(scenario: Scenario) -> ConcreteModel:
    """The scenario's mixed-integer program as a named Pyomo model, to read, extend, export and solve."""
    from optimizer.solve.formulation import Formulation
    from optimizer.solve.pyomo_model import to_pyomo_model

    return to_pyomo_model(Formulation(compile_problem(scenario), "relaxation").model)


def plan_tables(problem: Problem, solution: Solution) -> tuple[pd.DataFrame, dict[str, float]]:
    """The contacts chosen (customer_id, activity), as codes of names, and the money of each medium cell."""
    chosen = np.flatnonzero(solution.contacts)
    named = ((problem.customer, problem.customer_names), (problem.activity, problem.activity_names))
    customer, activity = (
        pd.Categorical.from_codes(codes[chosen], pd.Index(pd.array(names, dtype="str"))) for codes, names in named
    )
    contacts = pd.DataFrame({"customer_id": customer, "activity": activity})
    return contacts, {medium.name: float(money) for medium, money in zip(problem.media, solution.spend, strict=True)}


def with_activities(contacts: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """Contacts named by ``activity``: found from channel, offer and wave when a planner's list has no such column."""
    if "activity" in contacts.columns:
        return contacts
    activities = scenario.facts.activities
    keys = [column for column in ("channel", "offer", "wave") if column in contacts.columns]
    if "channel" not in keys:
        raise ScenarioError(
            "contacts", "columns", ", ".join(map(str, contacts.columns)), "expected activity, or channel"
        )
    known = activities.groupby(keys, sort=False)["activity"].agg(["first", "size"]).reset_index()
    named = contacts.merge(known, on=keys, how="left", validate="many_to_one")
    for lost, expectation in (
        (named["first"].isna(), "no activity of the scenario is that"),
        (named["size"] > 1, "several activities are that; add the columns offer and wave, or activity"),
    ):
        if lost.any():
            row = int(np.flatnonzero(lost)[0])
            shown = ", ".join(f"{key} {named[key].iloc[row]}" for key in keys)
            raise ScenarioError("contacts", f"row {row + 1}", shown, expectation)
    return named.rename(columns={"first": "activity"}).drop(columns="size")


def _prices(plan: Plan | None) -> dict[tuple[str, str], float]:
    """The prices of a plan's rules, by rule and scope."""
    if plan is None:
        return {}
    priced = plan.rules[plan.rules["shadow_price"].notna()]
    keys = zip(priced["rule"], priced["scope"], strict=True)
    return dict(zip(keys, priced["shadow_price"].astype(float), strict=True))


def _bill(
    problem: Problem, scenario: Scenario, tell: Progress, findings: Sequence[str] = (), notes: Sequence[str] = ()
) -> Bill:
    """The bill of a scenario without a plan; of a large one by prices, and where these find none what is known."""
    tell("the bill of a scenario without a plan", math.nan, math.nan)
    from optimizer.solve.bill import Bill, bill_of

    if len(problem.customer) <= BILL_PAIRS:
        return bill_of(problem, scenario, findings)
    from optimizer.solve.large_bill import large_bill_of

    def checks(solution: Solution) -> pd.DataFrame:
        return verify(scenario, *plan_tables(problem, solution)).checks

    said = (*findings, *notes)
    memory_of(scenario.facts).prepared = None  # make room for the columns of a problem that may bend
    with _interruptible() as stop:
        found = large_bill_of(problem, scenario, said, checks, tell, stop.is_set)
    return found or Bill((), (), findings=(*said, LARGE), minimal=False)


def _raise_if_counts_suffice(problem: Problem, scenario: Scenario, tell: Progress) -> None:
    """Stop before any search when counting alone proves that no plan exists.

    The bill is the second opinion: where it finds a plan and nothing short, the search goes on.
    """
    if findings := infeasible_by_count(problem, scenario):
        bill = _bill(problem, scenario, tell, [finding.message for finding in findings])
        if bill.shortages or bill.worth is None:
            raise Infeasible(bill)


def _raise_without_plan(
    solution: Solution, scenario: Scenario, problem: Problem, tell: Progress, *, stopped: bool, over: bool
) -> None:
    """Turn a solution without a plan into the error that says why."""
    if solution.status == "infeasible":
        raise Infeasible(_bill(problem, scenario, tell, notes=solution.notes))
    if solution.status == "no_plan":
        known = "".join(f" ({note})" for note in solution.notes if note.startswith(("no first plan", "stopped while")))
        if stopped:
            raise NoPlan(f"interrupted before any plan was found{known}")
        if over:
            raise NoPlan(f"the time limit came before any plan was found{known}; raise --time-limit, or relax a rule")
        raise NoPlan(
            f"no plan was found, nor a proof that there is none{known}; let a rule bend with soft, or relax one"
        )
    if solution.status == "failed":
        raise SolverFailure("the solver gave no answer: " + "; ".join(solution.notes))


def _why_feasible(*, stopped: bool, out_of_time: bool, gap: float, time_limit: float) -> str:
    """Say why the gap asked for was not reached, and what that costs."""
    if not stopped and not out_of_time:
        return f"the search ended before the gap of {gap:g} was reached"
    reason = "Ctrl-C" if stopped else f"the limit of {time_limit:g} seconds"
    return f"stopped by {reason} before the gap of {gap:g} was reached; another run may stop at another plan"


def _in_planner_sense(progress: Progress | None, sense: int) -> Progress:
    """Solvers maximise; a minimised cost is told with its own sign."""

    def tell(stage: str, objective: float, bound: float) -> None:
        if progress is not None:
            progress(stage, sense * objective, sense * bound)

    return tell


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a request to stop with the best plan found; the second one interrupts."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # Only the main thread may take signals; others are stopped by their owners.
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
