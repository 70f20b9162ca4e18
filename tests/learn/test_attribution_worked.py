"""Two examples worked by hand: every model on each, in fractions."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import chain, combinations, permutations

import numpy as np
import pandas as pd
import pytest

from optimizer.learn.attribution import attribution
from optimizer.learn.attribution.models import MODELS
from optimizer.learn.journeys import read_journeys

#: 13 journeys, 3 conversions.
LETTERS = pd.DataFrame(
    {
        "path": ["a > a > b", "b > a", "c > b"],
        "total_conversions": [2, 1, 0],
        "total_conversion_value": [20.0, 30.0, 0.0],
        "total_null": [1, 3, 6],
    }
)
#: 12 journeys, 6 conversions worth 78.
SHOP = pd.DataFrame(
    {
        "path": ["search > social > email > direct", "email", "social > direct", "direct"],
        "total_conversions": [3, 1, 0, 2],
        "total_conversion_value": [60.0, 10.0, 0.0, 8.0],
        "total_null": [0, 2, 4, 0],
    }
)

# Letters, order 1. From a: 3 to b, 1 converts, 3 do not (a to a changes nothing); from b: 4 to a, 2 convert, 7 do not;
# from c: 6 to b. Start: 3 a, 4 b, 6 c of 13. h_a = (1 + 3 h_b) / 7, h_b = (2 + 4 h_a) / 13, h_c = h_b:
# h_a = 19/79, h_b = 18/79, P = (3·19 + 4·18 + 6·18) / (13·79) = 237 / 1027 = 3/13.
# Without a: h_b = 2/13, P = 10/13 · 2/13 = 20/169, 1 − 20/39 = 19/39. Without b: h_a = 1/7, P = 3/91, 1 − 1/7 = 6/7.
# Without c: P = (57 + 72) / 1027 = 129/1027, 1 − 129/237 = 36/79.
LETTERS_RE = {"a": F(19, 39), "b": F(6, 7), "c": F(36, 79)}
# Value out of a 30, out of b 20: g_a = (30 + 3 g_b) / 7, g_b = (20 + 4 g_a) / 13: g_a = 450/79, g_b = 260/79,
# V = (3·450 + 10·260) / 1027 = 3950/1027 = 50/13. Without a: g_b = 20/13, V = 200/169, 1 − 4/13 = 9/13.
# Without b: g_a = 30/7, V = 90/91, 1 − 9/35 = 26/35. Without c: V = (1350 + 1040)/1027, 1 − 2390/3950 = 156/395.
LETTERS_RE_VALUE = {"a": F(9, 13), "b": F(26, 35), "c": F(156, 395)}

# Shop, order 1. search ▸ social 3; social ▸ email 3, ▸ direct 4; email ▸ direct 3, converts 1, ends 2; direct converts
# 5, ends 4. Start: 3 search, 3 email, 4 social, 2 direct of 12.
# h_direct = 5/9, h_email = 1/6 + 1/2 · 5/9 = 4/9, h_social = h_search = 3/7 · 4/9 + 4/7 · 5/9 = 32/63, P = 1/2.
# Without search 1/4 · 32/63 = 8/63 is lost; without social 11/54, without email 5/18, without direct 1/12 is left.
SHOP_RE = {"search": F(16, 63), "social": F(16, 27), "email": F(4, 9), "direct": F(5, 6)}
# Value out of direct 68, out of email 10: g_direct = 68/9, g_email = 49/9, g_social = g_search = 419/63, V = 78/12.
# Without search 419/252 is lost; left without social 283/108, without email 408/108, without direct 90/108.
SHOP_RE_VALUE = {"search": F(419, 1638), "social": F(419, 702), "email": F(294, 702), "direct": F(612, 702)}


def shared(effects: dict[str, F], total: int) -> dict[str, F]:
    return {channel: effect / sum(effects.values()) * total for channel, effect in effects.items()}


def in_letters(effects: dict[str, F], first: int, second: int) -> dict[str, F]:
    """``a > a > b`` brings ``first``, ``b > a`` brings ``second``, each shared by removal effect over its touches."""
    a, b = effects["a"], effects["b"]
    return {
        "a": 2 * a / (2 * a + b) * first + a / (a + b) * second,
        "b": b / (2 * a + b) * first + b / (a + b) * second,
        "c": F(0),
    }


def in_shop(effects: dict[str, F], first: int, email: int, direct: int) -> dict[str, F]:
    own = shared(effects, first)
    return {**own, "email": own["email"] + email, "direct": own["direct"] + direct}


def of_sets(worth: dict[str, F]) -> dict[str, F]:
    """Shapley values from the worth of every set of channels (by initials), over all orders of entry."""
    players = max(worth, key=len)
    orders = list(permutations(players))
    found = dict.fromkeys(players, F(0))
    for order in orders:
        for place, player in enumerate(order):
            before, after = ("".join(sorted(order[: place + more])) for more in (0, 1))
            found[player] += (worth[after] - worth[before]) / len(orders)
    return found


# Letters with some channels alone, times 13 journeys: a alone starts 3 and converts 1 of 7, b alone starts 4 and
# converts 2 of 13; c leads only to b; the pairs are the removals above.
LETTERS_SETS = {
    "": F(0), "a": F(3, 7), "b": F(8, 13), "c": F(0), "ab": F(129, 79), "ac": F(3, 7), "bc": F(20, 13), "abc": F(3),
}  # fmt: skip
# In value: a converts 30 of 7, b 20 of 13.
LETTERS_SETS_VALUE = {
    "": F(0), "a": F(90, 7), "b": F(80, 13), "c": F(0), "ab": F(2390, 79), "ac": F(90, 7), "bc": F(200, 13),
    "abc": F(50),
}  # fmt: skip


def shop_sets(email: F, direct: F) -> dict[str, F]:
    """Shop with some channels alone, times 12, where e-mail and direct gain so much at each visit's end."""
    found = {}
    for letters in chain.from_iterable(combinations("desy", size) for size in range(5)):  # y is social, s search
        d = direct if "d" in letters else F(0)
        e = email + d / 2 if "e" in letters else F(0)
        y = F(3, 7) * e + F(4, 7) * d if "y" in letters else F(0)
        s = y if "s" in letters else F(0)
        found["".join(sorted(letters))] = 3 * s + 3 * e + 4 * y + 2 * d
    return found


def in_full(values: dict[str, F]) -> dict[str, F]:
    words = {"d": "direct", "e": "email", "s": "search", "y": "social"}
    return {words[letter]: value for letter, value in values.items()}


# (conversions, value) by channel. Letters: 2 conversions worth 20 on a > a > b, 1 worth 30 on b > a.
LETTERS_CREDIT: dict[str, tuple[dict[str, F], dict[str, F]]] = {
    "first": ({"a": F(2), "b": F(1), "c": F(0)}, {"a": F(20), "b": F(30), "c": F(0)}),
    "last": ({"a": F(1), "b": F(2), "c": F(0)}, {"a": F(30), "b": F(20), "c": F(0)}),
    "last_non_direct": ({"a": F(1), "b": F(2), "c": F(0)}, {"a": F(30), "b": F(20), "c": F(0)}),
    "linear": (
        {"a": 2 * F(2, 3) + F(1, 2), "b": 2 * F(1, 3) + F(1, 2), "c": F(0)},
        {"a": 20 * F(2, 3) + 15, "b": 20 * F(1, 3) + 15, "c": F(0)},
    ),
    "position_based": (
        {"a": 2 * F(6, 10) + F(1, 2), "b": 2 * F(4, 10) + F(1, 2), "c": F(0)},
        {"a": F(12) + 15, "b": F(8) + 15, "c": F(0)},
    ),
    "w_shaped": (
        {"a": 2 * F(2, 3) + F(1, 2), "b": 2 * F(1, 3) + F(1, 2), "c": F(0)},
        {"a": 20 * F(2, 3) + 15, "b": 20 * F(1, 3) + 15, "c": F(0)},
    ),
    "j_shaped": (
        {"a": 2 * F(4, 10) + F(3, 4), "b": 2 * F(6, 10) + F(1, 4), "c": F(0)},
        {"a": 8 + 30 * F(3, 4), "b": 12 + 30 * F(1, 4), "c": F(0)},
    ),
    "inverse_j": (
        {"a": 2 * F(8, 10) + F(1, 4), "b": 2 * F(2, 10) + F(3, 4), "c": F(0)},
        {"a": 16 + 30 * F(1, 4), "b": 4 + 30 * F(3, 4), "c": F(0)},
    ),
    "time_decay": (  # 1 : 2 : 4 and 1 : 2
        {"a": 2 * F(3, 7) + F(2, 3), "b": 2 * F(4, 7) + F(1, 3), "c": F(0)},
        {"a": 20 * F(3, 7) + 20, "b": 20 * F(4, 7) + 10, "c": F(0)},
    ),
    "markov": (shared(LETTERS_RE, 3), shared(LETTERS_RE_VALUE, 50)),
    "markov_journey": (in_letters(LETTERS_RE, 2, 1), in_letters(LETTERS_RE, 20, 30)),
    "shapley": ({"a": F(3, 2), "b": F(3, 2), "c": F(0)}, {"a": F(25), "b": F(25), "c": F(0)}),
    "ordered_shapley": ({"a": F(3, 2), "b": F(3, 2), "c": F(0)}, {"a": F(25), "b": F(25), "c": F(0)}),
    "shapley_markov": (of_sets(LETTERS_SETS), of_sets(LETTERS_SETS_VALUE)),
    "participation": ({"a": F(3), "b": F(3), "c": F(0)}, {"a": F(50), "b": F(50), "c": F(0)}),
}

# Shop: 3 conversions worth 60 over four touches, 1 worth 10 on email, 2 worth 8 on direct.
FOUR: dict[str, tuple[F, F, F, F]] = {
    "first": (F(1), F(0), F(0), F(0)),
    "last": (F(0), F(0), F(0), F(1)),
    "last_non_direct": (F(0), F(0), F(1), F(0)),
    "linear": (F(1, 4), F(1, 4), F(1, 4), F(1, 4)),
    "position_based": (F(4, 10), F(1, 10), F(1, 10), F(4, 10)),
    "w_shaped": (F(30, 90), F(15, 90), F(15, 90), F(30, 90)),
    "j_shaped": (F(2, 10), F(1, 10), F(1, 10), F(6, 10)),
    "inverse_j": (F(6, 10), F(1, 10), F(1, 10), F(2, 10)),
    "time_decay": (F(1, 15), F(2, 15), F(4, 15), F(8, 15)),
    "shapley": (F(1, 4), F(1, 4), F(1, 4), F(1, 4)),
    "ordered_shapley": (F(1, 4), F(1, 4), F(1, 4), F(1, 4)),
    "participation": (F(1), F(1), F(1), F(1)),
}


def of_four(shares: tuple[F, F, F, F], first: int, email: int, direct: int) -> dict[str, F]:
    return {
        "search": first * shares[0],
        "social": first * shares[1],
        "email": first * shares[2] + email,
        "direct": first * shares[3] + direct,
    }


SHOP_CREDIT: dict[str, tuple[dict[str, F], dict[str, F]]] = {
    **{model: (of_four(shares, 3, 1, 2), of_four(shares, 60, 10, 8)) for model, shares in FOUR.items()},
    "markov": (shared(SHOP_RE, 6), shared(SHOP_RE_VALUE, 78)),
    "markov_journey": (in_shop(SHOP_RE, 3, 1, 2), in_shop(SHOP_RE, 60, 10, 8)),
    "shapley_markov": (
        in_full(of_sets(shop_sets(F(1, 6), F(5, 9)))),
        in_full(of_sets(shop_sets(F(10, 6), F(68, 9)))),
    ),
}


def assert_credit(credit: pd.DataFrame, expected: dict[str, F], column: str) -> None:
    found = dict(zip(credit["channel"], credit[column], strict=True))
    assert sorted(found) == sorted(expected)
    for channel, amount in expected.items():
        assert abs(found[channel] - float(amount)) < 1e-12 * max(1.0, float(amount)), (channel, found[channel], amount)


def test_no_model_is_left_out() -> None:
    assert set(LETTERS_CREDIT) == set(SHOP_CREDIT) == set(MODELS)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("table", "expected"), [(LETTERS, LETTERS_CREDIT), (SHOP, SHOP_CREDIT)], ids=["letters", "shop"]
)
def test_every_model_by_hand(
    table: pd.DataFrame, expected: dict[str, tuple[dict[str, F], dict[str, F]]], model: str
) -> None:
    found = attribution(table, model=model)
    assert_credit(found.credit, expected[model][0], "conversions")
    assert_credit(found.credit, expected[model][1], "value")
    assert found.additive is (model != "participation")
    if found.additive:
        assert abs(found.credit["conversions"].sum() - table["total_conversions"].sum()) < 1e-12
        assert abs(found.credit["value"].sum() - table["total_conversion_value"].sum()) < 1e-11


def test_the_published_figures_to_nine_digits() -> None:
    found = attribution(LETTERS, model="markov", order=1)
    assert found.credit["conversions"].round(9).tolist() == [0.811957446, 1.428556709, 0.759485845]
    assert found.totals.loc[0, "conversion_rate"] == pytest.approx(3 / 13, abs=1e-15)


@pytest.mark.parametrize(
    ("table", "effects", "on_value"), [(LETTERS, LETTERS_RE, LETTERS_RE_VALUE), (SHOP, SHOP_RE, SHOP_RE_VALUE)]
)
def test_removal_effects_by_hand(table: pd.DataFrame, effects: dict[str, F], on_value: dict[str, F]) -> None:
    found = attribution(table, model="markov").credit
    assert_credit(found, effects, "removal_effect")
    assert_credit(found, on_value, "removal_effect_value")


def test_two_touches_tell_all_shop_journeys_apart() -> None:
    # Every pair of touches stands in one path alone, so a channel's effect is its share of the six conversions.
    found = attribution(SHOP, model="markov", order=2).credit
    assert_credit(found, {"search": F(1, 2), "social": F(1, 2), "email": F(2, 3), "direct": F(5, 6)}, "removal_effect")


def test_ordered_shapley_tells_the_places() -> None:
    assert attribution(LETTERS, model="markov").positions is None  # it weighs no touches
    places = attribution(LETTERS, model="ordered_shapley").positions
    assert places is not None
    # a > a > b: a's half of 2 conversions over places 1 and 2, b's at 3; b > a: a half each at 1 and 2.
    expected = {("a", 1): 0.5, ("a", 2): 0.5 + 0.5, ("b", 1): 0.5, ("b", 3): 1.0}
    found = {(row.channel, row.position): row.conversions for row in places.itertuples()}
    assert found == pytest.approx(expected)


def test_half_lives_and_shares_of_ones_own() -> None:
    slower = attribution(SHOP, model="time_decay", half_life=2.0).credit  # 2^-1.5 : 2^-1 : 2^-0.5 : 1
    whole = 2**-1.5 + 2**-1 + 2**-0.5 + 1
    assert slower.set_index("channel")["conversions"]["search"] == pytest.approx(3 * 2**-1.5 / whole, abs=1e-12)
    own = attribution(SHOP, model="position_based", weights=[1, 2, 1]).credit
    assert_credit(own, of_four((F(1, 4), F(1, 4), F(1, 4), F(1, 4)), 3, 1, 2), "conversions")
    nothing_at_the_ends = attribution(LETTERS, model="position_based", weights=[0, 1, 0]).credit
    assert_credit(nothing_at_the_ends, {"a": 2 + F(1, 2), "b": F(1, 2), "c": F(0)}, "conversions")


def test_a_row_that_counts_no_journey_changes_nothing() -> None:
    paths = pd.DataFrame({"path": ["a > b", "b"], "total_conversions": [2, 1], "total_null": [1, 4]})
    empty = pd.DataFrame({"path": ["c > d > c"], "total_conversions": [0], "total_null": [0]})
    for order in (1, 2):
        one = attribution(read_journeys(paths), "markov", order=order).credit.set_index("channel")
        more = attribution(read_journeys(pd.concat([paths, empty])), "markov", order=order).credit.set_index("channel")
        np.testing.assert_allclose(more.loc[one.index, "conversions"], one["conversions"], rtol=1e-12)
        assert (more.loc[["c", "d"], "conversions"] == 0).all()
