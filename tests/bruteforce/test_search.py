"""The brute force by hand: optima small enough to be worked out on paper, two a verb."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bruteforce.judge import evaluate
from tests.bruteforce.search import best

WAVES = [{"name": "w1", "date": "2026-03-01"}, {"name": "w2", "date": "2026-03-08"}]


def scenario(rule: dict[str, Any] | None = None, /, **keys: Any) -> dict[str, Any]:
    """Two customers, e-mail and phone; a response is worth 100, so contacts earn ann 9, 16 and bob 19, 36."""
    spec: dict[str, Any] = {
        "name": "hand",
        "objective": "net_margin",
        "customers": [
            {"customer_id": "ann", "country": "FR", "age": 30, "cap": 1, "home": "h"},
            {"customer_id": "bob", "country": "BE", "age": 60, "home": "h"},
        ],
        "appetence": [
            {"customer_id": "ann", "email": 0.10, "phone": 0.20},
            {"customer_id": "bob", "email": 0.20, "phone": 0.40},
        ],
        "channels": {"email": {"unit_cost": 1}, "phone": {"unit_cost": 4}},
        "offers": {"o": {"gross_margin": 100}},
        **keys,
    }
    return spec if rule is None else {**spec, "rules": [{"name": "r", **rule}]}


EVERYTHING = 9 + 16 + 19 + 36
HAND: list[tuple[str, dict[str, Any], dict[str, Any], float | None]] = [
    ("no rule", {}, {}, EVERYTHING),
    ("volume: the dearest drops", {"volume": {"max": 3}}, {}, EVERYTHING - 9),
    ("volume: a minimum nobody can reach", {"volume": {"min": 5}}, {}, None),
    ("volume of customers", {"volume": {"max": 1, "of": "customers"}}, {}, 19 + 36),
    ("budget: 10 less one phone call", {"budget": {"max": 6}}, {}, EVERYTHING - 16),
    ("budget in a country", {"budget": {"max": 1}, "where": {"country": "FR"}}, {}, EVERYTHING - 16),
    ("sum of ages", {"sum": {"of": "age", "max": 120}}, {}, 36 + 9 + 16),
    ("sum at least", {"sum": {"of": "responses", "min": 0.95}}, {}, None),
    ("average age: both of bob's need one of ann's, not two", {"average": {"of": "age", "min": 50}}, {}, 19 + 36 + 16),
    ("average within reach", {"average": {"of": "age", "max": 45}}, {}, EVERYTHING),
    ("ratio: net margin to cost 80 / 10", {"ratio": {"of": "net_margin", "to": "cost", "min": 9}}, {}, 19 + 36 + 9),
    ("ratio met by all", {"ratio": {"of": "net_margin", "to": "cost", "min": 8}}, {}, EVERYTHING),
    ("share of phone at most a third", {"share": {"of": {"channel": "phone"}, "max": 0.34}}, {}, 36 + 19 + 9),
    ("share of money", {"share": {"of": {"channel": "phone"}, "max": 0.5, "in": "cost"}}, {}, 9 + 19),
    ("open one channel", {"open": {"max": 1, "of": "channel"}}, {}, 16 + 36),
    ("open: nothing allowed", {"open": {"max": 0}}, {}, 0),
    ("contacts: one each", {"contacts": {"max": 1}}, {}, 16 + 36),
    ("contacts: a customer's own cap, bob has none", {"contacts": {"max": "cap"}}, {}, 16 + 19 + 36),
    ("contacts of a household", {"contacts": {"max": 1}, "per": "home"}, {}, 36),
    ("pressure: phone weighs two", {"pressure": {"max": 2}},
     {"channels": {"email": {"unit_cost": 1}, "phone": {"unit_cost": 4, "pressure": 2}}}, 16 + 36),
    ("pressure and the past", {"pressure": {"max": 2, "days": 30}},
     {"waves": WAVES[:1], "history": [{"customer_id": "bob", "date": "2026-02-20", "channel": "phone"}]}, 9 + 16 + 36),
    ("packages: one date each", {"packages": {"max": 1}}, {"waves": WAVES}, EVERYTHING),
    ("packages: a date already touched is free", {"packages": {"max": 1, "days": 30}},
     {"waves": WAVES, "committed": [{"customer_id": "bob", "date": "2026-03-01", "channel": "phone"}]}, EVERYTHING),
    ("duplicates of the offer", {"duplicates": {"max": 1}}, {}, 16 + 36),
    ("duplicates of a channel", {"duplicates": {"max": 1, "of": "channel"}}, {"waves": WAVES}, EVERYTHING),
    ("rest of eight days", {"rest": {"days": 8}}, {"waves": WAVES}, EVERYTHING),
    ("rest of seven days: both waves", {"rest": {"days": 7}}, {"waves": WAVES}, 2 * EVERYTHING),
    ("cost of a customer", {"cost_per_customer": {"max": 4}}, {}, 16 + 36),
    ("cost of a customer, less than a call", {"cost_per_customer": {"max": 3.99}}, {}, 9 + 19),
    ("targets: one of two offers", {"targets": {"among": ["o", "p"], "max": 1}},
     {"offers": {"o": {"gross_margin": 100}, "p": {"gross_margin": 50}}}, EVERYTHING),
    ("targets: both, though one loses", {"targets": {"among": ["o", "p"], "exactly": 2}},
     {"offers": {"o": {"gross_margin": 100}, "p": {"gross_margin": 0}}}, EVERYTHING - 2),
    ("include a loss", {"include": {"channel": "phone"}, "where": {"country": "FR"}},
     {"channels": {"email": {"unit_cost": 1}, "phone": {"unit_cost": 50}}}, 9 + 19 - 30),
    ("include one without consent", {"include": {"channel": "phone"}},
     {"consent": [{"customer_id": "ann", "email": True, "phone": False},
                  {"customer_id": "bob", "email": True, "phone": True}]},
     None),
    ("exclude", {"exclude": {"channel": "phone"}, "where": "age > 50"}, {}, EVERYTHING - 36),
    ("exclude at a price", {"exclude": {"channel": "phone"}, "soft": {"penalty": 20}}, {}, 9 + 19 + 16),
    ("requires: phone only with e-mail", {"requires": {"if": {"channel": "phone"}, "then": {"channel": "email"}}},
     {"channels": {"email": {"unit_cost": 30}, "phone": {"unit_cost": 4}}}, 36 - 10),
    ("requires what is there anyway",
     {"requires": {"if": {"channel": "phone"}, "then": {"channel": "email"}}}, {}, EVERYTHING),
    ("only after: no call in the first wave",
     {"only_after": {"what": {"channel": "phone"}, "after": {"channel": "email"}}},
     {"waves": WAVES}, 2 * EVERYTHING - 16 - 36),
    ("only after, too late",
     {"only_after": {"what": {"channel": "phone"}, "after": {"channel": "email"}, "days": {"max": 6}}},
     {"waves": WAVES}, 2 * (9 + 19)),
    ("never together", {"never": {"together": [{"channel": "email"}, {"channel": "phone"}]}}, {}, 16 + 36),
    ("never after a past call", {"never": {"first": {"channel": "phone"}, "then": {"channel": "email"}, "days": 9}},
     {"waves": WAVES[:1], "history": [{"customer_id": "bob", "date": "2026-02-20", "channel": "phone"}]}, 16 + 36),
    ("alternate", {"alternate": "channel"}, {"waves": WAVES}, EVERYTHING),
    ("alternate at a price below the contact's worth",
     {"alternate": "channel", "soft": {"penalty": 5}}, {"waves": WAVES},
     2 * EVERYTHING - 4 * 5),
    ("effect on the second date",
     {"effect": {"contact": 2, "factor": 0.5}}, {"waves": WAVES}, EVERYTHING + 4 + 6 + 9 + 16),
    ("effect of a message", {"effect": {"factor": 2.0}, "where": {"country": "FR"}}, {}, 19 + 36 + 19 + 36),
    ("control of nobody", {"control": {"share": 0.0, "seed": 7}}, {}, EVERYTHING),
    ("control from a table", {"control": {"table": [{"customer_id": "bob"}]}}, {}, 9 + 16),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "keys", "worth"), [case[1:] for case in HAND], ids=[case[0] for case in HAND])
def test_by_hand(rule: dict[str, Any], keys: dict[str, Any], worth: float | None) -> None:
    found = best(scenario(rule or None, **keys))
    if worth is None:
        assert found is None
    else:
        assert found is not None
        assert found.objective == pytest.approx(worth)


def test_effect_of_alternation_pays_the_change_alone() -> None:
    rule = {"effect": {"alternate": "channel", "factor": 2.0}}
    spec = scenario(rule, waves=WAVES)
    same = evaluate(spec, [("ann", "o email w1"), ("ann", "o email w2")])
    change = evaluate(spec, [("ann", "o phone w1"), ("ann", "o email w2")])
    assert same.objective == pytest.approx(9 + 9)
    assert change.objective == pytest.approx(16 + 19)


def test_independent_contacts_of_one_offer_share_their_response() -> None:
    spec = scenario(responses={"combine": "independent"})
    judged = evaluate(spec, [("bob", "o email"), ("bob", "o phone")])
    assert judged.objective == pytest.approx(100 * (1 - 0.8 * 0.6) - 5)


def test_saturation_halves_what_lies_beyond_the_reference() -> None:
    curve = {"points": [[1, 0.3], [3, 0.6]], "volume_ref": 1}
    spec = scenario(channels={"email": {"unit_cost": 1}, "phone": {"unit_cost": 0, "response_curve": curve}})
    judged = evaluate(spec, [("ann", "o phone"), ("bob", "o phone")])
    assert judged.objective == pytest.approx(45)  # z = 60 is twice z_ref = 30: φ(2) = 1.5


def test_media_are_paid_where_their_slope_exceeds_one() -> None:
    spec = {
        "name": "media",
        "objective": "net_margin",
        "media": {"tv": {"spend": {"max": 10}, "curve": {"points": [[2, 1], [5, 9], [10, 12]]}}},
        "rules": [{"name": "r", "budget": {"max": 4}}],
    }
    found = best(spec)
    assert found is not None
    assert found.spend["tv"] == pytest.approx(4)
    assert found.objective == pytest.approx(1 + 2 * 8 / 3 - 4)


@pytest.mark.parametrize(("kind", "cost"), [("incremental", 3 + 3 + 1), ("all_units", 3 * 1)])
def test_tiers(kind: str, cost: float) -> None:
    tiers = {"tiers": [[0, 3], [2, 1]], "kind": kind}
    spec = scenario(channels={"email": {"unit_cost": tiers}, "phone": {"unit_cost": 4}}, waves=WAVES)
    plan = [("ann", "o email w1"), ("ann", "o email w2"), ("bob", "o email w1")]
    assert evaluate(spec, plan).objective == pytest.approx(10 + 10 + 20 - cost)


def test_fixed_cost_and_minimum_volume_once_opened() -> None:
    channels = {"email": {"unit_cost": 1, "fixed_cost": 30}, "phone": {"unit_cost": 4, "min_volume_if_opened": 2}}
    found = best(scenario({"volume": {"max": 1}}, channels=channels))
    assert found is not None
    assert found.plan == ()


def test_committed_contacts_count_in_the_horizon() -> None:
    booked = [{"customer_id": "bob", "date": "2026-03-01", "channel": "phone"}]
    spec = scenario({"contacts": {"max": 1}}, waves=WAVES[:1], committed=booked)
    found = best(spec)
    assert found is not None
    assert found.objective == pytest.approx(16)


def test_a_penalty_has_a_tolerance_and_a_side() -> None:
    soft = {"penalty": 1, "tolerance": 1}
    assert best(scenario({"volume": {"min": 6}, "soft": soft})) is None
    assert best(scenario({"volume": {"min": 5}, "soft": {**soft, "side": "max"}})) is None
    found = best(scenario({"volume": {"min": 5}, "soft": {**soft, "side": "min"}}))
    assert found is not None
    assert found.objective == pytest.approx(EVERYTHING - 1)


def test_minimised_cost_meets_its_floor() -> None:
    spec = scenario({"sum": {"of": "responses", "min": 0.5}}, objective={"minimize": "cost"})
    found = best(spec)
    assert found is not None
    assert found.objective == pytest.approx(5)  # 0.40 by phone and 0.10 or 0.20 by e-mail


def test_a_report_binds_nothing() -> None:
    found = best(scenario({"volume": {"max": 0}, "mode": "report"}))
    assert found is not None
    assert found.objective == pytest.approx(EVERYTHING)
