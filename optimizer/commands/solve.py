"""``optimizer solve``: solve a scenario, write its plan, say what it is worth."""

from __future__ import annotations

from pathlib import Path

from optimizer.commands.console import count, number, print_json, progress_line, results, table
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

    with progress_line(quiet=quiet or as_json) as progress:
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
        results().print(str(plan.certificate), soft_wrap=True)
    else:
        _tell(plan, folder)


def _tell(plan: Plan, folder: Path) -> None:
    """The certificate, the money by channel, the rules that bind, what was left out, where the files are."""
    out = results()
    summary, currency = plan.summary, plan.scenario.currency
    out.print(f"[bold]{summary['name']}[/bold]", soft_wrap=True)
    out.print(str(plan.certificate), soft_wrap=True)
    out.print(
        f"{count(summary['contacts'])} contacts to {count(summary['customers_contacted'])} of "
        f"{count(summary['customers'])} customers, cost {number(summary['cost'])} {currency}, "
        f"net margin {number(summary['net_margin'])} {currency}",
        soft_wrap=True,
    )
    columns = ["cost", "response", "gross_margin", "net_margin"]
    money = plan.budget.assign(volume=plan.budget["volume"].fillna(0))
    by_channel = money.groupby("channel", sort=False)[["volume", *columns]].sum().round(2).reset_index()
    out.print()
    out.print(table("Where it goes", by_channel, {c: c.replace("_", " ") for c in by_channel.columns}))
    binding = plan.binding()
    if len(binding):
        shown = binding.head(20)
        out.print()
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
            out.print(f"and {len(binding) - len(shown)} more in rules.csv")
    for part in summary["left_out"]:
        out.print(f"left out: {part['count']:,} {part['reason']}", soft_wrap=True)
    for note in plan.notes:
        out.print(f"note: {note}", soft_wrap=True)
    out.print()
    out.print(f"plan in {folder} (open {folder / 'report.html'})", soft_wrap=True)
