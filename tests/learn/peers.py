"""The peers on the same paths: ChannelAttribution and DP6's marketing_attribution_models, each behind one function.

Both are on PyPI, neither is needed: ChannelAttribution comes as source alone and wants a C++ compiler, and matplotlib,
which it does not declare. Where they are absent, tests and benchmarks say so and go on.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from importlib import import_module
from typing import Any

import pandas as pd


@contextlib.contextmanager
def quiet():
    """Their banners and their libraries' warnings are not ours to mend."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def channel_attribution() -> Any:
    """The module ChannelAttribution.

    Raises
    ------
    ImportError
        Where it, or matplotlib, is not installed.
    """
    with quiet():
        return import_module("ChannelAttribution")


def dp6() -> Any:
    """The class MAM of DP6's marketing_attribution_models 2.x, whose module is called mam.

    Raises
    ------
    ImportError
        Where it is not installed.
    """
    with quiet():
        return import_module("mam.core").MAM


def heuristics_of_channel_attribution(paths: pd.DataFrame) -> pd.DataFrame:
    """First, last and linear credit: channel_name, first_touch_conversions, first_touch_value and so on."""
    with quiet():
        return channel_attribution().heuristic_models(
            paths, "path", "total_conversions", "total_conversion_value", sep=">", flg_pro=False
        )


def markov_of_channel_attribution(paths: pd.DataFrame, order: int = 1) -> pd.DataFrame:
    """Simulated credit: channel_name, total_conversions, total_conversion_value."""
    with quiet():
        return channel_attribution().markov_model(
            paths, "path", "total_conversions", "total_conversion_value", "total_null",
            order=order, sep=">", verbose=False, flg_pro=False,
        )  # fmt: skip


def in_dp6(paths: pd.DataFrame) -> Any:
    """Grouped paths as DP6 takes them: a row a path and outcome, conversions to be credited as its value."""
    won = paths[paths["total_conversions"] > 0]
    lost = paths[paths["total_null"] > 0]
    rows = pd.DataFrame(
        {
            "path": pd.concat([won["path"], lost["path"]], ignore_index=True),
            "times": pd.concat([won["total_conversions"], lost["total_null"]], ignore_index=True).astype("int64"),
            "converts": [True] * len(won) + [False] * len(lost),
        }
    )
    rows["conversions"] = rows["times"] * rows["converts"].astype(float)
    with quiet():
        return dp6()(
            rows,
            format_type="grouped_journey",
            channels_colname="path",
            journey_with_conv_colname="converts",
            occurrences_colname="times",
            conversion_value_colname="conversions",
        )


def credit_of_dp6(found: Any) -> dict[str, float]:
    """Credit by channel."""
    with quiet():
        frame = found.to_pandas()
    return dict(zip(frame["channels"].astype(str), frame["attribution"].astype(float), strict=True))
