"""A curve as a scenario file writes it: the inverse of ``optimizer.scenario.curves.curve_from``."""

from __future__ import annotations

from typing import Any

from optimizer.scenario.curves import Curve, Hill, Log, Logistic, MichaelisMenten, Points, Power


def keys_of(curve: Curve) -> tuple[str, Any]:
    """The form and its parameters by name; for ``points`` a list of [spend, response].

    Raises
    ------
    TypeError
        For a curve that a scenario file cannot state.
    """
    match curve:
        case Hill(top, half, exponent):
            return "hill", {"top": top, "half": half, "slope": exponent}
        case Logistic(top, rate):
            return "logistic", {"top": top, "rate": rate}
        case MichaelisMenten(top, half):
            return "michaelis_menten", {"top": top, "half": half}
        case Log(scale, half):
            return "log", {"scale": scale, "half": half}
        case Power(scale, exponent):
            return "power", {"scale": scale, "exponent": exponent}
        case Points(points):
            return "points", [[spend, response] for spend, response in points]
        case _:
            raise TypeError(f"no scenario file states a {type(curve).__name__}")


def scaled(curve: Curve, *, spend: float, response: float) -> Curve:
    """The same curve in other units: S ↦ response · R(S / spend).

    A curve of one period is one of H even periods with ``spend=H, response=H``.
    """
    match curve:
        case Hill(top, half, exponent):
            return Hill(top * response, half * spend, exponent)
        case Logistic(top, rate):
            return Logistic(top * response, rate / spend)
        case MichaelisMenten(top, half):
            return MichaelisMenten(top * response, half * spend)
        case Log(scale, half):
            return Log(scale * response, half * spend)
        case Power(scale, exponent):
            return Power(scale * response * spend**-exponent, exponent)
        case Points(points):
            return Points(tuple((s * spend, r * response) for s, r in points))
        case _:
            raise TypeError(f"no scenario file states a {type(curve).__name__}")
