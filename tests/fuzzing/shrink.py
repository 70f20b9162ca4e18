"""Makes a failing scenario small: drops rules, keys, customers, pairs and past contacts while it still fails."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from tests.bruteforce.filters import Row
from tests.fuzzing.arguments import TABLES

#: Parts of a scenario that it can do without.
OPTIONAL = ("history", "committed", "consent", "baseline", "responses", "media", "kpis", "activities")
PLAIN = {"fixed_cost", "min_volume_if_opened", "response_curve", "pressure", "days", "response_cost"}


def smaller(spec: Row) -> Iterator[Row]:
    """Scenarios with one thing less."""
    for k in range(len(spec.get("rules", []))):
        yield without(spec, "rules", k)
    for key in OPTIONAL:
        if key in spec:
            yield {name: part for name, part in spec.items() if name != key}
    for row in spec.get("customers", []):
        yield without_customer(spec, row["customer_id"])
    for key in TABLES:
        if key != "customers" and isinstance(spec.get(key), list):
            for k in range(len(spec[key])):
                yield without(spec, key, k)
    yield from without_waves_and_offers(spec)
    for k, rule in enumerate(spec.get("rules", [])):
        for key in ("where", "each", "soft", "per", "mode"):
            if key in rule:
                yield changed(spec, ("rules", k), key)
        if isinstance(rule.get("soft"), dict):
            for key in ("tolerance", "side"):
                if key in rule["soft"]:
                    yield changed(spec, ("rules", k, "soft"), key)
    for kind in ("channels", "offers", "media"):
        for name, body in spec.get(kind, {}).items():
            for key in PLAIN & set(body):
                yield changed(spec, (kind, name), key)


def without(spec: Row, key: str, k: int) -> Row:
    """The scenario less one entry of a list; a table that would be empty goes."""
    rest = [*spec[key][:k], *spec[key][k + 1 :]]
    found = {**spec, key: rest}
    if not rest and key != "rules":
        del found[key]
    return found


def without_customer(spec: Row, customer: str) -> Row:
    """The scenario less one customer."""
    found = dict(spec)
    for key in TABLES:
        if isinstance(found.get(key), list):
            found[key] = [row for row in found[key] if row.get("customer_id") != customer]
            if not found[key]:
                del found[key]
    return found


def without_waves_and_offers(spec: Row) -> Iterator[Row]:
    """The scenario less one wave, channel or offer."""
    for k, wave in enumerate(spec.get("waves", [])):
        kept = [row for row in spec.get("appetence", []) if row.get("wave") != wave["name"]]
        yield {**without(spec, "waves", k), "appetence": kept}
    for kind in ("offers", "channels"):
        for name in spec.get(kind, {}):
            found = copy.deepcopy(spec)
            del found[kind][name]
            column = kind[:-1]
            for key in ("appetence", "history", "committed"):
                rows = [row for row in found.get(key, []) if row.get(column) != name]
                found[key] = [{k: cell for k, cell in row.items() if k != name} for row in rows]
                if not found[key]:
                    del found[key]
            yield found


def changed(spec: Row, place: tuple[Any, ...], key: str) -> Row:
    """The scenario less one key somewhere inside."""
    found = copy.deepcopy(spec)
    body: Any = found
    for part in place:
        body = body[part]
    del body[key]
    return found


def shrink(spec: Row, fails: Callable[[Row], bool], tries: int = 400) -> Row:
    """The smallest scenario that still fails, found greedily.

    Parameters
    ----------
    spec : dict
        A scenario that fails.
    fails : callable
        Whether a scenario fails in the same way; an error of its own counts as no.
    tries : int
        At most so many scenarios are tried.
    """
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for candidate in smaller(spec):
            left -= 1
            if left <= 0:
                break
            if fails(candidate):
                spec, progress = candidate, True
                break
    return spec
