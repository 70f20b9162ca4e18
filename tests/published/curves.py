"""Response curves on published weeks: what each channel brought, and the error on weeks that were held out.

``pymc_mmm`` is simulated, so that the truth is known; on ``robyn`` and ``meridian`` (by region and national) the
held-out error stands beside that of a baseline which knows no spend.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import optimizer as opt

#: What the simulation of ``pymc_mmm`` made of each channel (its README).
TRUTH = {"x1": 274_848.3, "x2": 65_906.0}
#: Column names and controls; all else is as `fit_curves` has it.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "pymc_mmm": (
        "pymc_mmm/mmm_example.csv.gz",
        {
            "response": "y",
            "date": "date_week",
            "date_format": "%m/%d/%Y",
            "channels": ["x1", "x2"],
            "controls": ["event_1", "event_2"],
        },
    ),
    "robyn": (
        "robyn/dt_simulated_weekly.csv.gz",
        {
            "response": "revenue",
            "date": "DATE",
            "channels": ["tv_S", "ooh_S", "print_S", "facebook_S", "search_S"],
            "controls": ["competitor_sales_B", "events", "newsletter"],
        },
    ),
    "meridian_geo": (
        "meridian/geo_media.csv.gz",
        {
            "response": "conversions",
            "date": "time",
            "region": "geo",
            "size": "population",
            "channels": [f"Channel{k}_spend" for k in range(4)],
            "controls": ["competitor_activity_score_control", "sentiment_score_control"],
        },
    ),
    "meridian_national": (
        "meridian/national_media.csv.gz",
        {
            "response": "conversions",
            "date": "time",
            "channels": [f"Channel{k}_spend" for k in range(4)],
            "controls": ["competitor_activity_score_control", "sentiment_score_control"],
        },
    ),
}


def fit(data: Path, name: str, **asked: Any) -> opt.FittedCurves:
    """Fit one published table of the folder ``data``."""
    file, call = CALLS[name]
    return opt.fit_curves(data / file, **{**call, **asked})


def line(data: Path, name: str, **asked: Any) -> dict[str, Any]:
    """Fit, and say what was found in one line."""
    started = time.perf_counter()
    fitted = fit(data, name, **asked)
    seconds = time.perf_counter() - started
    measures = fitted.diagnostics.query("scope == 'fit'").set_index("measure")["value"]
    channels = fitted.contributions.query("kind == 'channel'").groupby("name")["response"].sum()
    whole = float(fitted.contributions["response"].sum())
    forms = {pair for part in fitted.parts for pair in part.forms.values()}
    found: dict[str, Any] = {
        "instance": name,
        "forms": sorted(" + ".join(pair) for pair in forms),
        "share": {str(channel): round(float(value) / whole, 4) for channel, value in channels.items()},
        **{
            key: round(float(measures[key]), 4)
            for key in ("r2", "nrmse", "heldout_r2", "heldout_nrmse", "heldout_nrmse_without_spend", "heldout_mape")
        },
        "heldout_rows": int(measures["heldout_rows"]),
        "seconds": round(seconds, 1),
    }
    if name == "pymc_mmm":
        found["of_truth"] = {channel: round(float(channels[channel]) / true, 4) for channel, true in TRUTH.items()}
    return found
