"""Response curves from spend or volume and response: carry-over, saturation, intervals, files a scenario reads."""

from optimizer.learn.response.fit import fit_curves
from optimizer.learn.response.fitted import FittedCurves

__all__ = ["FittedCurves", "fit_curves"]
