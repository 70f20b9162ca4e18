"""Response curves from spend or volume and response: carry-over, saturation, intervals, files a scenario reads."""

from optimizer.learn.response.fit import fit_curves
from optimizer.learn.response.fitted import FittedCurves
from optimizer.learn.response.importers import ImportedCurves, import_curves

__all__ = ["FittedCurves", "ImportedCurves", "fit_curves", "import_curves"]
