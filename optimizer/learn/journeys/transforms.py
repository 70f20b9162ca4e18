"""Path transforms: what a path keeps of its touches before it is credited.

    exposure      touches of one channel in a row count once, the first of them   d a b b c d c c ▸ d a b c d c
    first         a channel counts once, where it stands first                    d a b b c d c c ▸ d a b c
    unique        every touch counts, nothing changes                             d a b b c d c c ▸ the same
    frequency     as first; seen three times is a state of its own                d a b b c d c c ▸ d(2) a(1) b(2) c(3)
    trim(n)       the last n touches                                              d a b b c d c c ▸ d c c for n = 3
    drop_direct   touches without a source go, unless there are no others         direct a direct ▸ a

The names are those of fractribution. Credit of a state such as ``d(2)`` goes to its channel ``d``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optimizer.errors import ScenarioError
from optimizer.learn.journeys.paths import Paths
from optimizer.scenario.messages import did_you_mean

#: What a channel without a source is called, in any case.
DIRECT = frozenset({"direct", "(direct)", "direct / none", "(direct) / (none)", "direct/none"})
TRANSFORMS = ("exposure", "first", "unique", "frequency", "trim", "drop_direct")
#: Names by which a transform is known elsewhere.
_ALIASES = {
    "exposure_path": "exposure",
    "first_path": "first",
    "unique_path": "unique",
    "frequency_path": "frequency",
    "trim_long_path": "trim",
}
_CALL = re.compile(r"([a-z_]+)\s*(?:[(:=]\s*(\d+)\s*\)?)?")


def transformed(paths: Paths, transforms: str | Sequence[str] | None, direct: str | None = None) -> Paths:
    """Apply transforms in the order given.

    Parameters
    ----------
    paths : Paths
        Journeys, grouped or not.
    transforms : str or sequence of str, optional
        Names as in the module; ``trim`` takes a number: ``trim(5)``.
    direct : str, optional
        The channel that stands for no source; by default ``direct`` or ``(direct)``.

    Raises
    ------
    ScenarioError
        For an unknown transform, a trim without its number, or one after ``frequency``.
    """
    for asked in asked_transforms(transforms):
        paths = _one(paths, asked, direct)
    return paths


def asked_transforms(transforms: str | Sequence[str] | None) -> tuple[str, ...]:
    """The transforms asked for, one by one.

    Raises
    ------
    ScenarioError
        For what is neither a name nor a list of them.
    """
    if transforms is None or isinstance(transforms, str):
        return () if transforms is None else (transforms,)
    if not isinstance(transforms, Sequence):
        raise ScenarioError("transforms", "transform", transforms, f"expected one or more of {', '.join(TRANSFORMS)}")
    return tuple(transforms)


def direct_channels(paths: Paths, direct: str | None) -> np.ndarray:
    """For every name, whether it stands for no source."""
    if direct is not None:
        if direct not in paths.names:
            raise ScenarioError("direct", "channel", direct, f"is in no path; {did_you_mean(direct, paths.names)}")
        return np.array([name == direct for name in paths.names], bool)
    return np.array([name.casefold() in DIRECT for name in paths.names], bool)


def _one(paths: Paths, asked: str, direct: str | None) -> Paths:
    called = _CALL.fullmatch(str(asked).strip().lower().replace("-", "_").replace(" ", "_"))
    name = _ALIASES.get(called[1], called[1]) if called else str(asked)
    if called is None or name not in TRANSFORMS or (called[2] is not None and name != "trim"):
        raise ScenarioError("transforms", "transform", asked, did_you_mean(asked, TRANSFORMS))
    if paths.owner is not None:
        raise ScenarioError("transforms", "transform", asked, "expected nothing after frequency, which makes states")
    if name == "trim":
        if called[2] is None or int(called[2]) < 1:
            raise ScenarioError("transforms", "transform", asked, "expected how many touches to keep, such as trim(5)")
        return paths.keep(paths.position >= np.repeat(paths.length, paths.length) - int(called[2]))
    if name == "exposure":
        return paths.keep((paths.position == 0) | (paths.step != np.roll(paths.step, 1)))
    if name == "first":
        return paths.keep(_first_of_channel(paths))
    if name == "frequency":
        return _frequency(paths)
    if name == "drop_direct":
        sourced = ~direct_channels(paths, direct)[paths.step]
        alone = np.bincount(paths.path[sourced], minlength=len(paths)) == 0
        return paths.keep(sourced | alone[paths.path])
    return paths


def _first_of_channel(paths: Paths) -> np.ndarray:
    """Whether each touch is the first of its channel in its path."""
    pair = paths.path * len(paths.names) + paths.step
    _, first = np.unique(pair, return_index=True)
    kept = np.zeros(len(pair), bool)
    kept[first] = True
    return kept


def _frequency(paths: Paths) -> Paths:
    pair = paths.path * len(paths.names) + paths.step
    _, first, often = np.unique(pair, return_index=True, return_counts=True)
    times = np.zeros(len(pair), np.int64)
    times[first] = often
    kept = times > 0
    once = paths.keep(kept)
    size = int(times.max(initial=0)) + 1
    states, step = np.unique(once.step.astype(np.int64) * size + times[kept], return_inverse=True)
    return replace(once, step=step.astype(np.int32), owner=(states // size).astype(np.int32))
