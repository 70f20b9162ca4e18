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
            "markov, markov_journey, shapley, ordered_shapley, shapley_markov, participation; or all, to compare them."
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
    lookback: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DAYS",
            help="Days before a conversion in which a touch counts; CHANNEL=DAYS for one channel, several times.",
            show_default=False,
        ),
    ] = None,
    session: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES", help="Touches of one campaign so close to each other are one.", show_default=False
        ),
    ] = None,
    nomenclature: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Raw campaign names to channels and campaigns, YAML or CSV.", show_default=False
        ),
    ] = None,
    identities: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Key table: each row joins the identifiers in it.", show_default=False),
    ] = None,
    time_zone: Annotated[str, typer.Option(metavar="ZONE", help="Of moments written without one.")] = "UTC",
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Leave later events out, with a count.", show_default=False)
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS", help="The table's own name of a column; several times.", show_default=False
        ),
    ] = None,
    half_life: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS", help="Of time_decay. Default: 7 days, or 1 touch without times.", show_default=False
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Shares of first, between, last; of w_shaped of first, middle, last, others. Default: the model's.",
            show_default=False,
        ),
    ] = None,
    direct: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="The channel without a source.", show_default=False)
    ] = None,
    lead: Annotated[
        str | None,
        typer.Option(
            metavar="KPI",
            help="Of w_shaped: the touch that brought this KPI has the share of the middle one.",
            show_default=False,
        ),
    ] = None,
    separator: Annotated[str, typer.Option(help="What stands between the touches of a path.")] = ">",
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="A column that tells no events apart, such as loaded_at: rows that differ in it alone are one event; "
            "several times.",
            show_default=False,
        ),
    ] = None,
    period: Annotated[
        str | None,
        typer.Option(
            metavar="day|week|month",
            help="A row a channel and period, beside touches and spend: what `learn curves` reads. Models that weigh "
            "touches only, such as markov_journey.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the credit as CSV: channel, conversions, value.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write one offline HTML page: all models, roles by KPI, virtuous paths, least effective campaigns.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Credit channels with the conversions they brought.

    Prints the credit; `--out` writes it with every digit. Several KPIs put a column kpi before the others, and
    `--model all` a column model.

    Example: `optimizer learn attribution journeys.csv --model markov --order 1 --out credit.csv`
    """
    from optimizer.commands.learn_attribution import run_attribution

    run_attribution(
        file,
        model=model,
        out=out,
        report=report,
        period=period,
        weights=weights,
        reading={
            "lookback": lookback,
            "session": session,
            "nomenclature": nomenclature,
            "identities": identities,
            "time_zone": time_zone,
            "as_of": as_of,
            "columns": column,
            "separator": separator,
            "ignore": ignore or (),
        },
        order=order,
        kpi=kpi,
        by=by,
        transforms=transform,
        half_life=half_life,
        direct=direct,
        lead=lead,
    )


@learn.command()
def curves(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Spend and response, CSV or Parquet: a row a period (date, [region], a column a channel, response, "
            "controls), or a long table (channel, [date], [region], spend or volume, response).",
            show_default=False,
        ),
    ],
    response: Annotated[str, typer.Option(help="The column of the response.")] = "response",
    date: Annotated[str, typer.Option(help="The column of the period's date.")] = "date",
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="A column of spend; may be given several times. Default: every numeric column without other part.",
            show_default=False,
        ),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(help="A column that explains the response besides; several times.", show_default=False),
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The column of regions. Default: region, where there is one.", show_default=False)
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="The column of a region's size. Default: its mean response.", show_default=False),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VOLUME=SPEND", help="What a volume column cost: its curve is then in money.", show_default=False
        ),
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(help="A channel whose column is a volume and shall stay one.", show_default=False),
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="%m/%d/%Y where not YYYY-MM-DD.", show_default=False)
    ] = None,
    adstock: Annotated[
        str, typer.Option(help="auto, none, geometric, delayed, weibull_cdf or weibull_pdf.")
    ] = "auto",
    saturation: Annotated[
        str, typer.Option(help="auto, hill, logistic, michaelis_menten, log, power or concave.")
    ] = "auto",
    max_lag: Annotated[int, typer.Option(min=0, metavar="PERIODS", help="How long spend is felt.")] = 8,
    trend: Annotated[int, typer.Option(min=0, help="Straight pieces of the trend.")] = 1,
    seasonality: Annotated[int, typer.Option(min=0, help="Harmonics of the year.")] = 2,
    holdout: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="PERIODS", help="Last periods that choose the forms. Default: a sixth.", show_default=False
        ),
    ] = None,
    draws: Annotated[int, typer.Option(min=0, help="Bootstrap draws for the intervals.")] = 200,
    level: Annotated[float, typer.Option(help="What an interval holds: 0.8 is P10 to P90.")] = 0.8,
    seed: Annotated[int, typer.Option(min=0, help="Of random starts and draws.")] = 0,
    periods: Annotated[
        float, typer.Option(metavar="N", help="Periods of the scenario's horizon, for which curves are written.")
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the files go; replaced whole. Default: curves/ beside FILE.", show_default=False
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary alone, as JSON.")] = False,
) -> None:
    """Fit response curves to spend and response, and write them as a scenario reads them.

    Example: `optimizer learn curves weeks.csv --response orders --control price --periods 13 --out curves`
    """
    from optimizer.commands.learn_curves import run_curves

    run_curves(
        file,
        out=out,
        periods=periods,
        quiet=quiet,
        as_json=json,
        costs=cost or [],
        response=response,
        date=date,
        channels=channel,
        controls=control or [],
        region=region,
        size=size,
        volumes=volume or [],
        date_format=date_format,
        adstock=adstock,
        saturation=saturation,
        max_lag=max_lag,
        trend=trend,
        seasonality=seasonality,
        holdout=holdout,
        draws=draws,
        level=level,
        seed=seed,
    )


@learn.command()
def calibration(
    file: Annotated[
        Path, typer.Argument(metavar="CURVE", help="A channel's response curve, YAML or JSON.", show_default=False)
    ],
    scores: Annotated[
        Path, typer.Option(metavar="TABLE", help="The appetence table, CSV or Parquet.", show_default=False)
    ],
    channel: Annotated[str, typer.Option(help="The channel, as the table names it.", show_default=False)],
    spend_ref: Annotated[
        float | None, typer.Option(help="Where to calibrate. Default: what CURVE says.", show_default=False)
    ] = None,
    volume_ref: Annotated[
        float | None, typer.Option(help="Where to calibrate. Default: what CURVE says.", show_default=False)
    ] = None,
    volume: Annotated[float | None, typer.Option(help="Contacts that spend_ref bought.", show_default=False)] = None,
    unit_cost: Annotated[
        float | None, typer.Option(help="Money a contact, in place of --volume.", show_default=False)
    ] = None,
    contacted: Annotated[
        str, typer.Option(help="Who was contacted then: average (customers of every score alike), or best.")
    ] = "average",
) -> None:
    """Find the factor that makes a channel's scores add up to its response curve, and write it into the curve's file.

    Example: `optimizer learn calibration curves/print.yaml --scores appetence.parquet --channel print --unit-cost 0.62`
    """
    from optimizer.commands.learn_calibration import run_calibration

    run_calibration(
        file,
        scores,
        channel=channel,
        spend_ref=spend_ref,
        volume_ref=volume_ref,
        volume=volume,
        unit_cost=unit_cost,
        contacted=contacted,
    )


@learn.command()
def appetence(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Contact history, CSV or Parquet: customer_id, channel, event (sent, open, click, unsubscribe …), "
            "date or time; optional offer, campaign, value. Without 'sent', a row is a contact with its outcome.",
            show_default=False,
        ),
    ],
    customers: Annotated[
        Path,
        typer.Option(metavar="TABLE", help="Who is scored: customer_id and any columns.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the tables go.")] = Path("appetence"),
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Learn from what was before. Default: all of it.", show_default=False),
    ] = None,
    response_days: Annotated[float, typer.Option(help="Days after a contact a response is due to it.")] = 14.0,
    response: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND",
            help="What counts as a response; several times. Default: click, return, purchase, response.",
            show_default=False,
        ),
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Channels to learn; several times. Default: all.", show_default=False)
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The channel or offer of customers held out by draw: writes a baseline.",
            show_default=False,
        ),
    ] = None,
    consent: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Consent given; the history only takes from it.", show_default=False),
    ] = None,
    segment: Annotated[str | None, typer.Option(metavar="COLUMN", help="Default: segment.", show_default=False)] = None,
    preference: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Default: preferred_channel.", show_default=False)
    ] = None,
    value: Annotated[str | None, typer.Option(metavar="COLUMN", help="Default: value.", show_default=False)] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Customer columns to learn from; several times. Default: all.", show_default=False),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="A history column known before the contact, and the value to score at.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="logistic, or boosting.")] = "logistic",
    weights: Annotated[
        str | None,
        typer.Option(help="Against the past policy's choices: logged, or fitted.", show_default=False),
    ] = None,
    newcomers: Annotated[
        str, typer.Option(help="What scores customers without history: auto, model, segment.")
    ] = "auto",
    min_responses: Annotated[int, typer.Option(min=1, help="Responses that a model of its own takes.")] = 50,
    judge: Annotated[
        str, typer.Option(help="Which contacts judge: auto (the last ones, where enough), or customers (others').")
    ] = "auto",
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="A column under another name.", show_default=False),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="SPELLING=KIND", help="What an event means; SPELLING= leaves it out.", show_default=False),
    ] = None,
    time_zone: Annotated[str, typer.Option(help="Where days and hours are counted.")] = "UTC",
    seed: Annotated[int, typer.Option(help="Of draws, and of the cut by customers.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the summary alone, as JSON.")] = False,
) -> None:
    """Learn how likely each customer is to respond to each channel, and who may be reached.

    Writes appetence.parquet, consent.parquet (and baseline.parquet), which a scenario reads, with summary.md and the
    reports behind it. Needs the learn extra.

    Example: `optimizer learn appetence contacts.csv --customers customers.csv --as-of 2026-03-01 --out learnt/`
    """
    from optimizer.commands.learn_appetence import run_appetence

    asked = {
        "as_of": as_of,
        "response_days": response_days,
        "channels": channel,
        "control": control,
        "consent": consent,
    }
    asked |= {"segment": segment, "preference": preference, "value": value, "columns": column, "model": model}
    asked |= {"weights": weights, "newcomers": newcomers, "min_responses": min_responses, "time_zone": time_zone}
    asked["judge"] = judge
    if response:
        asked["responses"] = response
    pairs = {"names": name or [], "events": event or [], "context": context or []}
    run_appetence(file, customers, out, pairs=pairs, as_json=json, seed=seed, **asked)


@learn.command("import-curves")
def import_curves(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A row a curve (channel, [region], the kind's columns; scale, kpi_scale, carried, cost), or a row a "
            "point (channel, [region], spend, response).",
            show_default=False,
        ),
    ],
    kind: Annotated[
        str, typer.Option(help="points, robyn, meridian, pymc_logistic, pymc_tanh, pymc_michaelis_menten or pymc_hill.")
    ] = "points",
    spans: Annotated[float, typer.Option(metavar="N", help="Periods that the file's figures span.")] = 1.0,
    periods: Annotated[
        float, typer.Option(metavar="N", help="Periods of the scenario's horizon, for which curves are written.")
    ] = 1.0,
    region: Annotated[
        str | None, typer.Option(help="The column of regions. Default: region, where there is one.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the files go; replaced whole. Default: curves/ beside FILE.", show_default=False
        ),
    ] = None,
) -> None:
    """Write curves that were fitted elsewhere as a scenario reads them.

    Example: `optimizer learn import-curves robyn.csv --kind robyn --periods 13 --out curves`
    """
    from optimizer.commands.learn_curves import run_import

    run_import(file, kind=kind, spans=spans, periods=periods, region=region, out=out)
