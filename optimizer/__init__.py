"""Customer-level campaign optimisation with a certificate: ``load`` a scenario, ``solve`` it, read the plan.

>>> import optimizer as opt
>>> scenario = opt.load("scenario.yaml")  # doctest: +SKIP
>>> plan = opt.solve(scenario)  # doctest: +SKIP
>>> plan.certificate  # doctest: +SKIP

Names are imported when first used, so that ``optimizer --help`` answers at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from optimizer.engine import evaluate, solve, to_pyomo
    from optimizer.errors import (
        Infeasible,
        NoPlan,
        OptimizerError,
        ScenarioError,
        ShortOfMemory,
        SolverFailure,
        UnverifiedPlan,
    )
    from optimizer.learn.appetence.appetence import Appetence
    from optimizer.learn.appetence.fit import fit_appetence
    from optimizer.learn.attribution import (
        Attribution,
        AttributionReport,
        Comparison,
        attribution,
        attribution_report,
        compare_attribution,
        credit_by_period,
    )
    from optimizer.learn.calibration import Calibration, calibrate
    from optimizer.learn.journeys import Journeys, read_journeys
    from optimizer.learn.response import FittedCurves, ImportedCurves, fit_curves, import_curves
    from optimizer.plan.certificate import Certificate
    from optimizer.plan.plan import Plan
    from optimizer.scenario import Scenario, load

_HOMES = {
    "load": "optimizer.scenario",
    "Scenario": "optimizer.scenario",
    "solve": "optimizer.engine",
    "evaluate": "optimizer.engine",
    "to_pyomo": "optimizer.engine",
    "Plan": "optimizer.plan.plan",
    "Certificate": "optimizer.plan.certificate",
    "Journeys": "optimizer.learn.journeys",
    "read_journeys": "optimizer.learn.journeys",
    "Attribution": "optimizer.learn.attribution",
    "attribution": "optimizer.learn.attribution",
    "Comparison": "optimizer.learn.attribution",
    "compare_attribution": "optimizer.learn.attribution",
    "credit_by_period": "optimizer.learn.attribution",
    "AttributionReport": "optimizer.learn.attribution",
    "attribution_report": "optimizer.learn.attribution",
    "Calibration": "optimizer.learn.calibration",
    "calibrate": "optimizer.learn.calibration",
    "Appetence": "optimizer.learn.appetence.appetence",
    "fit_appetence": "optimizer.learn.appetence.fit",
    "FittedCurves": "optimizer.learn.response",
    "fit_curves": "optimizer.learn.response",
    "ImportedCurves": "optimizer.learn.response",
    "import_curves": "optimizer.learn.response",
    "OptimizerError": "optimizer.errors",
    "ScenarioError": "optimizer.errors",
    "Infeasible": "optimizer.errors",
    "NoPlan": "optimizer.errors",
    "UnverifiedPlan": "optimizer.errors",
    "ShortOfMemory": "optimizer.errors",
    "SolverFailure": "optimizer.errors",
}

__all__ = [
    "Appetence",
    "Attribution",
    "AttributionReport",
    "Calibration",
    "Certificate",
    "Comparison",
    "FittedCurves",
    "ImportedCurves",
    "Infeasible",
    "Journeys",
    "NoPlan",
    "OptimizerError",
    "Plan",
    "Scenario",
    "ScenarioError",
    "ShortOfMemory",
    "SolverFailure",
    "UnverifiedPlan",
    "attribution",
    "attribution_report",
    "calibrate",
    "compare_attribution",
    "credit_by_period",
    "evaluate",
    "fit_appetence",
    "fit_curves",
    "import_curves",
    "load",
    "read_journeys",
    "solve",
    "to_pyomo",
]


class _Face(ModuleType):
    """The package itself. ``optimizer.solve`` is the function; the folder of that name is reached by its own imports.

    Python would bind the folder to the package as soon as anything of it is imported, and hide the function.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "solve" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
