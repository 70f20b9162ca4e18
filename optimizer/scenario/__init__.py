"""What a planner writes: the schema of scenario files, reading them and their tables, and the facts they say."""

from __future__ import annotations

from optimizer.scenario.json_schema import json_schema
from optimizer.scenario.scenario import Scenario, load

__all__ = ["Scenario", "json_schema", "load"]
