"""A million journeys attributed, beside ChannelAttribution and DP6 on the same paths in the same run."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import optimizer as opt
from tests.learn import peers

CHANNELS = ("affiliate", "direct", "display", "email", "print", "search", "shop", "social", "tv", "video")
#: Chance of a further touch after each, and of a conversion at the end.
FURTHER, CONVERTS = 0.75, 0.06


def journeys(number: int, seed: int) -> pd.DataFrame:
    """Random journeys, a row each, as users of the peers write them.

    A touch is often followed by one on the same channel, and some channels convert more than others.
    """
    random = np.random.default_rng(seed)
    length = random.geometric(1 - FURTHER, number)
    start = np.concatenate(([0], np.cumsum(length)))
    drawn = random.choice(len(CHANNELS), start[-1], p=np.arange(1, len(CHANNELS) + 1) / 55)
    again = random.random(start[-1]) < 0.3
    again[start[:-1]] = False
    # The channel of a touch that goes on is that of the last touch which did not.
    fresh = np.maximum.accumulate(np.where(again, 0, np.arange(start[-1])))
    step = drawn[fresh]
    last = step[start[1:] - 1]
    converts = random.random(number) < CONVERTS * (0.5 + last / len(CHANNELS))
    names = np.array(CHANNELS, dtype=object)[step].tolist()
    bounds = start.tolist()
    return pd.DataFrame(
        {
            "path": [" > ".join(names[bounds[row] : bounds[row + 1]]) for row in range(number)],
            "total_conversions": converts.astype(np.int64),
            "total_conversion_value": np.where(converts, random.gamma(2.0, 50.0, number).round(2), 0.0),
            "total_null": (~converts).astype(np.int64),
        }
    )


def main(arguments: list[str]) -> bool:
    """Run and print; True where we are faster than every peer that is installed, and agree with DP6."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks attribution", description=__doc__)
    parser.add_argument("--journeys", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3, help="our runs, of which the best counts; the peers run once")
    asked = parser.parse_args(arguments)
    number, seed, repeat = asked.journeys, asked.seed, asked.repeat
    table = journeys(number, seed)
    grouped = table.groupby("path", as_index=False, sort=True).sum()
    print(
        f"{number:,} journeys, {len(grouped):,} distinct paths, {int(table['total_conversions'].sum()):,} conversions, "
        f"seed {seed}; every time starts from the DataFrame of paths, best of {repeat} (the peers run once)"
    )
    warm = table.head(1000)
    # Imports are nobody's work.
    for run in (*_ours(warm).values(), *(run for _, _, run in _theirs(warm))):
        with contextlib.suppress(ImportError):
            run()
    passed = True
    for title, paths in (("a row a journey", table), ("a row a distinct path", grouped)):
        print(f"\n{title}")
        ours, found = {}, {}
        for name, run in _ours(paths).items():
            ours[name], found[name] = _timed(run, repeat)
            print(_line("optimizer", name, ours[name]), flush=True)
        for peer, name, run in _theirs(paths):
            try:
                taken, got = _timed(run, 1)
            except ImportError as error:
                print(f"  {peer:<20} not installed ({error.name}); pip install it to stand beside")
                continue
            ratio = taken[0] / ours[name][0]
            passed &= ratio > 1
            print(f"{_line(peer, name, taken)}   {ratio:7.1f} times ours", flush=True)
            if peer == "DP6" and name == "markov":
                credit = found[name].credit.set_index("channel")["conversions"]
                worst = max(abs(got[channel] - credit[channel]) / credit[channel] for channel in credit.index)
                print(f"  {'':<20} per-journey credit differs by {worst:.1e} at most")
                passed &= worst < 1e-9
            if peer == "ChannelAttribution" and name.startswith("markov"):
                credit = _channel_normalised(paths)
                simulated = got.set_index("channel_name")["total_conversions"].astype(float)
                worst = max(abs(simulated[channel] / credit[channel] - 1) for channel in credit.index)
                print(f"  {'':<20} its simulation is off by {100 * worst:.2g} % at most")
    return passed


def _ours(paths: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    def heuristics() -> list[Any]:
        read = opt.read_journeys(paths)
        return [opt.attribution(read, model) for model in ("first", "last", "linear")]

    def second_order() -> Any:
        return opt.attribution(paths, "markov", order=2)

    return {
        "first, last, linear": heuristics,
        "markov": lambda: opt.attribution(paths, "markov", credit="journey"),
        "markov, order 2": second_order,
    }


def _theirs(paths: pd.DataFrame) -> list[tuple[str, str, Callable[[], Any]]]:
    def three() -> Any:
        mam = peers.in_dp6(paths)
        with peers.quiet():
            return [run() for run in (mam.run_first_click, mam.run_last_click, mam.run_linear)]

    def markov() -> dict[str, float]:
        mam = peers.in_dp6(paths)
        with peers.quiet():
            found = mam.run_markov()
        return peers.credit_of_dp6(found)

    return [
        ("ChannelAttribution", "first, last, linear", lambda: peers.heuristics_of_channel_attribution(paths)),
        ("ChannelAttribution", "markov", lambda: _simulated(paths, 1)),
        ("ChannelAttribution", "markov, order 2", lambda: _simulated(paths, 2)),
        ("DP6", "first, last, linear", three),
        ("DP6", "markov", markov),
    ]


def _simulated(paths: pd.DataFrame, order: int) -> pd.DataFrame:
    return peers.markov_of_channel_attribution(paths, order)


def _channel_normalised(paths: pd.DataFrame) -> pd.Series:
    return opt.attribution(paths, "markov").credit.set_index("channel")["conversions"]


def _timed(run: Callable[[], Any], repeat: int) -> tuple[tuple[float, float], Any]:
    """Seconds, and seconds of processors (which a busy machine does not change as much); and what came."""
    best, got = (np.inf, np.inf), None
    for _ in range(repeat):
        started, used = time.perf_counter(), time.process_time()
        got = run()
        best = min(best, (time.perf_counter() - started, time.process_time() - used))
    return best, got


def _line(who: str, what: str, taken: tuple[float, float]) -> str:
    return f"  {who:<20} {what:<22} {taken[0]:9.3f} s   {taken[1]:8.3f} s of processors"
