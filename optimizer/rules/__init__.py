"""Rules: what a planner writes, compiled into the few primitives a solver reads, said in a sentence, and linted.

``compile_problem`` gives the problem, ``lint`` what is wrong with the rules before any solve, ``sentence`` the words of
one rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.problem import Problem
from optimizer.rules import effects, eligibility, measure, money, opening, pressure, sequence, targets, volume
from optimizer.rules.base import Compiled, Context, Finding, Verb
from optimizer.rules.compile import compile_context
from optimizer.rules.sentences import written
from optimizer.scenario.rule_schema import Rule

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

#: The families, one file each.
FAMILIES = (volume, money, measure, opening, pressure, targets, eligibility, sequence, effects)
#: Every verb of the grammar by its name.
VERBS: dict[str, Verb] = {verb.name: verb for family in FAMILIES for verb in family.VERBS}

__all__ = [
    "VERBS",
    "Compiled",
    "Context",
    "Finding",
    "Verb",
    "compile_problem",
    "infeasible_by_count",
    "lint",
    "sentence",
]


def compile_problem(scenario: Scenario) -> Problem:
    """The mathematical problem of a scenario; rules with ``mode: report`` leave no trace in it."""
    return compile_context(Context(scenario), VERBS)[0]


def lint(scenario: Scenario) -> list[Finding]:
    """What can be said against the rules before any solve, in the order of the rules."""
    from optimizer.rules.lint_rules import lint_scenario

    return lint_scenario(scenario, VERBS)


def infeasible_by_count(problem: Problem, scenario: Scenario | None = None) -> list[Finding]:
    """The contradictions of hard coupling rules that counting alone proves: no plan exists if there is one.

    With the scenario, messages state the units of its rules.
    """
    from optimizer.rules.lint_rules import contradictions

    return contradictions(problem, scenario)


def sentence(rule: Rule, scenario: Scenario) -> str:
    """A rule in one sentence for planners, with units and currency."""
    context = Context(scenario)
    return written(rule, VERBS[rule.verb].sentence(rule, context), scenario.objective, scenario.currency)
