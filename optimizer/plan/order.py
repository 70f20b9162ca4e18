"""Which contact of a customer comes when: ranks, and changes of channel, among ours and those booked."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.plan.records import Records
from optimizer.scenario.facts import Bools


class Order:
    """Where each of our contacts stands among its customer's, ours and booked, by date; each answer worked out once."""

    def __init__(self, plan: Records, booked: Records) -> None:
        self.plan, self.booked = plan, booked

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """1 + the customer's contacts, ours and booked, on earlier dates of the horizon."""
        if (bundles := self.plan.bundles) is not None:
            ranks = 1 + bundles.earlier.ravel()[self.plan.cells]
            if len(self.booked):
                keys, start = np.sort(self._booked_keys), self.plan.customer * self._span[1]
                ranks += np.searchsorted(keys, self._key(self.plan), side="left")
                ranks -= np.searchsorted(keys, start, side="left")
            return ranks
        keys, own, starts = self._keys
        return np.asarray(1 + np.searchsorted(keys, own, side="left") - np.searchsorted(keys, starts, side="left"))

    @cached_property
    def changed(self) -> Bools:
        """Contacts whose channel is absent from the customer's previous date of contact; False without one."""
        keys, own, starts = self._keys
        before = np.searchsorted(keys, own, side="left") - 1
        has_previous = before >= np.searchsorted(keys, starts, side="left")
        if not has_previous.any():
            return np.zeros(len(own), dtype=bool)
        channels, booked = channel_codes(self.plan, self.booked)
        count = 1 + max(int(channels.max(initial=0)), int(booked.max(initial=0)))
        used = np.sort(np.concatenate([own * count + channels, self._booked_keys * count + booked]))
        wanted = keys[np.maximum(before, 0)] * count + channels
        same = used[np.minimum(np.searchsorted(used, wanted), len(used) - 1)] == wanted
        return np.asarray(has_previous & ~same, dtype=bool)

    @cached_property
    def _span(self) -> tuple[int, int]:
        """The first date of contact, and how many dates there are up to the last."""
        days = [days for days in (self.plan.days, self.booked.days) if len(days)]
        first, last = min((int(one.min()) for one in days), default=0), max((int(one.max()) for one in days), default=0)
        return first, last - first + 1

    def _key(self, records: Records) -> NDArray[np.int64]:
        """Customer and date of each contact as one number."""
        first, span = self._span
        return records.customer * span + (records.days - first)

    @cached_property
    def _booked_keys(self) -> NDArray[np.int64]:
        return self._key(self.booked)

    @cached_property
    def _keys(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The keys of all contacts in order, those of ours, and the smallest that each of our customers may have."""
        own = self._key(self.plan)
        return np.sort(np.concatenate([own, self._booked_keys])), own, self.plan.customer * self._span[1]


def channel_codes(plan: Records, booked: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The channel of each of our and of each booked contact, as numbers that mean the same in both."""
    names = plan.facts.activities["channel"]
    assert booked.past is not None
    codes, _ = pd.factorize(pd.concat([names, booked.past["channel"]], ignore_index=True))
    return codes[: len(names)][plan.activity], codes[len(names) :]
