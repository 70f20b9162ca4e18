"""Media: what may be spent on each cell and what its curve yields, written out or read from tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.errors import ScenarioError
from optimizer.scenario.columns import as_text, flags, numbers, refuse, require
from optimizer.scenario.curves import Curve, curve_from
from optimizer.scenario.facts import MediumCell
from optimizer.scenario.messages import did_you_mean
from optimizer.scenario.schema import CURVE_FORMS, CurveForm, Medium, ScenarioFile, Table
from optimizer.scenario.tables import Money, Tables

#: Parameters of each form, in the order in which a table without a ``form`` column is taken for one of them.
_PARAMETERS = {
    "hill": ("top", "half", "slope"),
    "logistic": ("top", "rate"),
    "michaelis_menten": ("top", "half"),
    "log": ("scale", "half"),
    "power": ("scale", "exponent"),
    "points": ("spend", "response"),
}
CURVE_PARAMETERS = frozenset(parameter for names in _PARAMETERS.values() for parameter in names)
_SPEND = ("min", "max", "or_zero")
Key = tuple[str, ...]


def build_media(spec: ScenarioFile, tables: Tables, money: Money, file: str) -> list[MediumCell]:
    """Every cell of every medium, in the order of the file and of its cells' values.

    Raises
    ------
    ScenarioError
        For tables that do not hold a row a cell, unknown yields and curves that are none.
    """
    cells = []
    for name, medium in spec.media.items():
        place = f"media.{name}"
        margin = _margin(spec, medium, place, file)
        spends = _spends(medium, tables, money, place, file)
        curves = _curves(medium, tables, money, place, file)
        for key in _keys(medium, spends, curves, place, file):
            low, high, or_zero = spends.get(key) or spends[()]
            columns: dict[str, object] = {"medium": name, **medium.columns, **dict(zip(medium.by, key, strict=True))}
            cells.append(
                MediumCell(
                    name=f"{name}[{','.join(key)}]" if key else name,
                    medium=name,
                    columns=columns,
                    spend_min=low,
                    spend_max=high,
                    or_zero=or_zero,
                    fixed_cost=medium.fixed_cost,
                    curve=curves[key] if key in curves else curves[()],
                    yields=medium.in_,
                    margin=margin,
                )
            )
    return cells


def build_curve(form: CurveForm, place: str, file: str) -> Curve:
    """The curve a section states."""
    try:
        return curve_from(form.form, form.parameters)
    except ValueError as error:
        raise ScenarioError(file, f"{place}.{form.form}", None, str(error)) from error


def _margin(spec: ScenarioFile, medium: Medium, place: str, file: str) -> float:
    """What one unit of the medium's yield is worth in money; NaN where it is not stated."""
    if medium.in_ == "gross_margin":
        if medium.gross_margin is not None:
            raise ScenarioError(
                file, f"{place}.gross_margin", medium.gross_margin, "the curve yields money; say in: responses"
            )
        return 1.0
    if medium.in_ == "responses":
        return np.nan if medium.gross_margin is None else medium.gross_margin
    if medium.in_ not in spec.kpis:
        known = ["gross_margin", "responses", *spec.kpis]
        raise ScenarioError(file, f"{place}.in", medium.in_, f"unknown yield; {did_you_mean(medium.in_, known)}")
    if medium.gross_margin is not None:
        raise ScenarioError(file, f"{place}.gross_margin", medium.gross_margin, f"state it on the kpi {medium.in_}")
    stated = spec.kpis[medium.in_].gross_margin
    return stated if isinstance(stated, float | int) else np.nan


def _keys(medium: Medium, spends: dict[Key, Any], curves: dict[Key, Curve], place: str, file: str) -> list[Key]:
    if not medium.by:
        return [()]
    if () in spends and () in curves:
        raise ScenarioError(file, f"{place}.by", medium.by, "needs a table of spend or of curves, a row a cell")
    if () not in spends and () not in curves and (odd := sorted(spends.keys() ^ curves.keys())):
        held, lacks = ("spend", "curve") if odd[0] in spends else ("curve", "spend")
        cell = ", ".join(odd[0])
        raise ScenarioError(file, f"{place}.{lacks}", cell, f"is a cell of the table of {held} and not of this one")
    return sorted(spends if () not in spends else curves)


def _cell_keys(medium: Medium, table: pd.DataFrame, name: str) -> list[Key]:
    require(table, name, *medium.by)
    texts = {column: as_text(table[column]) for column in medium.by}
    for column, values in texts.items():
        refuse(values.isna().to_numpy(bool), table, name, column, "expected a value")
    return list(zip(*(values.tolist() for values in texts.values()), strict=True)) if texts else [()] * len(table)


def _spends(
    medium: Medium, tables: Tables, money: Money, place: str, file: str
) -> dict[Key, tuple[float, float, bool]]:
    if not isinstance(medium.spend, Table):
        return {(): (medium.spend.min, medium.spend.max, medium.spend.or_zero)}
    name = tables.name(medium.spend.table, f"{place}.spend")
    table = money.converted(tables.read(medium.spend.table, f"{place}.spend"), name, ["min", "max"])
    require(table, name, "max")
    _only(table, name, {*medium.by, *_SPEND, "currency"})
    keys = _cell_keys(medium, table, name)
    low = np.nan_to_num(numbers(table, name, "min", low=0)) if "min" in table.columns else np.zeros(len(table))
    high = numbers(table, name, "max", low=0, required=True, what="an amount")
    refuse(low > high, table, name, "min", "exceeds max")
    or_zero = flags(table, name, "or_zero") if "or_zero" in table.columns else np.zeros(len(table), bool)
    found = dict(zip(keys, zip(low.tolist(), high.tolist(), or_zero.tolist(), strict=True), strict=True))
    if len(found) < len(keys):
        raise ScenarioError(name, "rows", None, f"a cell stands twice; one row a {', '.join(medium.by) or 'medium'}")
    return found


def _curves(medium: Medium, tables: Tables, money: Money, place: str, file: str) -> dict[Key, Curve]:
    if not isinstance(medium.curve, Table):
        return {(): build_curve(medium.curve, f"{place}.curve", file)}
    name = tables.name(medium.curve.table, f"{place}.curve")
    table = tables.read(medium.curve.table, f"{place}.curve")
    _only(table, name, {*medium.by, "form", "currency", *CURVE_PARAMETERS})
    keys = _cell_keys(medium, table, name)
    return curves_by_key(table, name, keys, money.factors(table, name), money=medium.in_ == "gross_margin")


def curves_by_key(
    table: pd.DataFrame, name: str, keys: list[Key], rates: NDArray[np.float64] | None = None, *, money: bool = False
) -> dict[Key, Curve]:
    """The curve of every key of a table: a row a key, or for points a row a point.

    Parameters
    ----------
    table : DataFrame
        ``form`` and its parameters; without ``form``, the one whose parameters are filled.
    name : str
        What messages call the table.
    keys : list of tuple
        The key of each row.
    rates : float64 array, optional
        What one unit of each row's currency is worth in the reporting currency.
    money : bool
        Whether the curve yields money, which is then brought to the reporting currency too.

    Raises
    ------
    ScenarioError
        For a key that stands twice, and a row that is no curve.
    """
    values = {column: numbers(table, name, column) for column in table.columns if column in CURVE_PARAMETERS}
    groups: dict[Key, list[int]] = {}
    for row, key in enumerate(keys):
        groups.setdefault(key, []).append(row)
    found = {}
    for key, rows in groups.items():
        form = _form(table, name, values, rows[0])
        if form != "points" and len(rows) > 1:
            raise ScenarioError(name, f"row {rows[1] + 1}", ", ".join(key), "a cell stands twice; one row a cell")
        rate = 1.0 if rates is None else float(rates[rows[0]])
        parameters = _in_report(form, values, rows, rate, money)
        try:
            found[key] = curve_from(form, parameters)
        except ValueError as error:
            raise ScenarioError(name, f"row {rows[0] + 1}", None, str(error)) from error
    return found


def _form(table: pd.DataFrame, name: str, values: dict[str, Any], row: int) -> str:
    """The form a row states, or the one whose parameters it fills."""
    if "form" in table.columns:
        form = str(table["form"].iloc[row])
        if form not in CURVE_FORMS:
            raise ScenarioError(
                name, f"row {row + 1}, column form", form, f"unknown curve; {did_you_mean(form, CURVE_FORMS)}"
            )
        missing = [column for column in _PARAMETERS[form] if column not in values or np.isnan(values[column][row])]
        if missing:
            raise ScenarioError(name, f"row {row + 1}, column {missing[0]}", None, f"is empty; {form} needs it")
        return form
    filled = {column for column, numbers_ in values.items() if not np.isnan(numbers_[row])}
    form_found = next((form for form, names in _PARAMETERS.items() if filled == set(names)), None)
    if form_found is None:
        forms = "; ".join(f"{form}: {', '.join(names)}" for form, names in _PARAMETERS.items())
        raise ScenarioError(name, f"row {row + 1}", sorted(filled), f"expected the parameters of one curve ({forms})")
    return form_found


def _in_report(form: str, values: dict[str, Any], rows: list[int], rate: float, money: bool) -> Any:
    """Parameters with spend (and, when the curve yields money, its height) in the reporting currency.

    A spend s of the reporting currency is s / rate of the table's.
    """
    height = rate if money else 1.0
    if form == "points":
        return [[float(values["spend"][row]) * rate, float(values["response"][row]) * height] for row in rows]
    found = {name: float(values[name][rows[0]]) for name in _PARAMETERS[form]}
    factors = {"top": height, "half": rate, "rate": 1 / rate, "scale": height}
    if form == "power":
        factors["scale"] = height * rate ** -found["exponent"]
    return {name: value * factors.get(name, 1.0) for name, value in found.items()}


def _only(table: pd.DataFrame, name: str, known: set[str]) -> None:
    if unknown := [column for column in table.columns if column not in known]:
        raise ScenarioError(name, f"column {unknown[0]}", None, f"unknown column; {did_you_mean(unknown[0], known)}")
