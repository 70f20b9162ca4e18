"""The command line: thin. Every command hands over to ``optimizer.commands``, imported only when it runs.

Exit codes: 0 a verified plan · 1 a plan that does not pass, or a fault of ours · 2 bad input · 3 infeasible, the bill
is printed · 4 no plan within the limit. Results go to stdout, progress and messages to stderr.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from optimizer import __version__
from optimizer.cli_learn import learn
from optimizer.errors import OptimizerError

app = typer.Typer(
    name="optimizer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Who is contacted, how, with what and when, and how much each medium gets: the plan of largest margin under "
    "your rules, checked independently, with a certificate of how far it can be from the best there is.",
    epilog="Exit codes: 0 a verified plan · 1 a plan that does not pass · 2 bad input · 3 infeasible, the bill is "
    "printed · 4 no plan within the limit.",
)
export = typer.Typer(no_args_is_help=True, help="Hand the mathematical model over to other tools.")
app.add_typer(export, name="export")
app.add_typer(learn, name="learn")

ScenarioFile = Annotated[Path, typer.Argument(metavar="FILE", help="The scenario, YAML or JSON.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print the summary alone, as JSON.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"campaign-optimizer {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@app.command()
def solve(
    file: ScenarioFile,
    gap: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="Stop at this relative gap: 1e-4 is one part in ten thousand.")
    ] = 1e-4,
    time_limit: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Stop after so many seconds.")] = 600.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where the plan goes; replaced whole. Default: plan/ beside FILE.", show_default=False
        ),
    ] = None,
    excel: Annotated[bool, typer.Option("--excel", help="Write plan.xlsx too (needs the excel extra).")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress; the certificate alone.")] = False,
    json: Json = False,
) -> None:
    """Find the plan of largest objective and write it.

    Money is in the scenario's currency, time in seconds. Ctrl-C stops with the best plan found so far and its gap.

    Example: `optimizer solve scenarios/privilege_evenings/scenario.yaml --gap 1e-3 --excel`
    """
    from optimizer.commands.solve import run_solve

    run_solve(file, gap=gap, time_limit=time_limit, out=out, excel=excel, quiet=quiet, as_json=json)


@app.command()
def check(file: ScenarioFile, json: Json = False) -> None:
    """Read a scenario, count what it holds and lint its rules; solves nothing.

    Tells contradictory (exit code 3), redundant and dead rules, what the tables left out, and reads every rule back as
    a sentence.

    Example: `optimizer check scenario.yaml`
    """
    from optimizer.commands.check import run_check

    _leave(run_check(file, as_json=json), code=3)


@app.command()
def evaluate(
    file: ScenarioFile,
    plan: Annotated[
        Path,
        typer.Option(
            metavar="TABLE",
            help="Contacts, CSV or Parquet: customer_id and activity, or customer_id, channel (and offer, wave).",
            show_default=False,
        ),
    ],
    spend: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE", help="Money of media, CSV: cell, spend. A plan's budget.csv will do.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Value and check a plan of your own against a scenario.

    Example: `optimizer evaluate scenario.yaml --plan my_plan.csv`
    """
    from optimizer.commands.evaluate import run_evaluate

    _leave(run_evaluate(file, plan, spend, as_json=json))


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that solve wrote.", show_default=False)],
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The scenario. Default: where the plan says it is.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Check a written plan against its scenario, later and elsewhere.

    Recomputes every rule, cost and response from the scenario's tables and the plan's contacts alone, and compares what
    the plan's tables and summary state.

    Example: `optimizer verify scenarios/privilege_evenings/plan`
    """
    from optimizer.commands.verify import run_verify

    _leave(run_verify(folder, scenario, as_json=json))


@app.command()
def forecast(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that `optimizer solve` wrote.", show_default=False)
    ],
    scores: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE|NUMBER",
            help="How far the level of scores may be off: a relative standard deviation, or a table of channel, offer "
            "and relative (or contacts and responses).",
            show_default=False,
        ),
    ] = None,
    curves: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE", help="Bootstrap draws of response curves: channel, draw, parameters.", show_default=False
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMNS", help="Split by a column, or by several crossed (channel,wave).", show_default=False
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Outcomes drawn.")] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same forecast.")] = 0,
    actual: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="What came: customer_id, channel (or activity), response, revenue; shown beside the forecast.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the whole table here, as CSV.", show_default=False)
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The scenario, where the plan does not say.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Forecast a written plan: responses, revenue, margin and return with P10 to P90; after launch, beside what came.

    Example: `optimizer forecast scenarios/privilege_evenings/plan --scores 0.15 --by channel --by segment`
    """
    from optimizer.commands.forecast import Asked, run_forecast

    run_forecast(Asked(folder, scenario, scores, curves, by or [], draws, seed, actual, out, json))


@app.command()
def new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to make; must not exist.", show_default=False)
    ],
) -> None:
    """Write a small scenario folder to start from, ready to solve.

    Example: `optimizer new spring && optimizer solve spring/scenario.yaml`
    """
    from optimizer.commands.new import run_new

    run_new(folder)


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, for completion in an editor.

    Example: `optimizer schema > scenario.schema.json`
    """
    from optimizer.commands.schema import run_schema

    run_schema()


@export.command("model")
def export_model(
    file: ScenarioFile,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to; the ending says the format: .lp or .mps.")
    ] = Path("model.lp"),
) -> None:
    """Write the mixed-integer program with every rule's name, for another solver or for reading.

    Example: `optimizer export model scenario.yaml --out model.mps`
    """
    from optimizer.commands.export import run_export_model

    run_export_model(file, out)


def _leave(passed: bool, *, code: int = 1) -> None:
    if not passed:
        raise typer.Exit(code)


def main() -> None:
    """Run the command line; errors meant for the planner end in one message and their exit code."""
    try:
        app()
    except OptimizerError as error:
        from optimizer.commands.console import tell_error

        tell_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
