"""What is known of a customer and a channel at a moment: recency, frequency, reactions, value. Nothing later counts.

Every feature is a sum or a last moment over events strictly before the moment asked for, found by bisection in one
sorted array, so that a table of a million rows takes a second. Weights are whole numbers (tenths, cents): sums are
exact, and an event after the moment, of this customer or another, changes no feature in any bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optimizer.learn.appetence.history import DAY
from optimizer.learn.appetence.kinds import NOTHING, REACTION_TENTHS

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
#: Recency is told up to two years; never is told as two years.
LONGEST_DAYS = 730.0
#: Contacts that a rate of reactions is held against before it is believed: (k + 5 μ) / (n + 5) is a sum of k / (n + 5)
#: and of n / (n + 5), in which a linear model finds its own μ. Both stay bounded as the history grows; counts do not.
_PRIOR_CONTACTS = 5.0

#: What each column says; times in days, counts and recency as log(1 + x).
FEATURES = {
    "own_contacts_90": "contacts through this channel in the 90 days before",
    "own_reactions_90": "reactions through this channel in the 90 days before (open 0.1, click and basket 1, others 2)",
    "own_rate": "reactions through this channel / (contacts through it + 5)",
    "own_known": "contacts through this channel / (the same + 5): how much the rate says",
    "own_contact_recency": "days since the last contact through this channel",
    "own_reaction_recency": "days since the last reaction through this channel, opens apart",
    "contacts_30": "contacts through any channel in the 30 days before",
    "other_rate": "reactions through other channels / (contacts through them + 5)",
    "other_known": "contacts through other channels / (the same + 5)",
    "reaction_recency": "days since the last reaction through any channel, opens apart",
    "purchases_365": "purchases in the 365 days before",
    "purchase_recency": "days since the last purchase",
    "spent_365": "money spent in the 365 days before",
    "baskets_30": "baskets filled in the 30 days before",
    "soft_bounces_90": "soft bounces of this channel in the 90 days before",
}
#: Crossings with columns of the customers table, present where these are.
CROSSINGS = {
    "prefers": "whether the channel is the one the customer prefers",
    "prefers_x_rate": "preference × own_rate",
    "value_x_rate": "log(1 + value) × own_rate",
    "value_x_prefers": "log(1 + value) × preference",
}


class Tally:
    """Sums of whole numbers over the events of a group before a moment, and the last moment before it."""

    def __init__(self, group: Rows, seconds: Rows, amount: Rows) -> None:
        self.origin = int(seconds.min(initial=0))
        self.span = int(seconds.max(initial=0)) - self.origin + 2
        key = group * self.span + (seconds - self.origin)
        order = np.argsort(key, kind="stable")
        self.key, self.seconds = key[order], seconds[order]
        self.sums = np.concatenate([[0], np.cumsum(amount[order], dtype=np.int64)])

    def before(self, group: Rows, seconds: Rows, days: int | None = None) -> Floats:
        """The sum over [moment − days, moment), or over all before the moment."""
        since = np.zeros_like(seconds) + self.origin if days is None else seconds - days * DAY
        end, start = self._at(group, seconds), self._at(group, since)
        return (self.sums[end] - self.sums[start]).astype(float)

    def days_since(self, group: Rows, seconds: Rows) -> Floats:
        """Days since the last event before the moment; ``LONGEST_DAYS`` at most and where there is none."""
        end, start = self._at(group, seconds), self._at(group, np.zeros_like(seconds) + self.origin)
        if not len(self.seconds):
            return np.full(len(seconds), LONGEST_DAYS)
        gone = (seconds - self.seconds[np.maximum(end - 1, 0)]) / DAY
        return np.where(end > start, np.minimum(gone, LONGEST_DAYS), LONGEST_DAYS)

    def _at(self, group: Rows, seconds: Rows) -> Rows:
        """The first event of the group (or of those after it) that is not before the moment."""
        return np.searchsorted(self.key, group * self.span + np.clip(seconds - self.origin, 0, self.span - 1))


class Past:
    """The events of a history, ready to be asked for features at any moment.

    Parameters
    ----------
    events : DataFrame
        customer, channel, kind, seconds, value: ``Contacts.events``.
    channels : sequence of str
        Channels by code; events through others count for the customer, not for a channel.
    outcomes : bool
        Whether a row is a contact with its outcome; in a log only ``sent`` is a contact.
    control : str, optional
        The channel of the held-out, who are not contacted: their rows are contacts of nobody.
    """

    def __init__(
        self, events: pd.DataFrame, channels: Sequence[str], *, outcomes: bool, control: str | None = None
    ) -> None:
        self.channels = tuple(channels)
        channel, kind = events["channel"], events["kind"]
        customer, seconds = events["customer"].to_numpy(np.int64), events["seconds"].to_numpy(np.int64)
        code = pd.Index(self.channels).get_indexer(pd.Index(channel.astype(object))).astype(np.int64)
        own = np.where(code >= 0, customer * len(self.channels) + code, -1)
        tenths = np.asarray(kind.map(REACTION_TENTHS).fillna(0), np.int64)
        held_out = np.zeros(len(events), bool)
        if control is not None:
            held_out = np.asarray((channel == control) | (events["offer"] == control), bool)
        made = (tenths > 0) | kind.isin(NOTHING) | (kind == "sent") if outcomes else kind == "sent"
        contact = np.asarray(made, bool) & ~held_out
        real = tenths >= 10
        cents = np.rint(events["value"].to_numpy(float) * 100).astype(np.int64)
        one: Rows = np.ones(len(events), np.int64)

        def tally(group: Rows, rows: NDArray[np.bool_], amount: Rows) -> Tally:
            rows = rows & (group >= 0)
            return Tally(group[rows], seconds[rows], amount[rows])

        purchase = (kind == "purchase").to_numpy(bool)
        self.own_contacts, self.contacts = tally(own, contact, one), tally(customer, contact, one)
        self.own_reactions, self.reactions = tally(own, tenths > 0, tenths), tally(customer, tenths > 0, tenths)
        self.own_real, self.real = tally(own, real, one), tally(customer, real, one)
        self.purchases, self.spent = tally(customer, purchase, one), tally(customer, purchase, cents)
        self.baskets = tally(customer, (kind == "basket").to_numpy(bool), one)
        self.bounces = tally(own, (kind == "bounce_soft").to_numpy(bool), one)
        self.any = tally(customer, np.ones(len(events), bool), one)

    def features(self, customer: Rows, channel: Rows, seconds: Rows) -> pd.DataFrame:
        """A row a customer, channel (code, -1 for none) and moment: the columns of ``FEATURES``."""
        group = np.where(channel >= 0, customer * len(self.channels) + channel, -1)
        has = channel >= 0

        def own(tally: Tally, days: int | None = None) -> Floats:
            return np.where(has, tally.before(group, seconds, days), 0.0)

        def own_since(tally: Tally) -> Floats:
            return np.where(has, tally.days_since(group, seconds), LONGEST_DAYS)

        contacts, reactions = own(self.own_contacts), own(self.own_reactions) / 10
        others = self.contacts.before(customer, seconds) - contacts
        other_reactions = self.reactions.before(customer, seconds) / 10 - reactions
        made = {
            "own_contacts_90": np.log1p(own(self.own_contacts, 90)),
            "own_reactions_90": np.log1p(own(self.own_reactions, 90) / 10),
            "own_rate": reactions / (contacts + _PRIOR_CONTACTS),
            "own_known": contacts / (contacts + _PRIOR_CONTACTS),
            "own_contact_recency": np.log1p(own_since(self.own_contacts)),
            "own_reaction_recency": np.log1p(own_since(self.own_real)),
            "contacts_30": np.log1p(self.contacts.before(customer, seconds, 30)),
            "other_rate": other_reactions / (others + _PRIOR_CONTACTS),
            "other_known": others / (others + _PRIOR_CONTACTS),
            "reaction_recency": np.log1p(self.real.days_since(customer, seconds)),
            "purchases_365": np.log1p(self.purchases.before(customer, seconds, 365)),
            "purchase_recency": np.log1p(self.purchases.days_since(customer, seconds)),
            "spent_365": np.log1p(np.maximum(self.spent.before(customer, seconds, 365), 0.0) / 100),
            "baskets_30": np.log1p(self.baskets.before(customer, seconds, 30)),
            "soft_bounces_90": np.log1p(own(self.bounces, 90)),
        }
        return pd.DataFrame(made)

    def known(self, customer: Rows, seconds: Rows) -> NDArray[np.bool_]:
        """Whether the customer has any event before the moment."""
        return self.any.before(customer, seconds) > 0


def crossings(features: pd.DataFrame, prefers: NDArray[np.bool_] | None, value: Floats | None) -> pd.DataFrame:
    """The columns of ``CROSSINGS`` that preference and value allow."""
    made: dict[str, Floats] = {}
    rate = features["own_rate"].to_numpy(float)
    worth = None if value is None else np.log1p(np.maximum(np.nan_to_num(value), 0.0))
    if prefers is not None:
        made |= {"prefers": prefers.astype(float), "prefers_x_rate": prefers * rate}
    if worth is not None:
        made["value_x_rate"] = worth * rate
    if prefers is not None and worth is not None:
        made["value_x_prefers"] = worth * prefers
    return pd.DataFrame(made, index=features.index)
