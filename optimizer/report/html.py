"""``report.html``: one page that opens offline. Certificate, money, picture, rules as sentences, what was left out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from optimizer.report.picture import contacts_picture
from optimizer.rules import sentence
from optimizer.scenario.saturation import calibrations

if TYPE_CHECKING:
    from optimizer.plan.plan import Plan

MONEY = ["volume", "cost", "response", "gross_margin", "net_margin"]
#: Scopes of one rule shown in the page, the tightest first; all of them stand in rules.csv.
SCOPES_SHOWN = 8
#: Rules shown in the page when a scenario has many, the tightest first.
RULES_SHOWN = 120


def pages_in(folder: Path) -> Environment:
    """Where the templates of a folder become pages: text is escaped, and a name that is not given is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def report_page(plan: Plan) -> str:
    """The page as text."""
    environment = pages_in(Path(__file__).parent)
    environment.filters |= {"money": money, "number": figure, "gap": short_gap, "percent": percent}
    rules, summary = rule_rows(plan), plan.summary
    return environment.get_template("plan.html").render(
        summary=summary,
        head=objective_head(summary),
        certificate=plan.certificate,
        picture=contacts_picture(plan.contacts),
        money=money_rows(plan.budget),
        total=plan.budget[MONEY].sum().to_dict(),
        rules=rules[:RULES_SHOWN],
        rules_hidden=max(0, len(rules) - RULES_SHOWN),
        baseline=plan.scenario.spec.baseline is not None,
        customers_by_contacts=contacts_per_customer(plan.contacts),
        bought=bool(plan.budget["marginal_return"].notna().any()),
        certain=math.isfinite(plan.certificate.bound),
        calibrations=calibrations(plan.scenario.facts.saturations),
    )


def objective_head(summary: dict[str, Any]) -> str:
    """What the objective is called: by its measure, and where soft rules are bent, less or with their penalties."""
    measure = str(summary["objective_of"]).replace("_", " ")
    if summary["penalty"] > 0:
        return (
            f"{measure.capitalize()} with penalties"
            if summary["sense"] == "minimize"
            else f"{measure.capitalize()} less penalties"
        )
    return f"{'Least' if summary['sense'] == 'minimize' else 'Expected'} {measure}"


def money_rows(budget: pd.DataFrame) -> list[dict[str, Any]]:
    """Volume, money and return by channel or medium, then by cell and wave within it where there are several."""
    rows: list[dict[str, Any]] = []
    for channel, lines in budget.groupby("channel", sort=False):
        totals = lines[MONEY].sum()
        parts = lines.assign(label=[cell_label(*pair) for pair in zip(lines["cell"], lines["wave"], strict=True)])
        rows.append(
            {
                "label": str(channel),
                "parts": parts.to_dict("records") if len(lines) > 1 else [],
                "roi": totals["net_margin"] / totals["cost"] if totals["cost"] else math.nan,
                "marginal_return": lines["marginal_return"].iloc[0] if len(lines) == 1 else math.nan,
                **{str(key): value for key, value in totals.items()},
            }
        )
    return rows


def cell_label(cell: object, wave: object) -> str:
    """A line's cell and wave as one label."""
    return ", ".join(str(part) for part in (cell, wave) if isinstance(part, str) and part)


def rule_rows(plan: Plan) -> list[dict[str, Any]]:
    """Each rule with its sentence and its tightest scopes; rules that bind come first, dearest first."""
    rows: list[dict[str, Any]] = []
    binding = set(plan.binding()["rule"])
    scopes = {str(rule): lines for rule, lines in plan.rules.groupby("rule", sort=False)}
    for rule in plan.scenario.rules:
        lines = scopes.get(rule.name, plan.rules.iloc[:0]).copy()
        lines = lines.assign(distance=lines["slack"].abs().fillna(math.inf)).sort_values("distance", kind="stable")
        price = lines["shadow_price"].abs().max()
        rows.append(
            {
                "name": rule.name,
                "sentence": sentence(rule, plan.scenario),
                "report_only": rule.mode == "report",
                "binds": rule.name in binding,
                "price": 0.0 if pd.isna(price) else float(price),
                "penalty": float(lines["penalty"].fillna(0).sum()),
                "scopes": lines.head(SCOPES_SHOWN).to_dict("records"),
                "hidden": max(0, len(lines) - SCOPES_SHOWN),
            }
        )
    return sorted(rows, key=lambda row: (row["penalty"] == 0, not row["binds"], -row["price"]))


def contacts_per_customer(contacts: pd.DataFrame) -> list[tuple[int, int]]:
    """(number of contacts, customers who get so many), ascending."""
    customer, _ = pd.factorize(contacts["customer_id"])
    counts = np.bincount(np.bincount(customer[customer >= 0]))
    return [(int(number), int(counts[number])) for number in np.flatnonzero(counts)]


def money(value: float) -> str:
    """An amount with cents; nothing where there is none."""
    return figure(value, 2)


def figure(value: float | None, decimals: int | None = None) -> str:
    """A number as a planner reads it: whole where it is, two decimals otherwise, an em dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if decimals is None:
        decimals = 0 if float(value).is_integer() else 2 if abs(value) >= 1 else 4
    return f"{value:,.{decimals}f}".replace("-", "−")


def short_gap(value: float) -> str:
    """A gap as a percentage with two figures that mean something."""
    if not math.isfinite(value):
        return "unknown"
    return f"{100 * value:.2g} %" if value == 0 or value >= 1e-6 else "below 0.0001 %"


def percent(value: float) -> str:
    """A share as a percentage."""
    return "—" if not math.isfinite(value) else f"{100 * value:,.0f} %".replace("-", "−")
