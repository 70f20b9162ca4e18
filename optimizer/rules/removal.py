"""What is left to plan with: the pairs that hard exclude and control rules take away, and those that stay eligible.

A customer is held out when int(first 8 bytes of sha256("seed:identifier")) / 2^64 < share, so that groups are stable
over campaigns and nested as the share grows.
"""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa

from optimizer.errors import ScenarioError
from optimizer.problem import Bools, Floats, Weights
from optimizer.rules.base import Context
from optimizer.rules.contactable import Contactable
from optimizer.rules.scope import kept
from optimizer.rules.weights import kept_pairs, product, scored
from optimizer.scenario.columns import as_text
from optimizer.scenario.rule_schema import Control, Filter, Rule


def removed_pairs(context: Context) -> Bools:
    """Pairs that some hard, enforced exclude or control forbids, shape (E,): what is left is eligible."""

    def make() -> Bools:
        removed = np.zeros(len(context.facts.pairs), bool)
        for rule in removing_rules(context):
            removed |= forbidden_pairs(rule, context)
        return removed

    return context.remembered(("removed pairs",), make)


def removing_rules(context: Context) -> list[Rule]:
    """The enforced rules that take pairs away: control groups and hard excludes."""
    return [
        rule
        for rule in context.scenario.rules
        if rule.mode == "enforce" and rule.verb in ("exclude", "control") and rule.soft is None
    ]


def eligible_pairs(context: Context, weights: Weights) -> Bools:
    """Pairs that the weights keep and no hard exclude or control forbids, shape (E,)."""
    return kept_pairs(context, weights) & ~removed_pairs(context)


def contactable(context: Context) -> Contactable:
    """The pairs that no hard exclude or control forbids."""
    facts = context.facts

    def make() -> Contactable:
        sizes = len(facts.customers), len(facts.activities)
        return Contactable(facts.pairs.customer, facts.pairs.activity, ~removed_pairs(context), *sizes)

    return context.remembered(("contactable",), make) if removing_rules(context) else scored(context)


def forbidden_pairs(rule: Rule, context: Context) -> Bools:
    """Pairs that one exclude or control rule is about, shape (E,)."""
    if rule.verb == "exclude":
        return kept_pairs(context, product(kept(context, rule.where), kept(context, filter_of(rule))))
    return kept_pairs(context, product(kept(context, rule.where), Weights(customer=held_out(rule, context))))


def filter_of(rule: Rule) -> Filter:
    """The filter that an include or exclude rule states."""
    return cast(Filter, getattr(rule, rule.verb))


def hash_shares(seed: int, identifiers: pd.Series) -> Floats:
    """Where customers fall between 0 and 1, for ever and whatever the other customers."""
    start, sha256 = f"{seed}:".encode(), hashlib.sha256
    names = pa.array(identifiers.array).cast(pa.large_binary()).to_pylist()
    first = b"".join([sha256(start + name).digest()[:8] for name in names])
    return np.frombuffer(first, ">u8") / 2.0**64


def held_out(rule: Rule, context: Context) -> Bools:
    """Which customers a control rule holds out, shape (N,)."""
    return context.remembered(("held out", rule.name), lambda: _held_out(rule, context))


def _held_out(rule: Rule, context: Context) -> Bools:
    verb = cast(Control, rule.control)
    identifiers = context.facts.customers["customer_id"]
    if verb.share is not None:
        return hash_shares(verb.seed, identifiers) < verb.share
    table = context.scenario.table(verb.table)
    source = verb.table if isinstance(verb.table, str) else f"rule {rule.name!r}, control.table"
    if "customer_id" not in table:
        raise ScenarioError(source, "columns", list(table.columns), "expected a column customer_id")
    if "control" in table:
        marked = as_text(table["control"]).str.lower()
        known = marked.isin(["true", "false", "1", "0"])
        if not known.all():
            row = int(np.flatnonzero(~known)[0])
            raise ScenarioError(
                source, f"row {row + 1}, column control", table["control"].iloc[row], "expected true or false"
            )
        table = table[marked.isin(["true", "1"])]
    return identifiers.isin(table["customer_id"]).to_numpy(bool)
