"""Before launch: what a plan may bring, with P10 to P90. After it: the same figures beside what came."""

from optimizer.plan.forecast.forecast import Forecast, forecast
from optimizer.plan.forecast.outcome import Outcome

__all__ = ["Forecast", "Outcome", "forecast"]
