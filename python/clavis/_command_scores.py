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
from clavis._command_output import Stages
from clavis._command_records import Reading, Roles, read_records
from clavis._commands import (
    AmountColumn,
    AsOf,
    BadRows,
    CurrencyColumn,
    CustomerColumn,
    Database,
    DateFormat,
    Encoding,
    KindColumn,
    Machine,
    OrderColumn,
    Source,
    Threads,
    TimeColumn,
    TimeZone,
    Unit,
    app,
    check_choice,
    read_program,
)
from clavis._databases import without_credentials

if TYPE_CHECKING:
    from clavis.lifetime import GammaGamma
    from clavis.summary import Summary
    from clavis.table import Table

MODELS = (
    "BetaGeoNBD", "ModifiedBetaGeoNBD", "BetaGeoCNBD", "ModifiedBetaGeoCNBD", "ParetoNBD", "GammaGompertzNBD", "NBD",
)  # fmt: skip

Model = Annotated[str, typer.Option("--model", metavar="NAME", help=f"One of {', '.join(MODELS)}.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where to: .csv or .parquet; default: CSV to the output.")
]


@dataclasses.dataclass
class _Records:
    """Transactions as the options of a command name them."""

    table: Any
    roles: Roles
    source: str

    def summary(self, stages: Stages, **keywords: Any) -> Summary:
        import clavis

        return clavis.summarize(self.table, **self.roles.__dict__, skip_late=True, progress=stages, **keywords)


def _read(reading: Reading, roles: Roles, on_bad_rows: str, stages: Stages) -> _Records:
    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    table, found = read_records(reading, roles, stages)
    return _Records(table, found, without_credentials(reading.source))


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
def fit(
    source: Source,
    model: Model = "BetaGeoNBD",
    customer: CustomerColumn = "customer_id",
    time: TimeColumn = "time",
    amount: AmountColumn = None,
    order: OrderColumn = None,
    currency: CurrencyColumn = None,
    kind: KindColumn = None,
    database: Database = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    as_of: AsOf = None,
    unit: Unit = "week",
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Fit a model of purchases, and of spend; exit code 1 if it did not converge."""
    check_choice("--model", model, MODELS)
    with Stages() as stages:
        reading = Reading(source, database, encoding, date_format)
        records = _read(reading, Roles(customer, time, amount, order, currency, kind), on_bad_rows, stages)
        summary = records.summary(
            stages, unit=unit, time_zone=time_zone, observe_until=as_of, on_bad_rows=on_bad_rows, threads=threads
        )
        purchases, spend, why = _fitted(model, summary, threads, stages)
    fits = [one for one in (purchases, spend) if one is not None]
    if machine:
        facts = {"source": records.source, "unit": summary.unit, "customers": len(summary)}
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
def score(
    source: Source,
    out: Out = None,
    model: Model = "BetaGeoNBD",
    horizon: Annotated[str, typer.Option(metavar="LENGTH", help="How far ahead: '1 year'.")] = "1 year",
    annual_rate: Annotated[float, typer.Option(metavar="RATE", help="Effective discount rate a year.")] = 0.10,
    margin: Annotated[float, typer.Option(metavar="PART", help="Part of an amount that is kept.")] = 1.0,
    customer: CustomerColumn = "customer_id",
    time: TimeColumn = "time",
    amount: AmountColumn = None,
    order: OrderColumn = None,
    currency: CurrencyColumn = None,
    kind: KindColumn = None,
    database: Database = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    as_of: AsOf = None,
    unit: Unit = "week",
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write what each customer is worth ahead: P(alive), purchases, spend, value."""
    import clavis

    check_choice("--model", model, MODELS)
    with Stages() as stages:
        reading = Reading(source, database, encoding, date_format)
        records = _read(reading, Roles(customer, time, amount, order, currency, kind), on_bad_rows, stages)
        summary = records.summary(
            stages, unit=unit, time_zone=time_zone, observe_until=as_of, on_bad_rows=on_bad_rows, threads=threads
        )
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
    facts: dict[str, Any] = {"source": records.source, "customers": len(summary), "horizon": horizon}
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
def watch(
    source: Source,
    baseline_until: Annotated[
        str,
        typer.Option("--baseline-until", metavar="DATE", help="The first day watched; what was before teaches."),
    ],
    out: Out = None,
    states: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the state of every customer: .csv or .parquet.")
    ] = None,
    false_alarms: Annotated[
        float, typer.Option(metavar="RATE", help="Chance of a false alarm in a customer's first year watched.")
    ] = 0.10,
    customer: CustomerColumn = "customer_id",
    time: TimeColumn = "time",
    amount: AmountColumn = None,
    order: OrderColumn = None,
    kind: KindColumn = None,
    database: Database = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    as_of: AsOf = None,
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write the alerts: who is leaving, wholly or in part, and since when."""
    import clavis

    with Stages() as stages:
        reading = Reading(source, database, encoding, date_format)
        records = _read(reading, Roles(customer, time, amount, order, None, kind), on_bad_rows, stages)
        roles = {name: label for name, label in records.roles.__dict__.items() if name != "currency"}
        monitor = clavis.DefectionMonitor(false_alarms_per_year=false_alarms, threads=threads, progress=stages)
        monitor.fit(records.table, baseline_until=baseline_until, time_zone=time_zone, on_bad_rows=on_bad_rows, **roles)
        alerts = monitor.update(records.table, as_of=as_of)
        found = monitor.states(as_of=as_of)
    if states is not None:
        _write.write_table(found, states)
    counts = _counts(found["state"])
    facts: dict[str, Any] = {"source": records.source, "customers": len(found), "states": counts}
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
def tiers(
    source: Source,
    program: Annotated[Path, typer.Option("--program", metavar="FILE", help="The tier programme as JSON.")],
    out: Out = None,
    customer: CustomerColumn = "customer_id",
    time: TimeColumn = "time",
    amount: AmountColumn = None,
    order: OrderColumn = None,
    currency: CurrencyColumn = None,
    kind: KindColumn = None,
    database: Database = None,
    encoding: Encoding = None,
    date_format: DateFormat = None,
    time_zone: TimeZone = None,
    as_of: AsOf = None,
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write each customer's tier as of a day, with the reason."""
    import clavis

    rules = clavis.TierProgram.from_json(read_program(program))
    with Stages() as stages:
        reading = Reading(source, database, encoding, date_format)
        records = _read(reading, Roles(customer, time, amount, order, currency, kind), on_bad_rows, stages)
        roles = {**records.roles.__dict__, "amount": records.roles.amount or "amount"}
        table = rules.replay(
            records.table, as_of=as_of, time_zone=time_zone, on_bad_rows=on_bad_rows, threads=threads,
            progress=stages, **roles,
        )  # fmt: skip
    found = _counts(table["tier"])
    counts = {name: found.get(name, 0) for name in rules.tiers}
    facts = {"source": records.source, "program": rules.name, "customers": len(table), "tiers": counts}
    lines = [f"{rules.name}: {_text.counted(len(table), 'customer')}", *(f"{n:,} {name}" for name, n in counts.items())]
    _finish(table, out, machine, facts, lines)
