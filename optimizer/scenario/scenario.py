"""A scenario: what a planner wrote, its tables, and the facts and rules that everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.scenario.build_facts import build_facts
from optimizer.scenario.check_rules import check_objective, check_rules
from optimizer.scenario.expand import expanded
from optimizer.scenario.facts import Facts, Floats
from optimizer.scenario.messages import validated
from optimizer.scenario.reading import Document, read_document
from optimizer.scenario.rule_schema import Average, Ratio, Rule, Sum
from optimizer.scenario.schema import Minimize, ScenarioFile
from optimizer.scenario.scores import Ints, baseline
from optimizer.scenario.tables import Tables, file_hash

#: What messages call a scenario that was not read from a file.
IN_MEMORY = "scenario"


def load(path: str | Path) -> Scenario:
    """Read a scenario file (YAML or JSON).

    The file's own keys are checked here; its tables when ``facts`` or ``rules`` are first asked for.

    Parameters
    ----------
    path : str or Path
        Paths inside the file are relative to its folder.

    Raises
    ------
    ScenarioError
        When the file is missing, does not parse, or a key or value is wrong.

    Examples
    --------
    >>> import optimizer as opt
    >>> opt.load("scenario.yaml").spec.name  # doctest: +SKIP
    'privilege evenings, spring'
    """
    file = Path(path)
    return Scenario._of(read_document(file), file.resolve().parent, file)


class Scenario:
    """A scenario, from the keys of a scenario file; DataFrames may stand in place of paths.

    Parameters
    ----------
    folder : str or Path, optional
        Where relative paths start; the working directory by default.
    **keys
        The keys of a scenario file: ``customers``, ``appetence``, ``channels``, ``rules`` …

    Attributes
    ----------
    spec : ScenarioFile
        What was written, validated.
    source : str
        The file's name, for messages.
    folder : Path or None
        The file's folder (or ``folder``); None when neither was given.

    Raises
    ------
    ScenarioError
        When a key or value is wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> scenario = Scenario(
    ...     objective="responses",
    ...     customers=pd.DataFrame({"customer_id": [1, 2]}),
    ...     appetence=pd.DataFrame({"customer_id": [1, 2], "email": [0.1, 0.2]}),
    ...     channels={"email": {"unit_cost": 0.01}},
    ...     rules=[{"name": "at most one", "volume": {"max": 1}}],
    ... )
    >>> len(scenario.facts.pairs)
    2
    """

    spec: ScenarioFile
    source: str
    folder: Path | None

    def __init__(self, *, folder: str | Path | None = None, **keys: Any) -> None:
        document = Document(IN_MEMORY, {key: _plain(value, own=key == "rules") for key, value in keys.items()})
        self._fill(document, None if folder is None else Path(folder).resolve(), None)

    @classmethod
    def _of(cls, document: Document, folder: Path, file: Path) -> Scenario:
        scenario = cls.__new__(cls)
        scenario._fill(document, folder, file)
        return scenario

    def _fill(self, document: Document, folder: Path | None, file: Path | None) -> None:
        self.spec = validated(ScenarioFile, document)
        self.source, self.folder = document.file, folder
        _check_time_zone(self.spec.time_zone, document)
        self._tables = Tables(folder or Path.cwd(), self.spec.time_zone)
        self._file_hash = {} if file is None else {file.name: file_hash(file)}

    def __repr__(self) -> str:
        return f"Scenario({self.spec.name!r}, {len(self.spec.rules)} rules)"

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.spec.name

    @property
    def currency(self) -> str:
        """The reporting currency."""
        return self.spec.currency if isinstance(self.spec.currency, str) else self.spec.currency.report

    @property
    def sense(self) -> int:
        """+1 when the objective is maximised, -1 when it is minimised."""
        return -1 if isinstance(self.spec.objective, Minimize) else 1

    @cached_property
    def objective(self) -> str:
        """What is optimised: net_margin, revenue, responses, a kpi, a measure column, or cost when minimised.

        Unless the file says so, net_margin where a margin is stated anywhere, else responses.
        """
        if isinstance(self.spec.objective, Minimize):
            return self.spec.objective.minimize
        return self.spec.objective or ("net_margin" if self._states_margin() else "responses")

    @cached_property
    def facts(self) -> Facts:
        """Customers, activities, eligible pairs, past contacts and media, read and checked."""
        facts = build_facts(self.spec, self._tables, self.source, needs=self._needs())
        check_objective(self.objective, self.sense, facts, self.spec, self.source)
        return facts

    @cached_property
    def rules(self) -> list[Rule]:
        """The rules, those written as a table expanded to one rule a row; every name in them is known."""
        check_rules(self._expanded, self.facts, self.spec, self._tables, self.source)
        return self._expanded

    def with_rule(self, rule: str, **keys: Any) -> Scenario:
        """The same scenario with other keys of one rule: another budget, another minimum, a rule left out of force.

        Tables that were read stay read, and a solve takes over what an earlier one made of them.

        Parameters
        ----------
        rule : str
            Its name.
        **keys
            Keys of the rule as in a scenario file, as ``budget={"max": 90_000}`` or ``mode="report"``; None takes a
            key away. What is not named stays.

        Raises
        ------
        ScenarioError
            When no rule is called that, or a key or value is wrong.

        Examples
        --------
        >>> import pandas as pd
        >>> people = pd.DataFrame({"customer_id": [1, 2], "email": [0.1, 0.2]})
        >>> scenario = Scenario(
        ...     objective="responses", customers=people[["customer_id"]], appetence=people,
        ...     channels={"email": {"unit_cost": 0.01}}, rules=[{"name": "few", "volume": {"max": 1}}],
        ... )
        >>> scenario.with_rule("few", volume={"max": 2}).rules[0].volume.max
        2
        """
        names = [one.name for one in self.spec.rules]
        if rule not in names:
            raise ScenarioError(self.source, "with_rule", rule, f"expected the name of a rule: {', '.join(names)}")
        at = names.index(rule)
        written = self.spec.rules[at].model_dump(by_alias=True, exclude_unset=True) | keys
        document = Document(
            f"{self.source}, rule {rule!r}", {k: _plain(v, own=True) for k, v in written.items() if v is not None}
        )
        other = copy(self)
        changed = [*self.spec.rules[:at], validated(Rule, document), *self.spec.rules[at + 1 :]]
        other.spec = self.spec.model_copy(update={"rules": changed})
        other._file_hash = {}  # it is no longer what the file says
        for known in ("_expanded", "rules", "objective"):
            other.__dict__.pop(known, None)
        if "facts" in other.__dict__ and other._needs() != self._needs():
            del other.__dict__["facts"]
        return other

    @property
    def input_hashes(self) -> dict[str, str]:
        """SHA-256 of the scenario file and of every table read so far, by name."""
        return {**self._file_hash, **self._tables.hashes}

    def table(self, source: Any, key: str = "table") -> pd.DataFrame:
        """Read a table a scenario names (path, query, join or DataFrame); it is shared, so never change it."""
        return self._tables.read(source, key)

    def without_contact(self, customer: Ints, activity: Ints) -> Floats | None:
        """The baseline of these contacts, as subtracted from their scores; None where there is no baseline.

        Parameters
        ----------
        customer, activity : int array (R,)
            Rows of ``facts.customers`` and ``facts.activities``.
        """
        facts = self.facts
        return baseline(self.spec, self._tables, customer, activity, facts.customers, facts.activities)[0]

    @cached_property
    def _expanded(self) -> list[Rule]:
        return expanded(self.spec.rules, self._tables, self.source)

    def _states_margin(self) -> bool:
        """Whether a response is worth money anywhere."""
        offers, kpis, media = self.spec.offers.values(), self.spec.kpis.values(), self.spec.media.values()
        if any(offer.gross_margin is not None or offer.margin_rate is not None for offer in offers):
            return True
        if any(kpi.gross_margin is not None for kpi in kpis):
            return True
        if any(medium.in_ == "gross_margin" or medium.gross_margin is not None for medium in media):
            return True
        tables = [self.spec.appetence] if self.spec.appetence is not None else []
        return any("gross_margin" in self.table(table, "appetence").columns for table in tables)

    def _needs(self) -> frozenset[str]:
        """Which of gross_margin and revenue no contact may lack: the objective or a rule reads them."""
        read = {self.objective}
        for rule in self._expanded:
            if isinstance(rule.sum, Sum):
                read.add(rule.sum.of)
            if isinstance(rule.average, Average):
                read.add(rule.average.of)
            if isinstance(rule.ratio, Ratio):
                read |= {rule.ratio.of, rule.ratio.to}
        needs = {"revenue"} if self.objective == "revenue" else set()
        if read & {"gross_margin", "net_margin"} and not any(
            kpi.gross_margin is not None for kpi in self.spec.kpis.values()
        ):
            needs.add("gross_margin")
        return frozenset(needs)


def _check_time_zone(name: str, document: Document) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScenarioError(
            document.file, document.where(("time_zone",)), name, "expected a time zone, as Europe/Paris"
        ) from error


def _plain(value: Any, *, own: bool = False) -> Any:
    """Numpy scalars as Python's own, inside lists and mappings too; keys as text.

    ``own``: tables are copied. Those of rules are small, and changed in place to ask for another bound.
    """
    if own and isinstance(value, pd.DataFrame):
        return value.copy()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): _plain(item, own=own) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, own=own) for item in value]
    return str(value) if isinstance(value, Path) else value
