"""Boundary examples of every rule, as data: a small scenario, plans just inside the rule and plans just outside.

They are read from SCENARIO.md's "What it means" (and docs/meaning.md), one file a verb, and were written before the
rules. Each example names the sentence it comes from.

Keys of an example: ``example`` (its title), ``source``, ``scenario`` (keys of a scenario file, with short forms
below), ``rule`` (the rule of the file's verb), ``also`` (further rules), ``accepted`` and ``rejected`` (plans),
``note``.

Short forms: ``customers`` is a list of names or of records (anna and ben unless given); ``offers`` a list of
names; ``waves`` name -> date; ``history`` and ``committed`` hold ``"anna 2026-02-10 email [offer]"`` or records;
``score`` is the appetence of every customer for every channel. A plan is a list of contacts, or a mapping with
``contacts``, ``spend`` and ``penalty`` (what its soft rules cost). A contact is ``"anna [offer] email w1"`` or
``"anna = activity name"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

FOLDER = Path(__file__).parent
CHANNELS = {"email": {"unit_cost": 1}, "sms": {"unit_cost": 2}, "phone": {"unit_cost": 4}}
TABLES = ("customers", "appetence", "baseline", "history", "committed", "consent", "activities")


@dataclass(frozen=True)
class Example:
    """One plan of one scenario, and what the rule says of it.

    Attributes
    ----------
    verb, title, source : str
    scenario : dict
        Keyword arguments of ``optimizer.Scenario``: DataFrames in place of paths.
    rules : frozenset of str
        Names of the scenario's rules: only these may reject the plan.
    plan : list of str
        Contacts as the file writes them; ``contacts`` resolves them.
    spend : dict of float
        Medium cell -> money.
    accepted : bool
    penalty : float or None
        What soft rules cost, where the example states it.
    """

    verb: str
    title: str
    source: str
    scenario: dict[str, Any]
    rules: frozenset[str]
    plan: Sequence[str]
    spend: dict[str, float]
    accepted: bool
    penalty: float | None

    @property
    def name(self) -> str:
        """A label for test reports."""
        verdict = "accepted" if self.accepted else "rejected"
        return f"{self.verb}: {self.title}: {verdict}: {', '.join(self.plan) or 'no contact'}"

    def contacts(self, activities: pd.DataFrame) -> pd.DataFrame:
        """The plan as a table of customer_id and activity; ``activities`` has activity, offer, channel and wave."""
        rows = [_contact(text, activities) for text in self.plan]
        return pd.DataFrame(rows, columns=["customer_id", "activity"], dtype=str)


class _Loader(yaml.SafeLoader):
    """YAML whose dates stay text, as a scenario file's do."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(verb: str) -> list[dict[str, Any]]:
    """The examples of one verb as its file holds them."""
    return yaml.load((FOLDER / f"{verb}.yaml").read_text(encoding="utf-8"), Loader=_Loader)


def verbs() -> list[str]:
    """The verbs that have examples."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def examples(verb: str | None = None) -> Iterator[Example]:
    """Every plan of every example, of one verb or of all."""
    for name in [verb] if verb else verbs():
        for entry in read(name):
            yield from _plans(name, entry)


def scenario_arguments(verb: str, entry: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of ``optimizer.Scenario`` for one example."""
    given = dict(entry["scenario"])
    channels = given.get("channels", CHANNELS)
    customers = [c if isinstance(c, dict) else {"customer_id": c} for c in given.pop("customers", ["anna", "ben"])]
    score = given.pop("score", 0.1)
    arguments: dict[str, Any] = {
        "name": entry["example"],
        "currency": "EUR",
        "objective": "responses",
        "customers": customers,
        "appetence": [{"customer_id": c["customer_id"]} | dict.fromkeys(channels, score) for c in customers],
        "channels": channels,
        **given,
    }
    if isinstance(arguments.get("offers"), list):
        arguments["offers"] = {offer: {} for offer in arguments["offers"]}
    if "waves" in arguments:
        arguments["waves"] = [{"name": name, "date": date} for name, date in arguments["waves"].items()]
    for key in ("history", "committed"):
        if key in arguments:
            arguments[key] = [_past(row) for row in arguments[key]]
    for key in TABLES:
        if key in arguments:
            arguments[key] = pd.DataFrame(arguments[key])
    arguments["rules"] = [_tables(rule) for rule in _rules(verb, entry)]
    return arguments


def _rules(verb: str, entry: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": verb, **entry["rule"]}, *entry.get("also", [])]


def _plans(verb: str, entry: dict[str, Any]) -> Iterator[Example]:
    arguments = scenario_arguments(verb, entry)
    rules = frozenset(rule["name"] for rule in _rules(verb, entry))
    for accepted in (True, False):
        for plan in entry.get("accepted" if accepted else "rejected", []):
            stated = plan if isinstance(plan, dict) else {"contacts": plan}
            yield Example(
                verb,
                entry["example"],
                entry["source"],
                arguments,
                rules,
                stated["contacts"],
                stated.get("spend", {}),
                accepted,
                stated.get("penalty"),
            )


def _past(row: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(row, dict):
        return row
    customer, date, channel, *offer = row.split()
    return {"customer_id": customer, "date": date, "channel": channel} | ({"offer": offer[0]} if offer else {})


def _tables(value: Any) -> Any:
    """Replace every ``table: [records]`` by a DataFrame."""
    if isinstance(value, dict):
        return {
            key: pd.DataFrame(item) if key == "table" and isinstance(item, list) else _tables(item)
            for key, item in value.items()
        }
    return value


def _contact(text: str, activities: pd.DataFrame) -> tuple[str, str]:
    customer, _, rest = text.partition(" ")
    if rest.startswith("= "):
        return customer, rest[2:]
    *offer, channel, wave = rest.split()
    fits = (activities["channel"] == channel) & (activities["wave"] == wave)
    if offer:
        fits &= activities["offer"] == offer[0]
    named = activities.loc[fits, "activity"].tolist()
    if len(named) != 1:
        raise LookupError(f"contact {text!r} fits {len(named)} activities: {named}")
    return customer, named[0]
