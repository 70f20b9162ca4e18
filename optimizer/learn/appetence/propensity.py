"""Weights against the past policy: who was contacted was chosen, and what is learnt from them need not hold for all.

A contact that was made with probability e is given the weight 1 / e, so that the contacts together stand for everybody
(Horvitz and Thompson, JASA 47, 1952). e is logged by the tool that chose, or fitted: the probability that a customer
was contacted through the channel, given what is known of all customers.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.model import Fitted, Parts
from optimizer.scenario.facts import LeftOut

Floats = NDArray[np.float64]
#: No contact counts for more than this many times the median: a few rare ones would decide everything.
MOST_WEIGHT = 20.0

Weighing = Literal["logged", "fitted"]


def logged_weights(propensity: Floats, file: str, what: str) -> tuple[Floats, list[LeftOut]]:
    """Weights of mean 1 from logged probabilities of contact.

    Raises
    ------
    ScenarioError
        When no contact has one above 0.
    """
    known = propensity > 0
    if not known.any():
        hint = "holds no probability above 0; log the propensity of each contact, or ask for weights='fitted'"
        raise ScenarioError(file, "column propensity", None, f"of {what} {hint}")
    weights, notes = _capped(np.where(known, 1 / np.where(known, propensity, 1.0), np.nan), what)
    if (missing := int((~known).sum())) > 0:
        notes.append(LeftOut(f"contacts of {what} without a propensity above 0: the median weight", missing, []))
    return weights, notes


def fitted_weights(
    traits: pd.DataFrame, contacted: NDArray[np.bool_], customer: NDArray[np.int64], what: str, *, seed: int
) -> tuple[Floats, list[LeftOut]]:
    """Weights of mean 1 from a model of who was contacted.

    Parameters
    ----------
    traits : DataFrame
        A row a customer.
    contacted : array of bool
        Whether the customer was contacted at all.
    customer : array of int
        The customer of each contact.
    what : str
        The channel, for notes.
    seed : int
    """
    if contacted.all() or not len(traits.columns):
        return np.ones(len(customer)), [
            LeftOut(f"{what}: every customer was contacted, weights are even", len(customer), [])
        ]
    whole = np.arange(len(traits))
    fitted = Fitted(traits, contacted, None, Parts(whole, whole, whole, "all"), kind="logistic", seed=seed)
    return _capped(1 / fitted.scores(traits)[customer], what)


def _capped(weights: Floats, what: str) -> tuple[Floats, list[LeftOut]]:
    """Weights capped and scaled to mean 1; those that are missing take the median."""
    scaled = np.nan_to_num(weights / np.nanmedian(weights), nan=1.0)
    high = scaled > MOST_WEIGHT
    notes = (
        [LeftOut(f"{what}: weights above {MOST_WEIGHT:g} times the median, capped", int(high.sum()), [])]
        if high.any()
        else []
    )
    capped = np.minimum(scaled, MOST_WEIGHT)
    return capped / capped.mean(), notes
