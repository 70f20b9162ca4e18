"""The best few choices of a unit, against all paths of its diagram: none left out, none twice, none made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from optimizer.problem import Floats
from optimizer.rules import compile_problem
from optimizer.solve.decomposed.alternatives import alternatives, second_best_losses
from optimizer.solve.decomposed.columns import Columns, build_columns
from optimizer.solve.decomposed.links import read_links
from optimizer.solve.decomposed.structure import read_structure, unsupported
from optimizer.solve.decomposed.sweep import choose, plan_sweep
from optimizer.solve.diagram.diagrams import build_diagrams
from optimizer.solve.diagram.units import pricing_units
from tests.fuzzing.case import case
from tests.fuzzing.properties import scenario_of

#: What a choice adds to the objective and to every row, whatever contacts it is made of.
Said = tuple[tuple[int, float, tuple[float, ...]], ...]


def columns_of(seed: int) -> tuple[Columns, Floats] | None:
    """Columns of a random scenario, rounded so that many are alike, and random prices."""
    problem = compile_problem(scenario_of(case(seed)))
    if unsupported(problem):
        return None
    structure, units = read_structure(problem), pricing_units(problem)
    diagrams = build_diagrams(problem, units)
    if not diagrams.feasible[diagrams.class_of].all():
        return None
    links = read_links(problem, structure.expressions)
    columns = build_columns(problem, units, diagrams, links, structure.worth, structure.outside)
    random = np.random.default_rng(seed)
    alike = replace(
        columns,
        code=(columns.code % 3).astype(np.int32),
        worth=random.integers(1, 4, len(columns.worth)).astype(float),
        base=random.integers(1, 3, columns.base.shape).astype(float),
    )
    return alike, random.choice([0.0, 0.25, 1.0], (len(links.bases), links.codes + 3))


def paths(columns: Columns, unit: int) -> Iterator[tuple[list[int], float]]:
    """Every choice of a unit: its columns and what the arcs add."""
    own, k = columns.diagrams, int(columns.class_of[unit])
    at = int(own.node_start[k])
    column = {int(columns.term[j]): j for j in range(columns.start[unit], columns.start[unit + 1])}

    def below(node: int) -> Iterator[tuple[list[int], float]]:
        if node == 0:
            yield [], 0.0
            return
        for child, term, worth in (
            (own.low[at + node], own.low_term[at + node], own.low_worth[at + node]),
            (own.high[at + node], own.high_term[at + node], own.high_worth[at + node]),
        ):
            if child < 0 or (term >= 0 and int(term) not in column):
                continue
            for made, added in below(int(child)):
                yield ([column[int(term)], *made] if term >= 0 else made), added + float(worth)

    for made, added in below(int(own.node_start[k + 1]) - at - 1):
        yield made, added + float(own.root_worth[k])


def said(columns: Columns, made: list[int]) -> Said:
    return tuple(
        sorted((int(columns.code[j]), float(columns.worth[j]), tuple(columns.base[:, j].tolist())) for j in made)
    )


def value(columns: Columns, prices: Floats, made: list[int], added: float) -> float:
    base = np.concatenate([np.ones((1, len(made))), columns.base[:, made]])
    return added + float(columns.worth[made].sum() - (prices[:, columns.code[made]] * base).sum())


@pytest.mark.parametrize("first", range(31_000, 31_080, 20))
def test_the_best_few_are_those_of_all_paths(first: int) -> None:
    most = 5
    seen = 0
    for seed in range(first, first + 20):
        if (found := columns_of(seed)) is None:
            continue
        columns, prices = found
        everyone = np.arange(columns.units, dtype=np.int32)
        options = alternatives(columns, everyone, prices, most, np.inf)
        losses = second_best_losses(columns, everyone, prices)
        swept = choose(columns, plan_sweep(columns, everyone, 3), prices)[2]
        np.testing.assert_allclose(swept, losses, atol=1e-9, err_msg=str(seed))
        for unit in everyone:
            all_of = list(paths(columns, int(unit)))
            if len(all_of) > 3_000:
                continue
            # A choice that adds the same and pays a penalty more is never chosen: it is no next one, if an alternative.
            best: dict[Said, float] = {}
            by_penalty: dict[tuple[Said, float], float] = {}
            for made, added in all_of:
                worth = value(columns, prices, made, added)
                best[said(columns, made)] = max(best.get(said(columns, made), -np.inf), worth)
                by_penalty[said(columns, made), round(added, 9)] = worth
            wanted = sorted(best.values(), reverse=True)
            all_wanted = sorted(by_penalty.values(), reverse=True)
            np.testing.assert_allclose(
                losses[unit], wanted[0] - wanted[1] if len(wanted) > 1 else np.inf, atol=1e-9, err_msg=str(seed)
            )
            own = np.flatnonzero(options.unit == unit)
            made_of = [options.column[options.start[p] : options.start[p + 1]].tolist() for p in own]
            worths = [value(columns, prices, made_of[m], float(options.constant[p])) for m, p in enumerate(own)]
            np.testing.assert_allclose(np.array(wanted[0]) - worths, options.loss[own], atol=1e-9)
            np.testing.assert_allclose(worths, all_wanted[:most], atol=1e-9)
            penalties = options.constant[own].round(9).tolist()
            assert len({(said(columns, made), paid) for made, paid in zip(made_of, penalties, strict=True)}) == len(own)
            known = {(tuple(sorted(made)), round(added, 9)) for made, added in all_of}
            assert all((tuple(sorted(m)), paid) in known for m, paid in zip(made_of, penalties, strict=True))
            seen += len(own)
    assert seen > 20
