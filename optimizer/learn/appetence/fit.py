"""``fit_appetence``: contact history and customers to scores a scenario reads, consent, and how far to trust them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.appetence import Appetence, Known
from optimizer.learn.appetence.arguments import check_count, check_days, check_seed, check_zone
from optimizer.learn.appetence.cells import Cell, customer_prior, segment_rates, shift_to
from optimizer.learn.appetence.consent import consent_table
from optimizer.learn.appetence.contacts import read_contacts
from optimizer.learn.appetence.context import check_context, settled
from optimizer.learn.appetence.customer_columns import read_traits
from optimizer.learn.appetence.features import Past
from optimizer.learn.appetence.history import known_customers, read_history
from optimizer.learn.appetence.kinds import RESPONSES
from optimizer.learn.appetence.model import MANY, Fitted, cut, need_scikit_learn
from optimizer.learn.appetence.propensity import Weighing, fitted_weights, logged_weights
from optimizer.learn.appetence.reports import Reports, counts_table, judged_tables, model_row
from optimizer.learn.appetence.shrinkage import fit_prior
from optimizer.learn.appetence.timing import fatigue_table, timing_table
from optimizer.learn.appetence.uncertainty import drift_variance, uncertainty_row, uncertainty_table
from optimizer.plan.forecast.uncertainty import BASELINE
from optimizer.scenario.facts import LeftOut
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.tables import Tables

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

#: The name of what is no offer in particular.
ALL = "(all)"


def fit_appetence(
    history: Any,
    customers: Any,
    *,
    as_of: str | pd.Timestamp | None = None,
    responses: Collection[str] = RESPONSES,
    response_days: float = 14,
    channels: Iterable[str] | None = None,
    control: str | None = None,
    consent: Any = None,
    soft_bounces: int | None = 3,
    columns: Iterable[str] | None = None,
    context: Mapping[str, Any] | None = None,
    segment: str | None = None,
    preference: str | None = None,
    value: str | None = None,
    model: Literal["logistic", "boosting"] = "logistic",
    weights: Weighing | None = None,
    newcomers: Literal["auto", "model", "segment"] = "auto",
    min_responses: int = 50,
    judge: Literal["auto", "customers"] = "auto",
    names: Mapping[str, str] | None = None,
    events: Mapping[str, str | None] | None = None,
    time_zone: str = "UTC",
    folder: Path | str | None = None,
    seed: int = 0,
) -> Appetence:
    """Learn how likely each customer is to respond to each channel (and offer), and who may be reached.

    Parameters
    ----------
    history : str, Path, dict or DataFrame
        A row an event: customer_id, channel, event (sent, open, click, bounce_soft, bounce_hard, undeliverable,
        unsubscribe, stop, refused, consent, basket, return, purchase, response; many spellings are known), and one of
        time, date, timestamp. Optional: offer, campaign, contact_id, value (money), propensity. A table without
        ``sent`` holds a row a contact with its outcome (response, rejected, no_response …).
    customers : str, Path, dict or DataFrame
        customer_id and any columns. Only these customers are scored, and learnt from.
    as_of : date, optional
        The moment of the scores: what happens then or later is left out and counted. Default: the midnight after the
        last event.
    responses, response_days : collection of str, float
        The events that count as a response, and how many days after a contact they are due to it.
    channels : iterable of str, optional
        Which to learn. Default: all contacted.
    control : str, optional
        The channel (or offer) of customers held out by draw: their rate of response without contact becomes
        ``baseline``.
    consent : str, Path, dict or DataFrame, optional
        The consent customers gave, as a scenario reads it; the history only takes from it.
    soft_bounces : int, optional
        Soft bounces in a row that close a channel; None: never.
    columns : iterable of str, optional
        Columns of ``customers`` to learn from. Default: all but identifiers and names. They are taken as they stand:
        none may hold what happened after the contacts.
    context : mapping, optional
        Columns of the history that describe a contact before it is made (its rank, the month), and the value to score
        at; None takes the most frequent value (of numbers the median) of the contacts, and tells it.
    segment, preference, value : str, optional
        Columns of ``customers``. Default: ``segment``, ``preferred_channel``, ``value`` where there.
    model : {"logistic", "boosting"}
        Penalised logistic regression, or gradient boosting on histograms.
    weights : {"logged", "fitted"}, optional
        Inverse-propensity weights against the choices of the past policy, from the history's column or a model.
    newcomers : {"auto", "model", "segment"}
        What scores customers without any history: their segment's rate, or the model on their columns. ``auto`` takes
        the model where it learnt from at least ``min_responses`` responses to first contacts and there are columns to
        tell customers apart.
    min_responses : int
        Responses (and contacts without) that a model of its own takes; below, shrunk rates score.
    judge : {"auto", "customers"}
        Which contacts check and judge. ``auto`` takes the last ones, which asks whether scores will hold later, where
        enough lie there; ``customers`` takes those of other customers, which asks whether they hold for others of the
        same time.
    names, events : mapping, optional
        Our column to the table's own; spellings of events to kinds, None to leave rows out.
    time_zone : str
        Where days and hours are counted.
    folder : Path, optional
        What paths are relative to.
    seed : int
        For the model's draws and the cut by customers.

    Returns
    -------
    Appetence
        ``scores`` (customer_id, [offer], one column a channel), ``consent``, ``baseline``, ``reports``, ``predict``,
        ``save``.

    Raises
    ------
    ScenarioError
        For bad input, and where scikit-learn is not installed.
    """
    need_scikit_learn("fit_appetence")
    check_count("fit_appetence", "min_responses", min_responses, least=1)
    check_days("response_days", response_days)
    check_seed("fit_appetence", seed)
    check_zone(time_zone)
    check_context("fit_appetence", context)
    for name, given, options in (
        ("model", model, ("logistic", "boosting")),
        ("newcomers", newcomers, ("auto", "model", "segment")),
        ("weights", weights, (None, "logged", "fitted")),
        ("judge", judge, ("auto", "customers")),
    ):
        if given not in options:
            raise ScenarioError("fit_appetence", name, given, did_you_mean(given, [one for one in options if one]))
    home = Path(folder) if folder is not None else Path()
    tables = Tables(home, time_zone)
    table, identifiers = known_customers(tables.read(customers, "customers"), tables.name(customers, "customers"))
    file = tables.name(customers, "customers")
    traits = read_traits(table, file, columns=columns, segment=segment, preference=preference, value=value)
    past_events = read_history(
        history, identifiers, as_of=as_of, names=names, events=events, channels=channels, control=control,
        context=context or {}, time_zone=time_zone, folder=home,
    )  # fmt: skip
    found = read_contacts(past_events, responses=responses, response_days=response_days)
    given_consent = tables.read(consent, "consent") if consent is not None else None
    permitted, reasons, consent_notes = consent_table(
        past_events, soft_bounces=soft_bounces, given=given_consent, file=tables.name(consent, "consent")
    )
    past = Past(found.events, past_events.channels, outcomes=past_events.outcomes, control=control)
    at, context_notes = settled("fit_appetence", context or {}, found.table)
    known = Known(past_events, found, past, traits, at)
    learner = _Learner(known, model, weights, newcomers, min_responses, judge, seed)
    cells = learner.cells()
    absent = int((~past.known(np.arange(len(identifiers)), np.full(len(identifiers), past_events.now))).sum())
    silent = [LeftOut("customers without any history", absent, [])] if absent else []
    notes = [*past_events.notes, *found.notes, *traits.notes, *consent_notes, *context_notes, *learner.notes, *silent]
    table = found.table[~found.table["held_out"].to_numpy(bool)]
    learner.reports.counts = counts_table(notes)
    learner.reports.consent = reasons
    learner.reports.timing = timing_table(table, hours=past_events.hours)
    learner.reports.fatigue = fatigue_table(table)
    return Appetence(known, cells, learner.baseline(), permitted, learner.reports)


class _Learner:
    """Fits the cells of a history and fills the reports."""

    def __init__(
        self,
        known: Known,
        kind: str,
        weights: Weighing | None,
        newcomers: str,
        min_responses: int,
        judge: str,
        seed: int,
    ) -> None:
        self.known, self.kind, self.weighing, self.newcomers = known, kind, weights, newcomers
        self.least, self.judge, self.seed = min_responses, judge, seed
        self.reports, self.notes = Reports(), list[LeftOut]()
        self.table = known.contacts.table[known.contacts.table["matured"].to_numpy(bool)].reset_index(drop=True)
        names = known.history.customers.to_numpy(object)
        self.identity = pd.util.hash_array(names, hash_key=f"{seed:016d}"[-16:], categorize=False)
        self.rows: dict[str, list[dict[str, object]]] = {"models": [], "newcomers": []}
        self.uncertain: list[dict[str, object]] = []
        self.parts: dict[str, list[pd.DataFrame]] = {"reliability": [], "lift": [], "effects": [], "segments": []}

    def cells(self) -> dict[tuple[str, str | None], Cell]:
        """A cell a channel and offer."""
        found: dict[tuple[str, str | None], Cell] = {}
        held_out = self.table["held_out"].to_numpy(bool)
        for channel in self.known.history.channels:
            mine = (self.table["channel"] == channel).to_numpy(bool) & ~held_out
            if not mine.any():
                hint = "has no contact with its response days over by as_of; leave it out, or score it by a rates table"
                raise ScenarioError(self.known.history.file, "channel", channel, hint)
            found |= self._channel(channel, self.table[mine].reset_index(drop=True))
        self._tell()
        return found

    def baseline(self) -> Cell | None:
        """The cell of the held-out: who responds without a contact."""
        held_out = self.table["held_out"].to_numpy(bool)
        if self.known.history.control is None:
            return None
        if not held_out.any():
            hint = "holds no contact with its response days over"
            raise ScenarioError(self.known.history.file, "control", self.known.history.control, hint)
        name = str(self.known.history.control)
        cell = self._channel(name, self.table[held_out].reset_index(drop=True), of_offers=False)[name, None]
        # A forecast knows the held-out by what they become.
        self.uncertain[-1]["channel"] = BASELINE
        self._tell()
        return cell

    def _channel(
        self, channel: str, rows: pd.DataFrame, *, of_offers: bool = True
    ) -> dict[tuple[str, str | None], Cell]:
        frame = self.known.frame(rows["customer"].to_numpy(np.int64), channel, rows["seconds"].to_numpy(np.int64), rows)
        offers = self.known.history.offers if of_offers else ()
        pooled = self._fitted(channel, ALL, frame, rows)
        found: dict[tuple[str, str | None], Cell] = {}
        if not offers:
            cell = self._cell(channel, None, pooled, 0.0, rows)
            self._report(cell, ALL, self.kind if pooled else "shrunk rates", rows, pooled)
            return {(channel, None): cell}
        whole = rows["responded"].to_numpy(bool)
        if pooled is not None:
            self._report(self._cell(channel, None, pooled, 0.0, rows), ALL, self.kind, rows, pooled, newcomers=False)
        counts = {offer: (rows["offer"] == offer).to_numpy(bool) for offer in offers}
        contacts = np.array([mine.sum() for mine in counts.values()], float)
        answers = np.array([whole[mine].sum() for mine in counts.values()], float)
        shrunk = fit_prior(answers, contacts).rates(answers, contacts)
        for (offer, mine), rate in zip(counts.items(), shrunk, strict=True):
            part = rows[mine].reset_index(drop=True)
            own = self._fitted(channel, offer, frame[mine].reset_index(drop=True), part)
            shift, by = 0.0, self.kind
            if own is None and pooled is not None:
                by = (
                    "the channel's model, at the offer's shrunk rate"
                    if mine.any()
                    else "the channel's model: never offered"
                )
                shift = shift_to(pooled.scores(frame[mine]), float(rate)) if mine.any() else 0.0
            elif own is None:
                by = "shrunk rates" if mine.any() else "the channel's shrunk rates: never offered"
            cell = self._cell(channel, offer, own or pooled, shift, part if mine.any() else rows)
            found[channel, offer] = cell
            self._report(cell, offer, by, part, own)
        return found

    def _fitted(self, channel: str, offer: str, frame: pd.DataFrame, rows: pd.DataFrame) -> Fitted | None:
        """A model where responses allow one, and contacts without a response, too."""
        came = rows["responded"].to_numpy(bool)
        if min(int(came.sum()), int((~came).sum())) < self.least:
            return None
        identity = self.identity[rows["customer"].to_numpy()]
        parts = cut(rows["seconds"].to_numpy(np.int64), identity, came, by=self.judge)
        weights, customer = self._weights(channel, offer, rows), rows["customer"].to_numpy(np.int64)
        return Fitted(frame, came, weights, parts, kind=self.kind, seed=self.seed, customer=customer)

    def _weights(self, channel: str, offer: str, rows: pd.DataFrame) -> Floats | None:
        if self.weighing is None:
            return None
        what = channel if offer == ALL else f"{channel}, {offer}"
        if self.weighing == "logged":
            weights, notes = logged_weights(rows["propensity"].to_numpy(float), self.known.history.file, what)
        else:
            customer = rows["customer"].to_numpy(np.int64)
            everyone = np.arange(len(self.known.history.customers))
            contacted = np.isin(everyone, customer)
            traits = self.known.traits.rows(everyone, np.full(len(everyone), int(rows["seconds"].min())))
            weights, notes = fitted_weights(traits, contacted, customer, what, seed=self.seed)
        self.notes += notes
        return weights

    def _cell(self, channel: str, offer: str | None, fitted: Fitted | None, shift: float, rows: pd.DataFrame) -> Cell:
        customer, came = rows["customer"].to_numpy(np.int64), rows["responded"].to_numpy(bool)
        segments = segment_rates(self.known.traits.segment.take(customer), came)
        by_model = self.newcomers == "model"
        if self.newcomers == "auto":
            first = ~self.known.past.known(customer, rows["seconds"].to_numpy(np.int64))
            by_model = self.known.traits.any and int((first & came).sum()) >= self.least
        return Cell(
            channel, offer, fitted, shift, segments, customer_prior(customer, came), by_model and fitted is not None
        )

    def _report(
        self, cell: Cell, offer: str, by: str, rows: pd.DataFrame, fitted: Fitted | None, *, newcomers: bool = True
    ) -> None:
        came = rows["responded"].to_numpy(bool)
        self.rows["models"].append(model_row(cell.channel, offer, by, came, fitted))
        if fitted is not None:
            made = judged_tables(cell.channel, offer, came, fitted)
            for name, table in zip(("reliability", "lift", "effects"), made, strict=True):
                self.parts[name].append(table)
        if newcomers:
            self.uncertain.append(self._uncertain(cell, rows, fitted))
            table = cell.segments.table.copy()
            table.insert(0, "channel", cell.channel)
            table.insert(1, "offer", offer)
            self.parts["segments"].append(table)
            scored_by = "the model, on their columns" if cell.newcomers_by_model else "their segment's rate"
            self.rows["newcomers"].append({"channel": cell.channel, "offer": offer, "scored_by": scored_by})

    def _uncertain(self, cell: Cell, rows: pd.DataFrame, fitted: Fitted | None) -> dict[str, object]:
        came, relative = rows["responded"].to_numpy(bool), None
        if fitted is not None:
            moved = max(drift_variance(fitted.own, came, rows["seconds"].to_numpy(np.int64)), fitted.missed)
            relative = float(np.sqrt(fitted.level_variance(self._scored(cell)) + moved))
        return uncertainty_row(cell.channel, cell.offer, relative, came)

    def _scored(self, cell: Cell) -> pd.DataFrame:
        """What the model will read of the customers it scores; an even part of very many."""
        history = self.known.history
        everyone = np.arange(len(history.customers))
        if not cell.newcomers_by_model:
            everyone = everyone[self.known.past.known(everyone, np.full(len(everyone), history.now))]
        some = everyone[:: max(len(everyone) // MANY, 1)]
        return self.known.frame(some, cell.channel, np.full(len(some), history.now))

    def _tell(self) -> None:
        for name, rows in self.rows.items():
            setattr(self.reports, name, pd.DataFrame(rows))
        self.reports.uncertainty = uncertainty_table(self.uncertain)
        for name, parts in self.parts.items():
            setattr(self.reports, name, pd.concat(parts, ignore_index=True) if parts else pd.DataFrame())
        everyone = np.arange(len(self.known.history.customers))
        known = self.known.past.known(everyone, np.full(len(everyone), self.known.history.now))
        self.reports.newcomers["customers"] = int((~known).sum())
