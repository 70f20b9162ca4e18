"""Looking names up, and putting them in order."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from optimizer.scenario.columns import positions, text_order

WORDS = st.text(st.sampled_from("ab01é😀"), min_size=1, max_size=4)


def texts(words: list[str | None]) -> pd.Series:
    return pd.Series(words, dtype="str")


@given(st.lists(WORDS, unique=True, min_size=1, max_size=6), st.data())
def test_positions_are_those_of_a_dictionary(names, data):
    found = data.draw(
        st.one_of(
            st.lists(st.one_of(st.sampled_from(names), WORDS, st.none()), max_size=12),
            # All of them in their order, in runs or over and over: the ways that are not looked up.
            st.integers(1, 3).map(lambda times: [name for name in names for _ in range(times)]),
            st.integers(1, 20).map(lambda times: names * times),
        )
    )
    place = {name: row for row, name in enumerate(names)}
    assert positions(texts(found), texts(names)).tolist() == [place.get(word, -1) for word in found]


@given(st.lists(WORDS, min_size=1, max_size=12))
def test_the_order_is_that_of_utf_8_bytes(words):
    order = text_order(texts(words))
    wanted = sorted(words, key=lambda word: word.encode())
    assert ([words[row] for row in order] if order is not None else words) == wanted
    assert (order is None) == (words == sorted(set(words), key=lambda word: word.encode()))
