"""Rules held against the tables: every column, offer, measure and date they name is there and of the right kind."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from optimizer import reuse
from optimizer.errors import ScenarioError
from optimizer.reuse import memory_of
from optimizer.scenario.activities import DATE_PARTS
from optimizer.scenario.columns import as_text, flags, numbers, refuse, require
from optimizer.scenario.facts import Facts
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.rule_schema import (
    Average,
    Control,
    Duplicates,
    Filter,
    Never,
    OnlyAfter,
    Open,
    Range,
    Ratio,
    Requires,
    Rest,
    Rule,
    Share,
    Sum,
    TableBound,
    Targets,
    Volume,
    Window,
)
from optimizer.scenario.schema import ScenarioFile
from optimizer.scenario.tables import Tables
from optimizer.scenario.vocabulary import BUILT_IN, Vocabulary

#: Verbs that bind one customer (or household) at a time.
LOCAL = frozenset(
    {"contacts", "pressure", "packages", "duplicates", "rest", "cost_per_customer", "targets", "include", "exclude",
     "requires", "only_after", "never", "alternate"}
)  # fmt: skip
#: Verbs that a penalty cannot soften.
_NEVER_SOFT = ("effect", "control")


def check_objective(objective: str, sense: int, facts: Facts, spec: ScenarioFile, file: str) -> None:
    """Raise when there is no such objective."""
    if sense < 0 or objective in ("net_margin", "revenue", "responses"):
        return
    if objective in BUILT_IN:
        known = ["net_margin", "revenue", "responses", *spec.kpis]
        raise ScenarioError(file, "objective", objective, f"is no objective; {did_you_mean(objective, known)}")
    Vocabulary(spec, facts, file).check_measure(objective, "objective")


def check_rules(rules: list[Rule], facts: Facts, spec: ScenarioFile, tables: Tables, file: str) -> None:
    """Raise for the first rule that names what is not there.

    Each rule is held against the tables by itself: one that passed before, on the same facts, is not looked at again.

    Raises
    ------
    ScenarioError
        With the rule's name, the key, what stands there and its neighbours.
    """
    words, memory = Vocabulary(spec, facts, file), memory_of(facts)
    rest = {name: value for name, value in vars(spec).items() if name != "rules"}
    said = reuse.words(rest)
    passed, memory.checked = memory.checked, set()
    for rule in rules:
        place, own = f"rule {rule.name}", (said, reuse.words(rule))
        if own in passed:
            memory.checked.add(own)
            continue
        for key, written in _filters(rule):
            words.check_filter(written, f"{place}, {key}")
        for column in rule.each_columns:
            words.check_column(column, f"{place}, each")
        _check_form(rule, words, place)
        _check_verb(rule, words, place, tables)
        _check_dates(rule, words, place)
        verb = getattr(rule, rule.verb)
        if isinstance(verb, Range):
            for side in ("min", "max"):
                _check_bound(rule, side, getattr(verb, side), words, f"{place}, {rule.verb}.{side}", tables)
        memory.checked.add(own)


def _filters(rule: Rule) -> Iterator[tuple[str, Filter | None]]:
    """Every filter of a rule, with its key."""
    yield "where", rule.where
    if isinstance(rule.share, Share):
        yield "share.of", rule.share.of
    for key in ("include", "exclude"):
        yield key, getattr(rule, key)
    if isinstance(rule.requires, Requires):
        yield "requires.if", rule.requires.if_
        yield "requires.then", rule.requires.then
    if isinstance(rule.only_after, OnlyAfter):
        yield "only_after.what", rule.only_after.what
        yield "only_after.after", rule.only_after.after
    if isinstance(rule.never, Never):
        yield "never.first", rule.never.first
        yield "never.then", rule.never.then
        for position, written in enumerate(rule.never.together or [], start=1):
            yield f"never.together[{position}]", written


def _check_form(rule: Rule, words: Vocabulary, place: str) -> None:
    """What goes with what: ``per`` with local verbs, ``soft`` with bounds."""
    if rule.per is not None:
        if rule.verb not in LOCAL:
            raise ScenarioError(
                words.file, f"{place}, per", rule.per, f"gathers customers in local rules; {rule.verb} is none"
            )
        if rule.per not in words.customer:
            hint = did_you_mean(rule.per, words.customer)
            raise ScenarioError(words.file, f"{place}, per", rule.per, f"unknown column of customers; {hint}")
    if rule.soft is not None and rule.verb in _NEVER_SOFT:
        raise ScenarioError(words.file, f"{place}, soft", None, f"{rule.verb} cannot be soft; leave it out")


def _check_verb(rule: Rule, words: Vocabulary, place: str, tables: Tables) -> None:
    """The names inside the verb."""
    verb = getattr(rule, rule.verb)
    if isinstance(verb, Sum | Average):
        words.check_measure(verb.of, f"{place}, {rule.verb}.of")
    elif isinstance(verb, Ratio):
        words.check_measure(verb.of, f"{place}, ratio.of")
        words.check_measure(verb.to, f"{place}, ratio.to")
    elif isinstance(verb, Open | Duplicates):
        words.check_column(verb.of, f"{place}, {rule.verb}.of", paid=False, pairs=False)
    elif isinstance(verb, Targets):
        known = words.names["offer"]
        for position, offer in enumerate(verb.among, start=1):
            if offer not in known:
                hint = did_you_mean(offer, known)
                raise ScenarioError(words.file, f"{place}, targets.among[{position}]", offer, f"unknown offer; {hint}")
    elif isinstance(verb, Control):
        _check_control(verb, words, place, tables)


def _check_control(control: Control, words: Vocabulary, place: str, tables: Tables) -> None:
    if control.by is not None and control.by not in words.customer:
        hint = did_you_mean(control.by, words.customer)
        raise ScenarioError(words.file, f"{place}, control.by", control.by, f"unknown column of customers; {hint}")
    if control.table is not None:
        name, table = tables.name(control.table, place), tables.read(control.table, place)
        require(table, name, "customer_id")
        if "control" in table.columns:
            flags(table, name, "control")


def _check_dates(rule: Rule, words: Vocabulary, place: str) -> None:
    """Rules in days need dates; the days of a calendar exception need a window."""
    verb = getattr(rule, rule.verb)
    if isinstance(verb, Volume) and verb.except_ and verb.days is None:
        raise ScenarioError(words.file, f"{place}, volume.except", None, "replaces the bound of a window; say days")
    if words.facts.dated:
        return
    in_days = (
        (isinstance(verb, Window | Volume) and verb.days is not None)
        or isinstance(verb, Rest | OnlyAfter)
        or (isinstance(verb, Never) and verb.days is not None)
    )
    if in_days:
        raise ScenarioError(
            words.file, f"{place}, {rule.verb}.days", None, "needs dates; the scenario's waves have none"
        )
    for column in rule.each_columns:
        if column.removeprefix("activity.") in ("date", *DATE_PARTS):
            raise ScenarioError(words.file, f"{place}, each", column, "needs dates; the scenario's waves have none")


def _check_bound(rule: Rule, side: str, bound: object, words: Vocabulary, place: str, tables: Tables) -> None:
    """A bound that is a customer column or a table."""
    if isinstance(bound, str):
        if rule.verb not in LOCAL:
            expected = (
                f"expected a number, or {{table, column}} keyed by each; {rule.verb} binds many customers at once"
            )
            raise ScenarioError(words.file, place, bound, expected)
        if bound not in words.customer:
            hint = did_you_mean(bound, words.customer)
            raise ScenarioError(words.file, place, bound, f"expected a number or a column of customers; {hint}")
        numbers(words.facts.customers, f"customers, column of {place}", bound)
    elif isinstance(bound, TableBound):
        name, table = tables.name(bound.table, place), tables.read(bound.table, place)
        require(table, name, bound.column)
        keys = [column for column in rule.each_columns if column in table.columns]
        if not rule.each_columns:
            raise ScenarioError(words.file, place, None, "a bound from a table is keyed by each; say each")
        if not keys:
            columns = ", ".join(rule.each_columns)
            raise ScenarioError(name, "header", ", ".join(table.columns), f"expected a column of each: {columns}")
        frame = pd.DataFrame({column: as_text(table[column]) for column in keys})
        refuse(frame.duplicated().to_numpy(bool), table, name, keys[0], f"stands twice; one row a {', '.join(keys)}")
        numbers(table, name, bound.column)
