"""One calibrated model of a channel (and offer): fitted on earlier contacts, mended on later, judged on the last.

Contacts are cut by time into 60 % to learn from, 20 % to choose the penalty and to check reliability on, and 20 % to be
judged by; where moments do not allow it (one send date), customers are cut, by a hash of their identifier. Where
scores pass the reliability check the model is fitted once more on all contacts. Where they need a mend, the model stays
that of the first part, and the mend is fitted on the other two, so that it never sees what the model learnt from.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.calibration import Check, check, clipped, fit_calibrator
from optimizer.learn.appetence.design import Design
from optimizer.learn.appetence.uncertainty import (
    chance_variance,
    coefficient_covariance,
    later_miss,
    level_gradient,
)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.int64]

#: Inverse strengths of the penalty tried, the strongest first; ties go to the stronger.
PENALTIES = (0.003, 0.03, 0.3, 3.0)
#: Contacts that find the penalty.
MANY = 50_000
#: Shares of the contacts: to learn from, to check on; the rest judges.
SHARES = (0.6, 0.2)
#: Responses each of the later parts needs for a cut by time.
_FOLD_RESPONSES = 10


def need_scikit_learn(asked_by: str) -> None:
    """Raise with the mend where scikit-learn is not installed."""
    try:
        importlib.import_module("sklearn")
    except ImportError as error:
        hint = "is not installed: pip install 'campaign-optimizer[learn]'"
        raise ScenarioError(asked_by, "scikit-learn", None, hint) from error


@dataclass(frozen=True)
class Parts:
    """Which contacts learn, check and judge, and by what they were cut: ``time`` or ``customers``."""

    learn: Rows
    check: Rows
    judge: Rows
    by: str


def cut(seconds: Rows, identity: NDArray[np.uint64], responded: Bools, *, by: str = "auto") -> Parts:
    """Cut contacts by time, contacts of one moment together; by customers where a later part would say too little.

    Parameters
    ----------
    seconds : array of int
        When each contact was made.
    identity : array of uint64
        A hash of each contact's customer.
    responded : array of bool
        What came.
    by : {"auto", "customers"}
        ``customers`` passes moments over.
    """
    order = np.sort(seconds)
    ends = [order[min(int(share * len(order)), len(order) - 1)] for share in (SHARES[0], sum(SHARES))]
    place = (seconds >= ends[0]).astype(int) + (seconds >= ends[1])
    parts = [np.flatnonzero(place == part) for part in range(3)]
    answers = [int(responded[part].sum()) for part in parts]
    sizes = [len(part) / len(seconds) for part in parts]
    enough = all(_FOLD_RESPONSES <= count < len(part) for count, part in zip(answers, parts, strict=True))
    if by != "customers" and enough and sizes[0] >= 0.4 and min(sizes[1:]) >= 0.1:
        return Parts(parts[0], parts[1], parts[2], "time")
    share = (identity >> np.uint64(11)).astype(float) / 2.0**53
    place = (share >= SHARES[0]).astype(int) + (share >= sum(SHARES))
    parts = [np.flatnonzero(place == part) for part in range(3)]
    return Parts(parts[0], parts[1], parts[2], "customers")


class Fitted:
    """A model of one cell, ready to score.

    Attributes
    ----------
    parts : Parts
        How the contacts were cut.
    judged : array
        Scores of ``parts.judge`` by a model that saw none of them.
    own : array
        Scores of all contacts by the model as it stands.
    missed : float
        The square by which the level of later contacts was missed beyond chance; 0 where cut by customers.
    before : Check
        The reliability of raw scores on ``parts.check``.
    calibrator : Calibrator
        What mends them.
    penalty : float
        The inverse strength of the penalty chosen (logistic regression).
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        responded: Bools,
        weights: Floats | None,
        parts: Parts,
        *,
        kind: str,
        seed: int,
        customer: Rows | None = None,
    ) -> None:
        self.kind, self.seed, self.parts = kind, seed, parts
        self.penalty = PENALTIES[-1]
        learn, checked = parts.learn, parts.check
        self._design = Design(frame, learn)
        matrix = self._design.matrix(frame)
        if kind == "logistic":
            losses = []
            # With very many contacts the penalty hardly matters: an even part of them finds it.
            some = learn[:: max(len(learn) // MANY, 1)]
            for penalty in PENALTIES:
                tried = self._fit(matrix, responded, weights, some, penalty)
                losses.append(log_loss(_raw(tried, matrix[checked]), responded[checked]))
            # A loss within a hundred-thousandth is the same: the stronger penalty is the steadier.
            self.penalty = PENALTIES[int(np.argmax(np.asarray(losses) <= min(losses) + 1e-5))]
        self._model = self._fit(matrix, responded, weights, learn, self.penalty)
        raw = _raw(self._model, matrix)
        self.before: Check = check(raw[checked], responded[checked])
        mend = fit_calibrator(raw[checked], responded[checked])
        self.judged = clipped(mend(raw[parts.judge]))
        self.missed = 0.0
        if parts.by == "time":
            of_level = 0.0
            if kind == "logistic" and customer is not None:
                given = None if weights is None else weights[learn]
                told = (raw[learn], responded[learn], given, self.penalty, customer[learn])
                gradient = level_gradient(matrix[parts.judge], self.judged, mend.slope)
                of_level = float(gradient @ coefficient_covariance(matrix[learn], *told) @ gradient)
            self.missed = later_miss(self.judged, responded[parts.judge], of_level)
        later = np.sort(np.concatenate([checked, parts.judge]))
        if mend.kind == "none":
            learn = np.arange(len(frame))
            self._design = Design(frame, learn)
            matrix = self._design.matrix(frame)
            self._model = self._fit(matrix, responded, weights, learn, self.penalty)
            raw, self.calibrator = _raw(self._model, matrix), mend
        else:
            self.calibrator = fit_calibrator(raw[later], responded[later])
        self.own = clipped(self.calibrator(raw))
        # What the level is known by, beside the coefficients: the contacts that mended it, or that judge what has none.
        self._covariance: Floats | None = None
        self._met, self._chance = np.zeros(matrix.shape[1] + 1), 0.0
        if kind != "logistic":
            self._chance = chance_variance(self.judged)
        elif customer is not None:
            given = None if weights is None else weights[learn]
            told = (raw[learn], responded[learn], given, self.penalty, customer[learn])
            self._covariance = coefficient_covariance(matrix[learn], *told)
            if mend.kind != "none":
                self._met = level_gradient(matrix[later], self.own[later], self.calibrator.slope)
                self._chance = chance_variance(self.own[later])

    def scores(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probabilities of response."""
        return clipped(self.calibrator(_raw(self._model, self._design.matrix(frame))))

    def level_variance(self, frame: pd.DataFrame) -> float:
        """The relative variance of the sum of these rows' scores that comes from how little was learnt from.

        Boosting has no coefficients: its level is known as the contacts that judged it tell.
        """
        if self._covariance is None:
            return self._chance
        gradient = level_gradient(self._design.matrix(frame), self.scores(frame), self.calibrator.slope) - self._met
        return float(gradient @ self._covariance @ gradient) + self._chance

    def effects(self) -> pd.DataFrame:
        """Logistic regression's coefficients: column, coefficient (of one standard deviation, or of the word)."""
        if not hasattr(self._model, "coef_"):
            return pd.DataFrame({"column": pd.Series(dtype="str"), "coefficient": pd.Series(dtype=float)})
        names = self._design.names or ["(nothing)"]
        return pd.DataFrame({"column": pd.Series(names, dtype="str"), "coefficient": self._model.coef_[0]})

    def _fit(self, matrix: Floats, responded: Bools, weights: Floats | None, rows: Rows, penalty: float) -> Any:
        if self.kind == "boosting":
            from sklearn.ensemble import HistGradientBoostingClassifier

            # Early stopping would draw rows; few shallow steps need none.
            model = HistGradientBoostingClassifier(
                max_iter=150, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=50, l2_regularization=1.0,
                early_stopping=False, random_state=self.seed,
            )  # fmt: skip
        else:
            from sklearn.linear_model import LogisticRegression

            # Newton's steps: few columns beside many rows, and the penalty keeps the system regular.
            model = LogisticRegression(C=penalty, solver="newton-cholesky", max_iter=200, tol=1e-8)
        given = None if weights is None else weights[rows]
        return model.fit(matrix[rows], responded[rows].astype(int), sample_weight=given)


def _raw(model: Any, matrix: Floats) -> Floats:
    return np.asarray(model.predict_proba(matrix)[:, 1], float)


def log_loss(scores: Floats, responded: Bools) -> float:
    """The mean of −log of the probability given to what came."""
    p = clipped(scores)
    return float(-np.where(responded, np.log(p), np.log1p(-p)).mean()) if len(p) else np.nan
