"""The commands of one method each: fit, score, watch, tiers. They read records, call the library, write its tables."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from clavis import _text, _write
from clavis._clavis import InputError
from clavis._command_options import (
    AnnualRate,
    BadRows,
    FalseAlarms,
    Horizon,
    Machine,
    Margin,
    Out,
    Records,
    Threads,
    Unit,
    check_choice,
    read_program,
    reads_records,
)
from clavis._command_output import Stages
from clavis._commands import app

if TYPE_CHECKING:
    from clavis.lifetime import GammaGamma
    from clavis.summary import Summary
    from clavis.table import Table

MODELS = (
    "BetaGeoNBD", "ModifiedBetaGeoNBD", "BetaGeoCNBD", "ModifiedBetaGeoCNBD", "ParetoNBD", "ParetoGGG",
    "GammaGompertzNBD", "NBD",
)  # fmt: skip

Model = Annotated[str, typer.Option("--model", metavar="NAME", help=f"One of {', '.join(MODELS)}.")]


def _fitted(name: str, summary: Summary, threads: int, stages: Stages) -> tuple[Any, GammaGamma | None, str]:
    """The model of purchases, that of spend where there are amounts, and why there is none."""
    import clavis

    model = getattr(clavis, name)().fit(summary, threads=threads, progress=stages)
    if "monetary_value" not in summary:
        return model, None, "no amounts: spend is not modelled"
    try:
        return model, clavis.GammaGamma().fit(summary, threads=threads, progress=stages), ""
    except InputError as problem:
        return model, None, f"spend is not modelled: {problem}"


def _facts(model: Any) -> dict[str, Any]:
    return {"model": type(model).__name__, "parameters": model.params_, "report": dataclasses.asdict(model.report_)}


def _finish(table: Table, out: Path | None, machine: bool, facts: dict[str, Any], lines: list[str]) -> None:
    """The table to its file or the output, and either JSON or a few lines of words about it."""
    if out is not None:
        _write.write_table(table, out)
    elif not machine:
        _write.print_csv(table)
    if machine:
        print(_write.to_json({**facts, "out": None if out is None else str(out)}), end="")
        return
    for line in lines:
        print(line, file=sys.stderr if out is None else sys.stdout)


def _counts(values: Any) -> dict[str, int]:
    names, counts = np.unique(
        np.asarray([value for value in values if value is not None], dtype=str), return_counts=True
    )
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


@app.command()
@reads_records()
def fit(
    records: Records,
    model: Model = "BetaGeoNBD",
    unit: Unit = "week",
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Fit a model of purchases, and of spend; exit code 1 if it did not converge."""
    check_choice("--model", model, MODELS)
    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    with Stages() as stages:
        summary = records.summary(stages, unit=unit, on_bad_rows=on_bad_rows, threads=threads)
        purchases, spend, why = _fitted(model, summary, threads, stages)
    fits = [one for one in (purchases, spend) if one is not None]
    if machine:
        facts = {"source": records.name, "unit": summary.unit, "customers": len(summary)}
        notes = [why] if why else []
        print(_write.to_json({**facts, "fits": [_facts(one) for one in fits], "notes": notes}), end="")
    else:
        for one in fits:
            print(one)
        if why:
            print(why)
    if not all(one.report_.converged for one in fits):
        raise typer.Exit(1)


@app.command()
@reads_records()
def score(
    records: Records,
    out: Out = None,
    model: Model = "BetaGeoNBD",
    horizon: Horizon = "1 year",
    annual_rate: AnnualRate = 0.10,
    margin: Margin = 1.0,
    unit: Unit = "week",
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write what each customer is worth ahead: P(alive), purchases, spend, value."""
    import clavis

    check_choice("--model", model, MODELS)
    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    with Stages() as stages:
        summary = records.summary(stages, unit=unit, on_bad_rows=on_bad_rows, threads=threads)
        purchases, spend, why = _fitted(model, summary, threads, stages)
        columns = {name: summary[name] for name in ("customer_id", "frequency", "recency", "T")}
        columns["probability_alive"] = purchases.probability_alive(summary, threads=threads)
        columns["expected_purchases"] = purchases.expected_purchases(summary, horizon, threads=threads)
        if spend is not None:
            columns["expected_spend"] = spend.expected_spend(summary, threads=threads)
            value = clavis.lifetime_value(
                purchases, spend, summary, horizon=horizon, annual_rate=annual_rate, margin=margin, threads=threads
            )
            columns["value"] = value["value"]
    expected = columns["expected_purchases"]
    lines = [
        f"{_text.counted(len(summary), 'customer')}, {expected.sum():,.1f} purchases expected within {horizon} "
        f"({type(purchases).__name__}, {summary.unit})"
    ]
    facts: dict[str, Any] = {"source": records.name, "customers": len(summary), "horizon": horizon}
    facts |= {"unit": summary.unit, "expected_purchases": float(expected.sum())}
    if "value" in columns:
        facts["value"] = float(columns["value"].sum())
        lines.append(f"value ahead {columns['value'].sum():,.2f}")
    notes = [f"{type(one).__name__}: {one.report_.status}" for one in (purchases, spend)
             if one is not None and not one.report_.converged]  # fmt: skip
    notes += [why] if why else []
    facts |= {"notes": notes, "fits": [_facts(one) for one in (purchases, spend) if one is not None]}
    _finish(clavis.Table(columns), out, machine, facts, [*lines, *notes])


@app.command()
@reads_records("currency")
def watch(
    records: Records,
    baseline_until: Annotated[
        str,
        typer.Option("--baseline-until", metavar="DATE", help="The first day watched; what was before teaches."),
    ],
    out: Out = None,
    states: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the state of every customer: .csv or .parquet.")
    ] = None,
    false_alarms: FalseAlarms = 0.10,
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write the alerts: who is leaving, wholly or in part, and since when."""
    import clavis

    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    with Stages() as stages:
        table, read = records.read(stages)
        roles = {name: label for name, label in read.__dict__.items() if name != "currency"}
        monitor = clavis.DefectionMonitor(false_alarms_per_year=false_alarms, threads=threads, progress=stages)
        monitor.fit(table, baseline_until=baseline_until, time_zone=records.time_zone, on_bad_rows=on_bad_rows, **roles)
        alerts = monitor.update(table, as_of=records.as_of)
        found = monitor.states(as_of=records.as_of)
    if states is not None:
        _write.write_table(found, states)
    counts = _counts(found["state"])
    facts: dict[str, Any] = {"source": records.name, "customers": len(found), "states": counts}
    facts |= {"watched_from": str(monitor.watched_from_), "watched_until": str(monitor.watched_until_)}
    facts |= {"parameters": monitor.params_, "warnings": monitor.warnings_}
    facts["alerts"] = [
        {name: None if alerts[name][row] is None else str(alerts[name][row]) for name in alerts.columns}
        for row in range(len(alerts))
    ]  # fmt: skip
    lines = [f"{_text.counted(len(alerts), 'alert')} from {monitor.watched_from_} to {monitor.watched_until_}"]
    lines += [f"{count:,} {state}: {_text.STATES[state]}" for state, count in counts.items()]
    _finish(alerts, out, machine, facts, [*lines, *monitor.warnings_])


@app.command()
@reads_records()
def tiers(
    records: Records,
    program: Annotated[Path, typer.Option("--program", metavar="FILE", help="The tier programme as JSON.")],
    out: Out = None,
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write each customer's tier as of a day, with the reason."""
    import clavis

    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    rules = clavis.TierProgram.from_json(read_program(program))
    with Stages() as stages:
        transactions, read = records.read(stages)
        table = rules.replay(
            transactions,
            as_of=records.as_of,
            time_zone=records.time_zone,
            on_bad_rows=on_bad_rows,
            threads=threads,
            progress=stages,
            **{**read.__dict__, "amount": read.amount or "amount"},
        )
    found = _counts(table["tier"])
    counts = {name: found.get(name, 0) for name in rules.tiers}
    facts = {"source": records.name, "program": rules.name, "customers": len(table), "tiers": counts}
    lines = [f"{rules.name}: {_text.counted(len(table), 'customer')}", *(f"{n:,} {name}" for name, n in counts.items())]
    _finish(table, out, machine, facts, lines)
