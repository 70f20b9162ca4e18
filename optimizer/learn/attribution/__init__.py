"""Attribution: which channel brought the conversions, under a dozen models, exact and the same for any row order."""

from __future__ import annotations

from optimizer.learn.attribution.attribute import Attribution, attribution

__all__ = ["Attribution", "attribution"]
