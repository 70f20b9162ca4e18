"""Attribution: which channel brought the conversions, under a dozen models, exact and the same for any row order."""

from __future__ import annotations

from optimizer.learn.attribution.attribute import Attribution, attribution
from optimizer.learn.attribution.compare import Comparison, compare_attribution
from optimizer.learn.attribution.periods import credit_by_period
from optimizer.learn.attribution.report import AttributionReport, attribution_report

__all__ = [
    "Attribution",
    "AttributionReport",
    "Comparison",
    "attribution",
    "attribution_report",
    "compare_attribution",
    "credit_by_period",
]
