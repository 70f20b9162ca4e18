"""What a rule family offers: how its verbs compile to primitives, read as a sentence, and are linted."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd

from optimizer.problem import (
    ChangeFactor,
    CouplingRow,
    LocalRule,
    Opening,
    RankFactor,
    Units,
    Weights,
)
from optimizer.scenario.facts import Facts
from optimizer.scenario.rule_schema import Rule

if TYPE_CHECKING:
    from optimizer.scenario import Scenario

Made = TypeVar("Made")


@dataclass(frozen=True)
class Finding:
    """What the lint says of a rule before any solve.

    ``kind``: ``contradictory`` (no plan can hold it, alone or with ``other``), ``redundant`` (another rule or the
    data already imply it), ``dead`` (it can never bind or touches nobody), ``note`` (worth knowing).
    """

    rule: str
    kind: Literal["contradictory", "redundant", "dead", "note"]
    message: str
    scope: str = ""
    other: str = ""


@dataclass
class Context:
    """What compiling reads and shares: the scenario, its facts, and the openings declared so far."""

    scenario: Scenario
    openings: list[Opening] = field(default_factory=list)
    _units: dict[str, Units] = field(default_factory=dict)
    _memory: dict[Hashable, Any] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """The scenario's facts."""
        return self.scenario.facts

    def remembered(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What ``make`` gives, made once a key: filters, texts and masks that several rules share."""
        if key not in self._memory:
            self._memory[key] = make()
        made: Made = self._memory[key]
        return made

    def open(self, name: str, members: Weights | None, medium: int | None = None, minimum: float = 0.0) -> int:
        """Declare a binary that opens with its first contact (or first euro) and return its row."""
        self.openings.append(Opening(name, members, medium, minimum))
        return len(self.openings) - 1

    def units(self, per: str | None) -> Units:
        """Customers as they gather under ``per``: each alone, or by household; an empty household is one alone."""
        key = per or "customer"
        if key not in self._units:
            customers = self.facts.customers
            if per is None:
                units = Units("customer", np.arange(len(customers), dtype=np.int32), customers["customer_id"].array)
            else:
                named = customers[per].astype("string")
                alone = "customer " + customers["customer_id"].astype("string")
                label = named.where(named.notna() & (named != ""), alone)
                codes, names = label.factorize(sort=True)
                units = Units(per, codes.astype(np.int32), pd.Series(names).array)
            self._units[key] = units
        return self._units[key]


@dataclass
class Compiled:
    """What one rule becomes."""

    local: list[LocalRule] = field(default_factory=list)
    coupling: list[CouplingRow] = field(default_factory=list)
    ranks: list[RankFactor] = field(default_factory=list)
    changes: list[ChangeFactor] = field(default_factory=list)
    static: tuple[Weights, float] | None = None  # contacts, and the factor on their responses
    notes: list[str] = field(default_factory=list)  # who the rule does not bind, and why
    blocked: list[tuple[str, str, float]] = field(default_factory=list)  # (scope, unit, short by) no plan can meet


@dataclass(frozen=True)
class Verb:
    """One verb of the grammar."""

    name: str
    compile: Callable[[Rule, Context], Compiled]
    sentence: Callable[[Rule, Context], str]
    lint: Callable[[Rule, Context], list[Finding]]
