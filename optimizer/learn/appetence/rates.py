"""Notes and deciles as probabilities, and back: a rates table says what each note means.

Many teams hold scores as notes (A to E, 1 to 10) made elsewhere. A rates table (note, rate; where they differ also
channel and offer) turns them into what a scenario reads; ``rates_of`` learns the table from contacts and their notes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optimizer.errors import ScenarioError
from optimizer.learn.appetence.arguments import check_count, truths
from optimizer.learn.appetence.shrinkage import fit_prior
from optimizer.scenario.columns import as_text, numbers, refuse, require
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.tables import Tables


def scores_from_notes(notes: Any, rates: Any, *, folder: Path | str | None = None) -> pd.DataFrame:
    """Notes a channel as probabilities a channel.

    Parameters
    ----------
    notes : str, Path, dict or DataFrame
        customer_id, [offer], one column of notes a channel; an empty note is not eligible.
    rates : str, Path, dict or DataFrame
        note, rate (a probability), and where rates differ channel, offer.
    folder : Path, optional
        What paths are relative to.

    Returns
    -------
    DataFrame
        customer_id, [offer], one column a channel: what a scenario's ``appetence:`` reads.

    Raises
    ------
    ScenarioError
        For a note without a rate, a rate told twice, or one that is no probability.
    """
    tables = Tables(Path(folder) if folder is not None else Path())
    noted, noted_file = tables.read(notes, "notes"), tables.name(notes, "notes")
    table, file = tables.read(rates, "rates"), tables.name(rates, "rates")
    require(noted, noted_file, "customer_id")
    require(table, file, "note", "rate")
    keys = [key for key in ("channel", "offer") if key in table.columns]
    values = numbers(table, file, "rate", low=0, high=1, required=True, what="a probability")
    known = pd.DataFrame({key: as_text(table[key]) for key in ("note", *keys)})
    refuse(known.duplicated().to_numpy(bool), table, file, "note", "stands twice; one rate a note (and channel, offer)")
    known["rate"] = values
    if "offer" in keys and "offer" not in noted.columns:
        raise ScenarioError(noted_file, "column offer", None, f"is missing, but {file} tells rates by offer")
    columns = [column for column in noted.columns if column not in ("customer_id", "offer")]
    if "channel" in keys and (strange := sorted(set(columns) - set(known["channel"]))):
        hint = f"has no rates in {file}; {did_you_mean(strange[0], known['channel'])}"
        raise ScenarioError(noted_file, f"column {strange[0]}", None, hint)
    made = noted[[column for column in ("customer_id", "offer") if column in noted.columns]].copy()
    for channel in columns:
        wanted = pd.DataFrame({"note": as_text(noted[channel])})
        if "offer" in keys:
            wanted["offer"] = as_text(noted["offer"])
        mine = known[known["channel"] == channel].drop(columns="channel") if "channel" in keys else known
        found = wanted.merge(mine, how="left", on=list(wanted.columns))["rate"].to_numpy(float)
        lacking = np.isnan(found) & wanted["note"].notna().to_numpy(bool)
        refuse(lacking, noted, noted_file, channel, f"has no rate in {file}; {_told(mine)}")
        made[channel] = found
    return made


def _told(rates: pd.DataFrame) -> str:
    return did_you_mean("", rates["note"])


def notes_from_scores(scores: pd.DataFrame, parts: int = 10) -> pd.DataFrame:
    """Scores as notes from 1 to ``parts`` (the best), equal parts of all customers a channel; ties share the lower.

    Parameters
    ----------
    scores : DataFrame
        customer_id, [offer], one column a channel; an empty score has no note.

    Raises
    ------
    ScenarioError
        For fewer than two parts, and a score that is no number.
    """
    check_count("notes_from_scores", "parts", parts, least=2)
    made = scores.copy()
    for channel in (column for column in scores.columns if column not in ("customer_id", "offer", "wave")):
        numbers(scores, "scores", channel)
        rank = scores[channel].rank(method="min", pct=False)
        note = np.ceil(rank * parts / scores[channel].notna().sum())
        made[channel] = pd.array(np.asarray(note, float), dtype="Int64")
    return made


def rates_of(contacts: pd.DataFrame, *, ordered: bool = True) -> pd.DataFrame:
    """A rates table learnt from contacts and the notes their customers had.

    Parameters
    ----------
    contacts : DataFrame
        note, responded, and where rates shall differ channel, offer.
    ordered : bool
        Notes that sort upwards are meant to rise (or fall) together with the rate: rates that stray are pooled with
        their neighbours (isotonic regression), in the direction that fits better.

    Returns
    -------
    DataFrame
        [channel], [offer], note, contacts, responses, rate (drawn towards the mean where contacts are few).

    Raises
    ------
    ScenarioError
        For an empty table, an empty note, and what is no response (true or false, 1 or 0).
    """
    if not isinstance(contacts, pd.DataFrame):
        raise ScenarioError("rates_of", "contacts", type(contacts).__name__, "expected a DataFrame")
    require(contacts, "contacts", "note", "responded")
    if not len(contacts):
        raise ScenarioError("contacts", "the table", None, "is empty; expected at least one contact")
    responded = truths("contacts", "responded", contacts["responded"])
    contacts = contacts.reset_index(drop=True).assign(responded=responded.astype(int))
    for key in ("note", "channel", "offer"):
        if key in contacts.columns:
            refuse(contacts[key].isna().to_numpy(bool), contacts, "contacts", key, "expected a value")
    keys = [key for key in ("channel", "offer") if key in contacts.columns]
    tallied = (
        contacts.groupby([*keys, "note"], sort=True)["responded"].agg(contacts="size", responses="sum").reset_index()
    )
    parts = []
    groups = [group for _, group in tallied.groupby(keys, sort=True)] if keys else [tallied]
    for group in groups:
        n, k = group["contacts"].to_numpy(float), group["responses"].to_numpy(float)
        rates = fit_prior(k, n).rates(k, n)
        if ordered and len(group) > 1:
            rises = np.corrcoef(np.arange(len(rates)), rates)[0, 1] >= 0 if rates.std() > 0 else True
            rates = _pooled(rates, n) if rises else _pooled(rates[::-1], n[::-1])[::-1].copy()
        parts.append(group.assign(rate=rates))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(responses=table["responses"].astype(int))


def _pooled(rates: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest rates that never fall: neighbours that do are pooled (Ayer et al., 1955)."""
    blocks: list[list[float]] = []
    for rate, weight in zip(rates.tolist(), weights.tolist(), strict=True):
        blocks.append([rate, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (r, w, c), (s, v, d) = blocks[-2], blocks[-1]
            blocks[-2:] = [[(r * w + s * v) / (w + v), w + v, c + d]]
    return np.concatenate([np.full(int(count), rate) for rate, _, count in blocks])
