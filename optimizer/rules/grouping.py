"""The values of the ``each`` columns: the combinations that a rule's pairs have, and the pairs of each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from optimizer.problem import Bools, Ints, Weights
from optimizer.rules.base import Context
from optimizer.rules.sides import pair_column, past_frame, plain, side
from optimizer.rules.weights import kept_pairs, product, scored
from optimizer.scenario.columns import as_text
from optimizer.scenario.facts import Facts

#: Combinations of customer values few enough to take one at a time.
FEW = 64


@dataclass(frozen=True)
class Coded:
    """Texts of a column: row i holds ``texts[codes[i]]``, and nothing where the code is -1."""

    codes: Ints
    texts: list[str]

    @classmethod
    def of(cls, values: pd.Series) -> Coded:
        """The texts of a column, each coded once."""
        codes, texts = pd.factorize(as_text(values), use_na_sentinel=True)
        return cls(codes.astype(np.int32), [str(text) for text in texts])

    def holds(self, text: str) -> Bools:
        """The rows that hold a text."""
        held: Bools = self.codes == (self.texts.index(text) if text in self.texts else len(self.texts))
        return held


class Grouping:
    """The values of some columns on activities, customers, pairs and past contacts."""

    def __init__(self, context: Context, columns: Sequence[str]) -> None:
        self.context, self.columns = context, list(columns)
        facts = context.facts
        self.sides = [side(facts, column) for column in columns]
        self.activity: dict[str, list[tuple[str, ...]]] = {}
        self.customer: dict[str, Coded] = {}
        self.pair: dict[str, Coded] = {}
        for column, where in zip(columns, self.sides, strict=True):
            name = plain(column)
            if where == "activity":
                self.activity[column] = _activity_values(facts, name)
            elif where == "customer":
                self.customer[column] = context.remembered(("codes", name), partial(Coded.of, facts.customers[name]))
            elif where == "pair":
                self.pair[column] = Coded.of(pd.Series(np.asarray(pair_column(facts, name))))

    def found(self, weights: Weights) -> list[tuple[str, ...]]:
        """Every combination of values among the pairs that the weights keep."""
        if "nowhere" in self.sides:
            return []
        coded = {**self.customer, **self.pair}
        on_pairs = self.pair or weights.pair is not None
        combinations: set[tuple[str, ...]] = set()
        for activity, codes in self._found_on_pairs(weights) if on_pairs else self._found(weights):
            held = {column: one.texts[code] for (column, one), code in zip(coded.items(), codes, strict=True)}
            options: list[tuple[str, ...]] = [()]
            for column in self.columns:
                own = self.activity[column][activity] if column in self.activity else (held[column],)
                options = [(*option, value) for option in options for value in own]
            combinations.update(options)
        return sorted(combinations)

    def weights(self, values: tuple[str, ...]) -> Weights:
        """0/1 on pairs: those of one combination. Rules share what it says of customers."""
        result = Weights()
        held: list[tuple[str, str]] = []
        for column, where, value in zip(self.columns, self.sides, values, strict=True):
            if where == "activity":
                part = Weights(activity=np.array([value in options for options in self.activity[column]], float))
            elif where == "pair":
                part = Weights(pair=self.pair[column].holds(value))
            else:
                part = Weights(factor=0.0 if where == "nowhere" else 1.0)
            if where == "customer":
                held.append((column, value))
            result = product(result, part)
        if not held:
            return result
        return product(result, self.context.remembered(("customers of", *held), partial(self._customers_of, held)))

    def past(self, values: tuple[str, ...]) -> Bools:
        """The past contacts of one combination."""
        mask = np.ones(len(self.context.facts.past), bool)
        if not len(mask):
            return mask
        frame = past_frame(self.context)
        for column, value in zip(self.columns, values, strict=True):
            name = column if column in frame else plain(column)
            if name == "offer" and "offers" in frame:
                mask &= self.context.remembered(("past offer", value), partial(_carrying, frame["offers"], value))
            elif name in frame:
                mask &= self.context.remembered(("past codes", name), partial(Coded.of, frame[name])).holds(value)
            else:
                mask[:] = False
        return mask

    def _customers_of(self, held: list[tuple[str, str]]) -> Weights:
        inside = [self.customer[column].holds(value) for column, value in held]
        return Weights(customer=inside[0] if len(inside) == 1 else np.all(inside, axis=0))

    def _found(self, weights: Weights) -> Iterable[tuple[int, tuple[int, ...]]]:
        """Activity and codes of customers found together, without a look at pairs."""
        activities = scored(self.context).activities_of(weights)
        if not self.customer:
            return ((int(activity), ()) for activity in np.flatnonzero(activities))
        names = [plain(column) for column in self.customer]
        place, sets = self.context.remembered(("sets", *names), self._customer_sets)
        if weights.customer is None:
            held = self.context.remembered(("held", *names), lambda: self._held(place, len(sets)))
        else:
            held = self._held(np.where(weights.customer != 0, place, -1), len(sets))
        return ((int(activity), sets[row]) for activity, row in np.argwhere(held) if activities[activity])

    def _held(self, place: Ints, sets: int) -> Bools:
        """Which combinations each activity can contact, shape (A, combinations)."""
        eligible = scored(self.context)
        if sets <= FEW:
            return np.array([(eligible.bits & np.packbits(place == row)).any(axis=1) for row in range(sets)]).T
        counts = [np.bincount(place[eligible.by(a)] + 1, minlength=sets + 1) for a in range(len(eligible.bits))]
        return np.array(counts)[:, 1:] > 0

    def _customer_sets(self) -> tuple[Ints, list[tuple[int, ...]]]:
        """The combination of codes that each customer has, -1 where one of them is empty, and the combinations."""
        count = len(self.context.facts.customers)
        key, empty = np.zeros(count, np.int64), np.zeros(count, bool)
        for one in self.customer.values():
            key, empty = key * len(one.texts) + one.codes, empty | (one.codes < 0)
        place, distinct = pd.factorize(np.where(empty, -1, key))
        sets = []
        for code in distinct.tolist():
            found = []
            for one in reversed(self.customer.values()):
                code, own = divmod(code, max(1, len(one.texts)))
                found.append(own)
            sets.append(tuple(found[::-1]))
        return np.where(empty, -1, place).astype(np.int32), sets

    def _found_on_pairs(self, weights: Weights) -> Iterable[tuple[int, tuple[int, ...]]]:
        """Activity and codes of customers and pairs found together."""
        pairs = self.context.facts.pairs
        rows = np.flatnonzero(kept_pairs(self.context, weights))
        columns = [one.codes[pairs.customer[rows]] for one in self.customer.values()]
        columns += [one.codes[rows] for one in self.pair.values()]
        filled = np.all([codes >= 0 for codes in columns], axis=0) if columns else np.ones(len(rows), bool)
        frame = pd.DataFrame(dict(enumerate(codes[filled] for codes in (pairs.activity[rows], *columns))))
        return ((record[0], record[1:]) for record in frame.drop_duplicates().itertuples(index=False, name=None))


def _carrying(offers: pd.Series, offer: str) -> Bools:
    return np.array([offer in own for own in offers], bool)


def _activity_values(facts: Facts, name: str) -> list[tuple[str, ...]]:
    """The values of an activity column, a tuple an activity: each offer of its own, none where empty."""
    if name == "offer":
        return [tuple(offers) for offers in facts.activities["offers"]]
    if name not in facts.activities:
        return [()] * len(facts.activities)
    return [() if value is None or pd.isna(value) else (str(value),) for value in as_text(facts.activities[name])]
