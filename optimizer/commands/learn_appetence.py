"""``optimizer learn appetence``: scores, consent and reports from a contact history, written and summed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optimizer.commands.console import count, messages, print_json, results, say, table
from optimizer.errors import ScenarioError
from optimizer.learn.appetence.fit import fit_appetence

_MODELS = {
    "channel": "channel",
    "offer": "offer",
    "scored_by": "scored by",
    "contacts": "contacts",
    "responses": "responses",
    "percent": "rate, %",
    "calibration": "mend",
    "auc": "AUC",
}


def run_appetence(
    history: Path,
    customers: Path,
    out: Path,
    *,
    pairs: dict[str, list[str]],
    as_json: bool,
    **asked: Any,
) -> None:
    """Learn, write into ``out`` and print what was learnt.

    ``pairs`` holds the options written KEY=VALUE (names, events, context); they become mappings.
    """
    for key, given in pairs.items():
        asked[key] = dict(_pair(one, key) for one in given)
    asked["events"] = {word: kind or None for word, kind in asked["events"].items()}
    asked["context"] = {name: _value(text) for name, text in asked["context"].items()}
    learnt = fit_appetence(history, customers, **asked)
    learnt.save(out)
    if as_json:
        print_json(learnt.summary())
        return
    models = learnt.reports.models.assign(percent=100 * learnt.reports.models["rate"])
    results().print(table(f"appetence as of {learnt.as_of.date()}", models, _MODELS))
    for channel in learnt.channels:
        mean, reach = float(learnt.scores[channel].mean()), int(learnt.consent[channel].sum())
        say(
            f"{channel}: mean score {mean:.4f}, {count(reach)} of {count(len(learnt.consent))} customers may be reached"
        )
    for row in learnt.reports.counts.to_dict("records"):
        examples = f" ({row['examples']})" if row["examples"] else ""
        messages().print(f"note: {row['reason']}: {count(row['count'])}{examples}", soft_wrap=True, markup=False)
    messages().print(
        f"wrote {out}: appetence.parquet, consent.parquet, summary.md, reports/", soft_wrap=True, markup=False
    )


def _pair(text: str, key: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ScenarioError("command line", f"--{key.removesuffix('s')}", text, "expected KEY=VALUE")
    return name.strip(), value.strip()


def _value(text: str) -> float | str | None:
    """A number where it reads as one; nothing takes the usual value."""
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        return text
