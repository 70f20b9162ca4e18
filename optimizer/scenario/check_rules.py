"""Rules held against the tables: every column, offer, measure and date they name is there and of the right kind."""

from __future__ import annotations

from optimizer.scenario.facts import Facts
from optimizer.scenario.rule_schema import Rule
from optimizer.scenario.schema import ScenarioFile
from optimizer.scenario.tables import Tables


def check_objective(objective: str, sense: int, facts: Facts, spec: ScenarioFile, file: str) -> None:
    """Raise when there is no such objective."""


def check_rules(rules: list[Rule], facts: Facts, spec: ScenarioFile, tables: Tables, file: str) -> None:
    """Raise for the first rule that names what is not there."""
