"""``optimizer learn …``: what feeds the program. Thin, as ``optimizer.cli``: every command hands over when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

learn = typer.Typer(no_args_is_help=True, help="Learn what feeds a scenario: attribution, response curves, appetence.")


@learn.command()
def attribution(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Journeys, CSV or Parquet: events (customer, timestamp, channel, …) or grouped paths (path, "
            "total_conversions, total_conversion_value, total_null).",
            show_default=False,
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="first, last, last_non_direct, linear, position_based, w_shaped, j_shaped, inverse_j, time_decay, "
            "markov, markov_journey, shapley, ordered_shapley, participation; or all, to compare them."
        ),
    ] = "markov",
    order: Annotated[int, typer.Option(min=1, help="Touches a Markov state remembers.")] = 1,
    kpi: Annotated[
        list[str] | None,
        typer.Option(help="The KPI to credit; may be given several times. Default: all.", show_default=False),
    ] = None,
    by: Annotated[str, typer.Option(help="channel, or campaign for campaigns within channels.")] = "channel",
    transform: Annotated[
        list[str] | None,
        typer.Option(
            help="exposure, first, unique, frequency, trim(N), drop_direct; several in order.", show_default=False
        ),
    ] = None,
    half_life: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS", help="Of time_decay. Default: 7 days, or 1 touch without times.", show_default=False
        ),
    ] = None,
    direct: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="The channel without a source.", show_default=False)
    ] = None,
    separator: Annotated[str, typer.Option(help="What stands between the touches of a path.")] = ">",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the credit as CSV: channel, conversions, value.", show_default=False),
    ] = None,
) -> None:
    """Credit channels with the conversions they brought.

    Prints the credit; `--out` writes it with every digit. Several KPIs put a column kpi before the others.

    Example: `optimizer learn attribution journeys.csv --model markov --order 1 --out credit.csv`
    """
    from optimizer.commands.learn_attribution import run_attribution

    run_attribution(
        file,
        model=model,
        out=out,
        reading={"separator": separator},
        order=order,
        kpi=kpi,
        by=by,
        transforms=transform,
        half_life=half_life,
        direct=direct,
    )
