"""``optimizer forecast``: what a written plan may bring before launch, and what it brought after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optimizer.commands.console import count, print_json, results, say, table
from optimizer.commands.verify import changed_inputs
from optimizer.errors import ScenarioError
from optimizer.plan.read import read_plan

if TYPE_CHECKING:
    from optimizer.plan.forecast import Forecast, Outcome

#: Measures shown on the command line; ``--out`` and ``--json`` hold them all.
SHOWN = ("response", "revenue", "net_margin", "roi")


@dataclass(frozen=True)
class Asked:
    """The options of the command."""

    folder: Path
    scenario: Path | None
    scores: str | None
    curves: Path | None
    by: Sequence[str]
    draws: int
    seed: int
    actual: Path | None
    out: Path | None
    as_json: bool


def run_forecast(asked: Asked) -> None:
    """Forecast the plan of a folder; print it, and write it where asked."""
    written = read_plan(asked.folder)
    file = asked.scenario or written.scenario_file
    if file is None:
        raise ScenarioError(
            str(asked.folder), "scenario", None, "the plan was made in memory; name its scenario with --scenario"
        )
    from optimizer.engine import evaluate
    from optimizer.scenario import load

    scenario = load(file)
    found = evaluate(scenario, written.contacts, written.spend)
    for failure in found.failures:
        say(f"note: {failure}")
    if changed := changed_inputs(written, scenario.input_hashes):
        say(f"note: {', '.join(changed)} changed since the plan was written")
    forecast = found.forecast(
        scores=_scores(asked.scores),
        curves=None if asked.curves is None else asked.curves.absolute(),
        by=[one.split(",") for one in asked.by] or None,
        draws=asked.draws,
        seed=asked.seed,
    )
    outcome = None if asked.actual is None else forecast.against(asked.actual.absolute())
    frame = forecast.table if outcome is None else outcome.table
    if asked.out is not None:
        _write(frame, asked.out)
    if asked.as_json:
        print_json(_summary(scenario.name, forecast, outcome))
        return
    _show(frame, scenario.currency, [*SHOWN, *found.scenario.spec.kpis])
    for note in [*forecast.notes, *(outcome.notes if outcome is not None else [])]:
        say(f"note: {note}")
    if outcome is not None:
        say(
            f"{count(outcome.matched)} contacts of the plan with a result, {count(outcome.silent)} without (no "
            f"response), {count(outcome.unplanned)} rows of no contact of the plan left out"
            + (f": {'; '.join(outcome.examples)}" if outcome.examples else "")
        )
        say(f"{outcome.inside:.0%} of the figures lie inside P10 to P90")


def _scores(text: str | None) -> float | Path | None:
    """A number, or a table's file."""
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return Path(text).absolute()


def _write(frame: pd.DataFrame, out: Path) -> None:
    from optimizer.plan.write import whole_file, write_csv

    with whole_file(out) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        write_csv(frame, stream)


def _summary(name: str, forecast: Forecast, outcome: Outcome | None) -> dict[str, Any]:
    frame = forecast.table if outcome is None else outcome.table
    figures = frame.astype(object).where(frame.notna(), None)
    summary: dict[str, Any] = {
        "name": name,
        "draws": forecast.draws,
        "seed": forecast.seed,
        "notes": [*forecast.notes, *(outcome.notes if outcome is not None else [])],
        "forecast": figures.to_dict("records"),
    }
    if outcome is not None:
        summary |= {
            "matched": outcome.matched,
            "silent": outcome.silent,
            "unplanned": outcome.unplanned,
            "inside": None if np.isnan(outcome.inside) else outcome.inside,
        }
    return summary


def _show(frame: pd.DataFrame, currency: str, measures: Sequence[str]) -> None:
    """One table a way to split."""
    headers = {"group": "", "measure": "", "plan": "plan", "p10": "P10", "p50": "P50", "p90": "P90"}
    if "actual" in frame.columns:
        headers |= {"actual": "actual", "verdict": ""}
        told = frame["actual"].notna()
        inside = np.where(frame["inside"], "inside", np.where(frame["actual"] < frame["p10"], "below P10", "above P90"))
        frame = frame.assign(verdict=np.where(told, inside, ""))
    for way, part in frame[frame["measure"].isin(measures)].groupby("by", sort=False):
        part = part.assign(
            group=part["group"].where(part["group"] != "", "(none)").where(~part["group"].duplicated(), ""),
            measure=part["measure"].str.replace("_", " "),
        )
        results().print(table(f"by {way} (money in {currency})" if way != "total" else "total", part, headers))
        say("")
