"""``optimizer solve``: solve a scenario, write its plan, say what it is worth."""

from __future__ import annotations

from pathlib import Path

from optimizer.commands.console import count, number, print_json, progress_line, results, say, table
from optimizer.errors import Infeasible
from optimizer.plan.plan import Plan
from optimizer.plan.write import check_replaceable


def run_solve(
    file: Path, *, gap: float, time_limit: float, out: Path | None, excel: bool, quiet: bool, as_json: bool
) -> None:
    """Solve ``file`` and write the plan's folder."""
    folder = out if out is not None else file.parent / "plan"
    check_replaceable(folder)  # Before the solve, not after it.
    if excel:
        from optimizer.report.excel import require_excel

        require_excel()
    from optimizer.engine import solve
    from optimizer.scenario import load

    with progress_line(quiet=quiet or as_json, time_limit=time_limit) as progress:
        scenario = load(file)
        try:
            plan = solve(scenario, gap=gap, time_limit=time_limit, progress=progress)
        except Infeasible as error:
            if as_json:
                print_json({"name": scenario.spec.name, "status": "infeasible", "bill": error.bill.as_dict()})
                raise SystemExit(error.exit_code) from None
            raise
    plan.save(folder, excel=excel)
    if as_json:
        print_json(plan.summary)
    elif quiet:
        say(str(plan.certificate))
    else:
        _tell(plan, folder)


def _tell(plan: Plan, folder: Path) -> None:
    """The certificate, the money by channel, the rules that bind, what was left out, where the files are."""
    out = results()
    summary, currency = plan.summary, plan.scenario.currency
    say(summary["name"], style="bold")
    say(str(plan.certificate))
    say(
        f"{count(summary['contacts'])} contacts to {count(summary['customers_contacted'])} of "
        f"{count(summary['customers'])} customers, cost {number(summary['cost'])} {currency}, "
        f"net margin {number(summary['net_margin'])} {currency}"
    )
    columns = ["cost", "response", "gross_margin", "net_margin"]
    money = plan.budget.assign(volume=plan.budget["volume"].fillna(0))
    by_channel = money.groupby("channel", sort=False)[["volume", *columns]].sum().round(2).reset_index()
    say("")
    out.print(table("Where it goes", by_channel, {c: c.replace("_", " ") for c in by_channel.columns}))
    binding = plan.binding()
    if len(binding):
        shown = binding.head(20)
        say("")
        headers = {
            "rule": "rule",
            "scope": "scope",
            "value": "value",
            "min": "min",
            "max": "max",
            "shadow_price": "price",
        }
        out.print(table("Rules that bind", shown, headers, mixed=True))
        if len(binding) > len(shown):
            say(f"and {len(binding) - len(shown)} more in rules.csv")
    for part in summary["left_out"]:
        say(f"left out: {part['count']:,} {part['reason']}")
    for note in plan.notes:
        say(f"note: {note}")
    say("")
    say(f"plan in {folder} (open {folder / 'report.html'})")
