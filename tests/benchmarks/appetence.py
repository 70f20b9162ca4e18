"""Appetence: logistic regression beside gradient boosting on one simulated history, against the known truth.

    python -m tests.benchmarks appetence --customers 100000

Prints a line a model: events read, processor seconds from history to scores, AUC on the last fifth of the contacts, and
the share of the truth's spread that the scores explain. Seconds are of this machine; the ratio is what travels.
"""

from __future__ import annotations

import time

import numpy as np

import optimizer as opt
from tests.learn.appetence.simulate import CHANNELS, simulate


def main(customers: int) -> bool:
    """Fit both models; True where each tells customers apart on every channel."""
    history, table, truth = simulate(customers)
    seconds: dict[str, float] = {}
    met = True
    for model in ("logistic", "boosting"):
        started = time.process_time()
        learnt = opt.fit_appetence(history, table, model=model)
        seconds[model] = time.process_time() - started
        auc = learnt.reports.models.set_index("channel")["auc"].to_dict()
        explained = {
            channel: 1
            - float(((learnt.scores[channel].to_numpy() - truth[channel]) ** 2).mean() / truth[channel].var())
            for channel in CHANNELS
        }
        told = ", ".join(f"{channel} AUC {auc[channel]:.3f} explains {explained[channel]:.2f}" for channel in CHANNELS)
        print(
            f"{model}: {len(history):,} events, {customers:,} customers, {seconds[model]:.1f} s processor time; {told}"
        )
        met &= bool(np.min([*explained.values()]) > 0)
    print(f"boosting takes {seconds['boosting'] / seconds['logistic']:.1f} times as long")
    return met
