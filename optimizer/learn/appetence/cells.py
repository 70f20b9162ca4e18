"""What scores one channel (and offer): a model of its own, its channel's model moved to its rate, or shrunk rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from optimizer.learn.appetence.calibration import clipped
from optimizer.learn.appetence.model import Fitted
from optimizer.learn.appetence.shrinkage import Prior, fit_prior

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class SegmentRates:
    """Rates of segments drawn towards the channel's, for customers without history.

    Attributes
    ----------
    table : DataFrame
        segment, contacts, responses, rate, low, high (90 %).
    prior : Prior
        What segments are drawn towards; its mean is the rate of a segment never met.
    """

    table: pd.DataFrame
    prior: Prior

    def of(self, segment: pd.Series) -> Floats:
        """The rate of each segment, the mean where it was never contacted."""
        known = self.table.set_index("segment")["rate"]
        return segment.map(known).fillna(self.prior.mean).to_numpy(float)


def segment_rates(segment: pd.Series, responded: Bools) -> SegmentRates:
    """Shrunk rates of segments, from contacts of known segment and outcome."""
    counted = pd.DataFrame({"segment": segment.to_numpy(object), "responded": responded})
    table = counted.groupby("segment", sort=True)["responded"].agg(contacts="size", responses="sum").reset_index()
    table["segment"] = table["segment"].astype("str")
    contacts, responses = table["contacts"].to_numpy(float), table["responses"].to_numpy(float)
    prior = fit_prior(responses, contacts)
    table["responses"] = table["responses"].astype(int)
    table["rate"] = prior.rates(responses, contacts)
    table["low"], table["high"] = prior.interval(responses, contacts)
    return SegmentRates(table, prior)


@dataclass(frozen=True)
class Cell:
    """A channel (and offer), and what scores it.

    Attributes
    ----------
    channel : str
    offer : str, optional
    fitted : Fitted, optional
        A model of its own, or its channel's; None where responses are too few: then shrunk rates score.
    shift : float
        What is added to the log-odds of the channel's model to meet the offer's shrunk rate.
    segments : SegmentRates
    prior : Prior
        How customers differ in this cell, for shrunk rates.
    newcomers_by_model : bool
        Whether the model speaks for customers without history, too.
    """

    channel: str
    offer: str | None
    fitted: Fitted | None
    shift: float
    segments: SegmentRates
    prior: Prior
    newcomers_by_model: bool

    def scores(
        self, frame: pd.DataFrame, segment: pd.Series, known: Bools, responses: Floats, contacts: Floats
    ) -> Floats:
        """Probabilities of response, a row a customer.

        Parameters
        ----------
        frame : DataFrame
            What the model reads.
        segment : Series
        known : array of bool
            Whether the customer has any history.
        responses, contacts : array
            What the customer answered in this cell so far; read by shrunk rates alone.
        """
        usual = self.segments.of(segment)
        if self.fitted is None:
            return clipped(np.where(known, self.prior.rates(responses, contacts, usual), usual))
        scores = self.fitted.scores(frame)
        if self.shift:
            scores = expit(logit(scores) + self.shift)
        return clipped(scores if self.newcomers_by_model else np.where(known, scores, usual))


def shift_to(scores: Floats, rate: float) -> float:
    """What added to the log-odds makes the mean of the scores equal to the rate."""
    odds = logit(clipped(scores))
    return float(brentq(lambda shift: float(expit(odds + shift).mean()) - rate, -30.0, 30.0, xtol=1e-10))


def customer_prior(customer: Rows, responded: Bools) -> Prior:
    """How customers differ: the beta prior of their rates."""
    if not len(customer):
        return fit_prior(np.zeros(0), np.zeros(0))
    size = int(customer.max()) + 1
    contacts = np.bincount(customer, minlength=size).astype(float)
    answers: Floats = np.bincount(customer, weights=responded.astype(float), minlength=size).astype(float)
    return fit_prior(answers, contacts)
