"""Every error the engine raises on purpose: one class a fault, each with the message a planner can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimizer.solve.bill import Bill


class OptimizerError(Exception):
    """The parent of every error of this package."""

    exit_code = 1


class ScenarioError(OptimizerError):
    """The input is wrong: says where, what was found and what was expected.

    Parameters
    ----------
    file : str
        The file (or the argument) that holds the fault.
    place : str
        The key, row or column, for example ``rules[3].volume.min`` or ``row 17, column email``.
    value : object
        What stands there.
    expectation : str
        What was expected, with the mend in it.
    """

    exit_code = 2

    def __init__(self, file: str, place: str, value: object, expectation: str) -> None:
        self.file, self.place, self.value, self.expectation = file, place, value, expectation
        shown = "" if value is None else f" is {value!r}"
        super().__init__(f"{file}: {place}{shown}: {expectation}")


class Infeasible(OptimizerError):
    """No plan satisfies the rules; ``bill`` says which, how short each is, and the cheapest way out."""

    exit_code = 3

    def __init__(self, bill: Bill) -> None:
        self.bill = bill
        super().__init__(str(bill))


class NoPlan(OptimizerError):
    """The limit came before any plan was found, or no path can take so large a scenario."""

    exit_code = 4


class UnverifiedPlan(OptimizerError):
    """A plan did not pass the independent check; it is never returned or written."""


class SolverFailure(OptimizerError):
    """The solver process died or answered nonsense on every rung of the retry ladder."""


class ShortOfMemory(OptimizerError):
    """What is asked for takes more memory than is free; said before it is taken."""
