"""Price tiers, fixed costs and minimum quantities, and the activities each of them is about."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.scenario.facts import FixedCost, MinimumVolume, Tiers
from optimizer.scenario.schema import Channel, FixedAmount, Offer, ScenarioFile, TierPrices

Bools = NDArray[np.bool_]


def price_tiers(spec: ScenarioFile) -> list[Tiers]:
    """The tiers of every channel whose unit cost depends on its volume."""
    found = []
    for name, channel in spec.channels.items():
        if isinstance(cost := channel.unit_cost, TierPrices):
            starts, prices = np.array(cost.tiers, float).T
            found.append(Tiers(name, starts, prices, cost.kind))
    return found


def _own(kind: str, name: str, activities: pd.DataFrame) -> Bools:
    """The activities of a channel or an offer."""
    if kind == "channel":
        return (activities["channel"] == name).to_numpy(bool)
    return np.array([name in offers for offers in activities["offers"]], bool)


def _sections(spec: ScenarioFile) -> list[tuple[str, str, Channel | Offer]]:
    sections: list[tuple[str, Mapping[str, Channel] | Mapping[str, Offer]]] = [
        ("channel", spec.channels),
        ("offer", spec.offers),
    ]
    return [(kind, name, section) for kind, things in sections for name, section in things.items()]


def fixed_costs(spec: ScenarioFile, activities: pd.DataFrame) -> list[FixedCost]:
    """Fixed costs of channels and offers, once a horizon or once a wave; none where there is no activity to open it."""
    found = []
    declared = {wave.name: wave.columns for wave in spec.waves}
    for kind, name, section in _sections(spec):
        fixed, own = section.fixed_cost, _own(kind, name, activities)
        if fixed is None or not own.any():
            continue
        columns: dict[str, object] = {kind: name, **section.columns}
        if not isinstance(fixed, FixedAmount) or fixed.each is None:
            found.append(FixedCost(name, fixed.amount if isinstance(fixed, FixedAmount) else fixed, own, columns))
            continue
        for wave in dict.fromkeys(activities["wave"][own]):
            inside = own & (activities["wave"] == wave).to_numpy(bool)
            named = {**columns, "wave": wave, **declared.get(wave, {})}
            found.append(FixedCost(f"{name} {wave}".strip(), fixed.amount, inside, named))
    return found


def minimum_volumes(spec: ScenarioFile, activities: pd.DataFrame) -> list[MinimumVolume]:
    """Zero contacts or at least so many, of a channel or an offer."""
    return [
        MinimumVolume(name, section.min_volume_if_opened, _own(kind, name, activities))
        for kind, name, section in _sections(spec)
        if section.min_volume_if_opened
    ]
