"""Journeys: an event table or grouped paths, read, checked and brought to paths by KPI."""

from __future__ import annotations

from optimizer.learn.journeys.journeys import Journeys, read_journeys

__all__ = ["Journeys", "read_journeys"]
