"""What was learnt: scores as of a date, consent, baseline and reports, and the files a scenario reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import moment_of
from optimizer.learn.appetence.cells import Cell
from optimizer.learn.appetence.contacts import Contacts
from optimizer.learn.appetence.context import check_context, settled
from optimizer.learn.appetence.customer_columns import Traits
from optimizer.learn.appetence.features import Past, crossings
from optimizer.learn.appetence.history import History
from optimizer.learn.appetence.reports import Reports
from optimizer.learn.appetence.summary import summary_page
from optimizer.learn.appetence.timing import fatigue_table
from optimizer.plan.write import cannot_write, summary_text, whole_file, write_csv

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
#: Decimals of a score in a table: finer than any history can tell.
DECIMALS = 9


@dataclass(frozen=True)
class Known:
    """All that models read: history, contacts, features, customer columns, and the context that scores are made at."""

    history: History
    contacts: Contacts
    past: Past
    traits: Traits
    context: Mapping[str, Any]

    def frame(self, customer: Rows, channel: str, seconds: Rows, contacts: pd.DataFrame | None = None) -> pd.DataFrame:
        """What a model reads, a row a customer and moment; context from the contacts, else as settled."""
        codes = np.full(len(customer), pd.Index(self.past.channels).get_indexer(pd.Index([channel]))[0], np.int64)
        features = self.past.features(customer, codes, seconds)
        traits = self.traits
        prefers = None if traits.preference is None else (traits.preference == channel).fillna(False).to_numpy(bool)
        crossed = crossings(
            features,
            None if prefers is None else prefers[customer],
            None if traits.value is None else traits.value[customer],
        )
        columns = self.traits.rows(customer, seconds)
        around: dict[str, Any] = {}
        for name, value in self.context.items():
            series = contacts[name] if contacts is not None else pd.Series([value] * len(customer))
            numeric = pd.api.types.is_numeric_dtype(self.contacts.table[name].dtype)
            around[name] = series.to_numpy(float) if numeric else series.fillna("(empty)").astype(str).to_numpy(object)
        framed = pd.DataFrame(around, index=features.index)
        return pd.concat([features, crossed, columns, framed], axis=1)


class Appetence:
    """Scores of every customer, channel and offer, and what else a scenario reads.

    Attributes
    ----------
    scores : DataFrame
        customer_id, offer (where the history has offers), one column a channel: calibrated probabilities of response to
        one contact, as of ``as_of``. What a scenario's ``appetence:`` reads.
    consent : DataFrame
        customer_id, one true/false column a channel. What a scenario's ``consent:`` reads.
    baseline : DataFrame, optional
        customer_id, baseline: the probability of responding without a contact, where customers were held out by draw.
        What a scenario's ``baseline:`` reads.
    reports : Reports
        Reliability, lift, calibration, timing and counts, as tables.
    as_of : Timestamp
    """

    def __init__(
        self,
        known: Known,
        cells: Mapping[tuple[str, str | None], Cell],
        baseline: Cell | None,
        consent: pd.DataFrame,
        reports: Reports,
    ) -> None:
        self.known, self.cells, self.consent, self.reports = known, dict(cells), consent, reports
        self._baseline = baseline
        self.as_of = known.history.as_of
        self.scores = self.predict()
        self.baseline = None if baseline is None else self._baseline_table()

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels scored."""
        return self.known.history.channels

    @property
    def offers(self) -> tuple[str, ...]:
        """The offers scored; none where the history has none."""
        return self.known.history.offers

    def predict(
        self, as_of: str | pd.Timestamp | None = None, *, context: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Scores as of another date, by what was known then.

        Parameters
        ----------
        as_of : date, optional
            Not after the history's own. Default: that.
        context : mapping, optional
            Other values of the context columns to score at; None takes the usual one.

        Returns
        -------
        DataFrame
            customer_id, [offer], one column a channel.

        Raises
        ------
        ScenarioError
            For what is no date, a date after the history's, a context column that was not learnt from, and a value of
            it that is no finite number, or that no contact has.
        """
        moment = self._moment(as_of)
        settled = self._context(context)
        parts = []
        frames = {channel: self._frame(channel, moment, settled) for channel in self.channels}
        for offer in self.offers or (None,):
            part = pd.DataFrame({"customer_id": self.known.history.customers})
            if offer is not None:
                part["offer"] = pd.Series(offer, index=part.index, dtype="str")
            for channel in self.channels:
                part[channel] = self._scored(self.cells[channel, offer], frames[channel], moment)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def fatigue(self, rank: str | None = None) -> pd.DataFrame:
        """Response by rank of the contact, as the rule ``effect: {contact: k, factor}`` takes it.

        Parameters
        ----------
        rank : str, optional
            The context column that tells the rank; contacts where it is empty are left out. Default: counted from the
            contacts themselves.

        Returns
        -------
        DataFrame
            channel, rank, contacts, responses, rate, low, high, factor, as ``timing.fatigue_table`` says.
        """
        table = self.known.contacts.table
        if rank is not None:
            self._context({rank: None})
            if not pd.api.types.is_numeric_dtype(table[rank].dtype):
                raise ScenarioError("fatigue", "rank", rank, "holds words; expected numbers, 1 for the first contact")
            table = table[table[rank].notna()]
        return fatigue_table(table[table["matured"] & ~table["held_out"]], rank)

    def features(self, channel: str, as_of: str | pd.Timestamp | None = None) -> pd.DataFrame:
        """What the channel's model reads of every customer at a date, in the order of ``consent``."""
        if channel not in self.channels:
            raise ScenarioError("features", "channel", channel, f"expected one of {', '.join(self.channels)}")
        return self._frame(channel, self._moment(as_of), self.known.context)

    def save(self, folder: str | Path) -> Path:
        """Write appetence.parquet, consent.parquet, [baseline.parquet], summary.md, summary.json and reports/*.csv.

        Each file is replaced whole; other files of the folder stay.

        Raises
        ------
        ScenarioError
            When the folder cannot be written.
        """
        home = Path(folder)
        try:
            (home / "reports").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(home, "output folder", error) from error
        tables = {"appetence": self.scores, "consent": self.consent, "baseline": self.baseline}
        for name, table in tables.items():
            if table is not None:
                with whole_file(home / f"{name}.parquet") as partial:
                    table.to_parquet(partial, index=False)
        for name, table in self.reports.tables().items():
            with whole_file(home / "reports" / f"{name}.csv") as partial:
                write_csv(table, partial)
        with whole_file(home / "summary.md") as partial:
            partial.write_text(summary_page(self), encoding="utf-8")
        with whole_file(home / "summary.json") as partial:
            partial.write_text(summary_text(self.summary()), encoding="utf-8")
        return home

    def summary(self) -> dict[str, Any]:
        """The figures of ``summary.json``."""
        names = [*self.channels]
        return {
            "as_of": str(self.as_of),
            "customers": len(self.consent),
            "channels": names,
            "offers": list(self.offers),
            "expected_rate": {name: float(self.scores[name].mean()) for name in names},
            "may_be_reached": {name: int(self.consent[name].sum()) for name in names},
            "models": json.loads(self.reports.models.to_json(orient="records")),
            "counts": json.loads(self.reports.counts.to_json(orient="records")),
        }

    def _moment(self, as_of: str | pd.Timestamp | None) -> int:
        if as_of is None:
            return self.known.history.now
        moment = moment_of("predict", "as_of", as_of)
        if moment > self.as_of:
            hint = f"is after the history's {self.as_of.date()}; fit on a history that reaches it"
            raise ScenarioError("predict", "as_of", str(moment.date()), hint)
        return int(moment.timestamp())

    def _context(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        check_context("predict", given)
        for name in given or {}:
            if name not in self.known.context:
                raise ScenarioError(
                    "predict", "context", name, "was not learnt from; name it in fit_appetence's context"
                )
        return {**self.known.context, **settled("predict", given or {}, self.known.contacts.table)[0]}

    def _frame(self, channel: str, moment: int, context: Mapping[str, Any]) -> pd.DataFrame:
        known = Known(self.known.history, self.known.contacts, self.known.past, self.known.traits, context)
        everyone = np.arange(len(known.history.customers))
        return known.frame(everyone, channel, np.full(len(everyone), moment))

    def _scored(self, cell: Cell, frame: pd.DataFrame, moment: int) -> Floats:
        everyone = np.arange(len(frame))
        has = self.known.past.known(everyone, np.full(len(everyone), moment))
        answers, contacts = self._own_counts(cell, moment)
        return np.round(cell.scores(frame, self.known.traits.segment, has, answers, contacts), DECIMALS)

    def _own_counts(self, cell: Cell, moment: int) -> tuple[Floats, Floats]:
        """Responses and contacts of each customer in a cell so far, for shrunk rates."""
        size = len(self.known.history.customers)
        if cell.fitted is not None:
            return np.zeros(0), np.zeros(0)
        table = self.known.contacts.table
        rows = (
            table["matured"].to_numpy(bool) & (table["seconds"].to_numpy() < moment) & ~table["held_out"].to_numpy(bool)
        )
        rows &= (table["channel"] == cell.channel).to_numpy(bool)
        if cell.offer is not None:
            rows &= (table["offer"] == cell.offer).fillna(False).to_numpy(bool)
        customer = table["customer"].to_numpy()[rows]
        came = table["responded"].to_numpy(float)[rows]
        answers: Floats = np.bincount(customer, weights=came, minlength=size).astype(float)
        return answers, np.bincount(customer, minlength=size).astype(float)

    def _baseline_table(self) -> pd.DataFrame:
        assert self._baseline is not None
        frame = self._frame(self._baseline.channel, self.known.history.now, self.known.context)
        values = self._scored(self._baseline, frame, self.known.history.now)
        return pd.DataFrame({"customer_id": self.known.history.customers, "baseline": values})
