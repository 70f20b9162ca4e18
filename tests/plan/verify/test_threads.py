"""Rules checked at the same time give what they give one after the other."""

from __future__ import annotations

import pandas as pd
import pytest

from optimizer.plan import verify as package
from optimizer.plan.verify import verify
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of


@pytest.mark.parametrize("seed", range(500, 512))
def test_checks_do_not_depend_on_threads(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = scenario_of(case(seed))
    pairs = scenario.facts.pairs
    contacts = pd.DataFrame(
        {
            "customer_id": scenario.facts.customers["customer_id"].to_numpy(object)[pairs.customer],
            "activity": scenario.facts.activities["activity"].to_numpy(object)[pairs.activity],
        },
        dtype=str,
    )
    alone = verify(scenario, contacts)
    monkeypatch.setattr(package, "MANY", 0)
    together = verify(scenario, contacts)
    pd.testing.assert_frame_equal(alone.checks, together.checks)
    assert alone.valuation.objective == together.valuation.objective
