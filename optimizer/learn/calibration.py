"""Calibration: a channel's scores, added up over what its reference bought, equal its attributed response there.

    factor f with Σ_i w_i · min(1, f · p_i) = R(reference)

Σ w_i is the number of contacts that the reference bought. Where contacts were taken from all customers alike
(``contacted="average"``) every customer weighs the same; where the best-scored ones were taken (``"best"``) they weigh
1 and the others 0. (DESIGN §2: φ(r) = R(r · reference) / R(reference) then supplies what lies beyond the reference.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.learn.given_numbers import is_positive
from optimizer.scenario.columns import numbers, require, texts
from optimizer.scenario.curves import Curve
from optimizer.scenario.media import build_curve
from optimizer.scenario.messages import did_you_mean, validated
from optimizer.scenario.reading import Document, read_document
from optimizer.scenario.schema import CurveForm, ResponseCurve
from optimizer.scenario.tables import Tables

Floats = NDArray[np.float64]
Contacted = Literal["average", "best"]
REFERENCES = ("spend_ref", "volume_ref")


@dataclass(frozen=True)
class Calibration:
    """A channel's factor, and what it was found from.

    Attributes
    ----------
    channel : str
    factor : float
        Multiplies every score of the channel (and at most 1 comes of it).
    reference : str
        ``spend_ref`` or ``volume_ref``.
    at : float
        Its value.
    volume : float
        Contacts that the reference bought.
    attributed : float
        R(reference), which the scores add up to from now on.
    summed : float
        What they added up to before.
    capped : int
        Scores that the factor brings to 1 or beyond.
    section : dict
        The response curve with reference and factor, as a scenario reads it.
    """

    channel: str
    factor: float
    reference: str
    at: float
    volume: float
    attributed: float
    summed: float
    capped: int
    section: dict[str, Any] = field(repr=False)
    file: Path | None = field(default=None, repr=False)

    def __str__(self) -> str:
        name = f"{self.channel}: " if self.channel else ""
        capped = f"; {self.capped:,} scores reach 1" if self.capped else ""
        return (
            f"{name}scores × {self.factor:.6g}, so that the {self.volume:,.10g} contacts of {self.reference} "
            f"{self.at:,.10g} add up to the attributed {self.attributed:,.6g} responses "
            f"({self.summed:,.6g} before){capped}"
        )

    def write(self, file: str | Path | None = None) -> Path:
        """Write the curve's file with reference and factor; by default the one that the curve was read from.

        In YAML the comments at its top stay, beside one that says what was calibrated; a ``.json`` file has none.

        Raises
        ------
        ScenarioError
            When no file is named, or it cannot be written.
        """
        from optimizer.plan.write import whole_file

        target = Path(file) if file is not None else self.file
        if target is None:
            raise ScenarioError("calibrate", "file", None, "the curve was read from no file; name one to write")
        if target.suffix.lower() == ".json":
            with whole_file(target) as partial:
                partial.write_text(json.dumps(self.section, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            return target
        told = [f"# {line.lstrip('# ')}" for line in _comments(self.file) if not line.startswith("# calibrated: ")]
        body = yaml.safe_dump(self.section, sort_keys=False, default_flow_style=None, allow_unicode=True)
        with whole_file(target) as partial:
            partial.write_text("\n".join([*told, f"# calibrated: {self}", body]), encoding="utf-8")
        return target


def calibrate(
    scores: pd.DataFrame | pd.Series | Floats | str | Path,
    curve: Mapping[str, Any] | str | Path,
    *,
    channel: str | None = None,
    spend_ref: float | None = None,
    volume_ref: float | None = None,
    volume: float | None = None,
    unit_cost: float | None = None,
    contacted: Contacted = "average",
) -> Calibration:
    """Find the factor on a channel's scores that makes them agree with its response curve.

    Parameters
    ----------
    scores : DataFrame, Series, array or path
        Probabilities of response to one contact, a value a customer (empty: not eligible). A table is an appetence
        table: a column named after the channel, or the columns channel and score. Attributed responses are all that
        came after a contact, so scores are taken before a scenario's ``baseline`` is subtracted.
    curve : mapping or path
        A response curve as a scenario writes it: ``{hill: {top, half, slope}, spend_ref: …}``, or its file.
    channel : str, optional
        The channel's name; needed with a table of scores.
    spend_ref, volume_ref : float, optional
        Where to calibrate, in the unit of the curve; by default what the curve states.
    volume : float, optional
        Contacts that the reference bought. By default ``volume_ref``, or ``spend_ref / unit_cost``.
    unit_cost : float, optional
        Money a contact.
    contacted : {"average", "best"}
        Whether those contacts went to customers of every score alike, or to the best-scored ones. All scored
        customers weigh, also those whom consent closes to a plan: leave them out of ``scores`` where the reference
        could not reach them either.

    Returns
    -------
    Calibration
        ``factor``, and ``write()``, which puts factor and reference into the curve's file. A scenario that reads the
        file multiplies the channel's scores by the factor; leave the appetence table as it is.

    Raises
    ------
    ScenarioError
        For a reference that is missing or yields nothing, scores that are no probabilities or all 0, and an attributed
        response that no factor reaches.

    Examples
    --------
    >>> import numpy as np
    >>> found = calibrate(np.array([0.1, 0.2, 0.3]), {"points": [[3, 0.3], [6, 0.5]]}, volume_ref=3)
    >>> round(found.factor, 6)
    0.5
    """
    section, drawn, name, file = _curve(curve, spend_ref=spend_ref, volume_ref=volume_ref)
    reference = next(one for one in REFERENCES if one in section)
    at = float(section[reference])
    attributed = float(drawn.value(at))
    if not attributed > 0:
        words = "the curve attributes no response to it; plan the channel without a response_curve, or leave it out"
        raise ScenarioError(name, reference, at, words)
    bought = _volume(reference, at, volume, unit_cost, name)
    probability, source = _scores(scores, channel)
    weight = _weights(probability, bought, contacted, source)
    most = float(weight[probability > 0].sum())
    if attributed > most:
        words = (
            f"{attributed:g} responses are attributed to {bought:g} contacts, of which {most:g} have a score above 0; "
            "expected at most a response a contact (is the curve's response counted over the same horizon?)"
        )
        raise ScenarioError(name, reference, at, words)
    factor = _factor(probability, weight, attributed)
    section["factor"] = factor
    return Calibration(
        channel=channel or "",
        factor=factor,
        reference=reference,
        at=at,
        volume=bought,
        attributed=attributed,
        summed=float(weight @ probability),
        capped=int((probability * factor >= 1).sum()),
        section=section,
        file=file,
    )


def _curve(
    given: Mapping[str, Any] | str | Path, *, spend_ref: float | None, volume_ref: float | None
) -> tuple[dict[str, Any], Curve, str, Path | None]:
    """The section with one reference and no factor, its curve, its name for messages, and its file."""
    if isinstance(given, Mapping):
        document, file = Document("curve", dict(given)), None
    elif not isinstance(given, str | Path):
        raise ScenarioError(
            "calibrate", "curve", given, "expected a mapping, as {hill: {top, half, slope}}, or its file"
        )
    else:
        file = Path(given)
        document = read_document(file)
    content = document.content
    if not isinstance(content, Mapping):
        raise ScenarioError(document.file, "the curve", None, "expected a mapping, as {hill: {top, half, slope}}")
    if spend_ref is not None and volume_ref is not None:
        raise ScenarioError("calibrate", "volume_ref", volume_ref, "expected either spend_ref or volume_ref")
    section = {key: value for key, value in content.items() if key != "factor"}
    asked = {"spend_ref": spend_ref, "volume_ref": volume_ref}
    if any(value is not None for value in asked.values()):
        section = {key: value for key, value in section.items() if key not in REFERENCES}
        section |= {key: _positive(key, value) for key, value in asked.items() if value is not None}
    if not any(one in section for one in REFERENCES):
        raise ScenarioError(document.file, "spend_ref", None, "is missing; name spend_ref or volume_ref")
    checked = validated(ResponseCurve, Document(document.file, section, document.lines))
    return (
        section,
        build_curve(CurveForm(**{checked.form: getattr(checked, checked.form)}), "", document.file),
        (document.file),
        file,
    )


def _positive(key: str, value: object) -> float:
    """An argument as a number above 0."""
    if not is_positive(value):
        raise ScenarioError("calibrate", key, value, "expected a number above 0")
    return float(value)


def _volume(reference: str, at: float, volume: float | None, unit_cost: float | None, name: str) -> float:
    """Contacts that the reference bought."""
    for key, value in (("volume", volume), ("unit_cost", unit_cost)):
        if value is not None:
            _positive(key, value)
    if volume is not None:
        return float(volume)
    if reference == "volume_ref":
        return at
    if unit_cost is None:
        words = "is money; name volume, the contacts that it bought, or unit_cost"
        raise ScenarioError(name, reference, at, words)
    return at / unit_cost


def _scores(given: pd.DataFrame | pd.Series | Floats | str | Path, channel: str | None) -> tuple[Floats, str]:
    """Probabilities of those who have one, and what messages call their table."""
    if isinstance(given, pd.Series | np.ndarray | list):
        values = np.asarray(given, dtype=object)
        if values.ndim != 1:
            raise ScenarioError("calibrate", "scores", values.shape, "expected one value a customer, one dimension")
        table, name, column = pd.DataFrame({"score": values}), "scores", "score"
    else:
        if not isinstance(given, pd.DataFrame | str | Path):
            raise ScenarioError("calibrate", "scores", given, "expected a table, its file, or a value a customer")
        tables = Tables(Path.cwd())
        table, name = tables.read(given, "scores"), tables.name(given, "scores")
        if channel is None:
            raise ScenarioError("calibrate", "channel", None, "expected the channel whose scores these are")
        if "score" in table.columns:
            require(table, name, "channel")
            known = texts(table, name, "channel")
            if not (known == channel).any():
                hint = did_you_mean(channel, sorted(set(known)))
                raise ScenarioError(name, "column channel", None, f"holds no row of {channel}; {hint}")
            table = table[(known == channel).to_numpy(bool)].reset_index(drop=True)
            column = "score"
        elif channel in table.columns:
            column = channel
        else:
            hint = did_you_mean(channel, [one for one in table.columns if one != "customer_id"])
            raise ScenarioError(name, f"column {channel}", None, f"is missing; {hint}")
    found = numbers(table, name, column, low=0, high=1, what="a probability")
    found = np.sort(found[~np.isnan(found)])[::-1]
    if not found.any():
        words = f"holds {len(found)} scores, none above 0; a channel without scores cannot be calibrated"
        raise ScenarioError(name, f"column {column}", None, words)
    return found, name


def _weights(probability: Floats, volume: float, contacted: str, name: str) -> Floats:
    """How often each score, the largest first, was contacted at the reference."""
    if contacted == "average":
        return np.full(len(probability), volume / len(probability))
    if contacted != "best":
        raise ScenarioError("calibrate", "contacted", contacted, "expected average or best")
    if volume > len(probability):
        words = f"are fewer than the {volume:g} contacts of the reference; take contacted='average'"
        raise ScenarioError(name, "scores", len(probability), words)
    return np.clip(volume - np.arange(len(probability)), 0.0, 1.0)


def _factor(probability: Floats, weight: Floats, attributed: float) -> float:
    """F with Σ w · min(1, f · p) = attributed; ``probability`` falls.

    With the k largest scores at 1: f = (attributed − Σ_{i ≤ k} w_i) / Σ_{i > k} w_i p_i, for the first k at which the
    next score stays below 1.
    """
    held = np.concatenate(([0.0], np.cumsum(weight)))
    load = weight * probability
    left = np.append(np.cumsum(load[::-1])[::-1], 0.0)
    factor = np.full(len(left), np.inf)
    np.divide(attributed - held, left, out=factor, where=left > 0)
    some = np.flatnonzero(left > 0)
    fits = some[factor[some] * probability[some] <= 1.0]
    if len(fits):
        return float(factor[fits[0]])
    # every score above 0 has to reach 1
    return float(1.0 / probability[probability > 0].min())


def _comments(file: Path | None) -> list[str]:
    """The comment lines at the top of a file."""
    if file is None or file.suffix.lower() == ".json":
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    count = next((row for row, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return lines[:count]
