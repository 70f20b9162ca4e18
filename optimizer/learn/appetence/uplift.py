"""What a contact adds, where customers were held out by draw: T-learner, X-learner and transformed outcome.

* ``t``: a model of each arm; the uplift is the difference of their predictions.
* ``x``: what each customer of one arm gained beside the other arm's prediction, regressed on columns in both arms and
  weighed by the arms' shares (Künzel et al., PNAS 116, 2019).
* ``transformed``: y (w − e) / (e (1 − e)), whose mean given the columns is the uplift, regressed at once (Athey and
  Imbens, 2016).

A Qini table (Radcliffe, 2007) says what the ordering is worth on customers that were not learnt from.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import finite, truths
from optimizer.learn.appetence.design import Design
from optimizer.learn.appetence.model import need_scikit_learn
from optimizer.scenario.messages import did_you_mean

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Method = Literal["t", "x", "transformed"]
#: Of ridge regression, on columns of unit deviation: so many customers' worth.
_RIDGE = 10.0


class Uplift:
    """Models of what one arm adds to the control.

    Parameters
    ----------
    frame : DataFrame
        Columns of customers, figures and words, a row a customer.
    treated : array of bool
        Who was contacted, by draw; the others were held out.
    outcome : array
        What came: 0 or 1, or money.
    method : {"t", "x", "transformed"}
    share : float, optional
        The probability of having been contacted. Default: the share that was.

    Raises
    ------
    ScenarioError
        Where nobody was contacted, or nobody held out; for an unknown method, rows that are no truth or no number, and
        lengths that differ.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        treated: Bools,
        outcome: Floats,
        *,
        method: Method = "t",
        share: float | None = None,
    ) -> None:
        need_scikit_learn("uplift")
        if method not in (known := ("t", "x", "transformed")):
            raise ScenarioError("uplift", "method", str(method), did_you_mean(str(method), known))
        treated, outcome = truths("uplift", "treated", treated), finite("uplift", "outcome", outcome)
        for name, rows in (("treated", len(treated)), ("outcome", len(outcome))):
            if rows != len(frame):
                raise ScenarioError("uplift", name, f"{rows:,} rows", f"expected {len(frame):,}, one a customer")
        if share is not None and not 0 < share < 1:
            raise ScenarioError("uplift", "share", share, "expected a probability between 0 and 1")
        if treated.all() or not treated.any():
            lacks = "held out" if treated.all() else "contacted"
            raise ScenarioError(
                "uplift", "treated", None, f"nobody was {lacks}; uplift takes a hold-out drawn at random"
            )
        self.method, self.share = method, float(treated.mean()) if share is None else share
        self._design = Design(frame, np.arange(len(frame)))
        matrix = self._design.matrix(frame)
        if method == "transformed":
            e = self.share
            self._models = [_regress(matrix, outcome * (treated - e) / (e * (1 - e)))]
            return
        arms = [_predictor(matrix[rows], outcome[rows]) for rows in (treated, ~treated)]
        self._arms = arms
        if method == "x":
            gained = outcome[treated] - _predict(arms[1], matrix[treated])
            missed = _predict(arms[0], matrix[~treated]) - outcome[~treated]
            self._models = [_regress(matrix[treated], gained), _regress(matrix[~treated], missed)]

    def predict(self, frame: pd.DataFrame) -> Floats:
        """What a contact adds to the outcome, a row a customer."""
        matrix = self._design.matrix(frame)
        if self.method == "transformed":
            return _predict(self._models[0], matrix)
        if self.method == "x":
            # The arm with more customers knows its own outcomes best: the other arm's gaps lean on it.
            return (1 - self.share) * _predict(self._models[0], matrix) + self.share * _predict(self._models[1], matrix)
        return _predict(self._arms[0], matrix) - _predict(self._arms[1], matrix)


def _predictor(matrix: Floats, outcome: Floats) -> Any:
    """Logistic regression where outcomes are 0 and 1, ridge regression otherwise."""
    if set(np.unique(outcome)) == {0.0, 1.0}:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=0.1, solver="newton-cholesky", max_iter=200, tol=1e-8).fit(
            matrix, outcome.astype(int)
        )
    return _regress(matrix, outcome)


def _regress(matrix: Floats, outcome: Floats) -> Any:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=_RIDGE, solver="cholesky").fit(matrix, outcome)


def _predict(model: Any, matrix: Floats) -> Floats:
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(matrix)[:, 1], float)
    return np.asarray(model.predict(matrix), float)


def qini_table(uplift: Floats, treated: Bools, outcome: Floats, parts: int = 10) -> pd.DataFrame:
    """What contacting the best first adds, part by part.

    Parameters
    ----------
    uplift : array
        Predicted, on customers that were not learnt from.
    treated, outcome : array
        As drawn, and what came.
    parts : int
        How many steps the customers are taken in.

    Returns
    -------
    DataFrame
        part, customers (so far), incremental (outcome added by contacting them: Y_t − Y_c · N_t / N_c), at_random (what
        as many customers taken at random add), observed_uplift (of this part alone).
    """
    order = np.argsort(-uplift, kind="stable")
    y, w = np.asarray(outcome, float)[order], np.asarray(treated, bool)[order]
    ends = [(len(y) * (part + 1)) // parts for part in range(parts)]
    whole = _incremental(y, w)
    rows, start = [], 0
    for part, end in enumerate(ends):
        mine = _incremental(y[start:end], w[start:end]) / max(int(w[start:end].sum()), 1)
        rows.append((part + 1, end, _incremental(y[:end], w[:end]), whole * end / len(y), mine))
        start = end
    return pd.DataFrame(rows, columns=["part", "customers", "incremental", "at_random", "observed_uplift"])


def qini(table: pd.DataFrame) -> float:
    """The Qini coefficient: the mean height of the curve over the random line, as a share of the whole uplift."""
    whole = float(table["incremental"].iloc[-1])
    return float((table["incremental"] - table["at_random"]).mean()) / abs(whole) if whole else np.nan


def _incremental(outcome: Floats, treated: Bools) -> float:
    """What the contacted brought beyond as many held out."""
    many = int((~treated).sum())
    return float(outcome[treated].sum() - (outcome[~treated].sum() * treated.sum() / many if many else 0.0))
