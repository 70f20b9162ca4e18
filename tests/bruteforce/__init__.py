"""An optimizer too slow to be wrong: it reads a scenario as a planner writes it and tries every plan.

It is written from SCENARIO.md and docs/meaning.md alone and imports nothing from ``optimizer``.
"""
