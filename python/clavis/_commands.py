"""The commands of the command line. What they compute is the library's; here are options, files and words."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from clavis import _text, _write
from clavis._clavis import Cancelled, InputError, __version__
from clavis._command_output import Page, Stages
from clavis._command_records import Reading, Roles, book_sources, check_others, read_records
from clavis._databases import without_credentials

if TYPE_CHECKING:
    from clavis.analysis import Analysis

_SHOP_ZONE = "Europe/Berlin"

app = typer.Typer(
    name="clavis",
    help="Who matters, what they are worth ahead, who is leaving and how loyal they are, from your records.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def run(arguments: list[str]) -> int:
    """Run a command; every failure is one sentence and an exit code."""
    machine = "--json" in arguments
    try:
        # A terminated process tidies up what it has half written.
        before = signal.signal(signal.SIGTERM, _terminated)
    except ValueError:  # not in the main thread
        return _run(arguments, machine)
    try:
        return _run(arguments, machine)
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(arguments: list[str], machine: bool) -> int:
    try:
        code = int(app(args=arguments, prog_name="clavis", standalone_mode=False) or 0)
        sys.stdout.flush()
        return _failed("interrupted", 130, machine) if code == 130 else code
    except (KeyboardInterrupt, Cancelled, typer.Abort):
        return _failed("interrupted", 130, machine)
    except Terminated:
        return _failed("ended", 128 + signal.SIGTERM, machine)
    except BrokenPipeError:
        # The reader of a pipe has had enough; nothing more may be written to it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        return _failed(str(error), 1, machine)
    except ImportError as error:
        return _failed(str(error), 2, machine)
    except Exception as error:
        # Wrong usage: its class lives in different places in different versions.
        if not hasattr(error, "format_message") or not hasattr(error, "exit_code"):
            raise
        message = error.format_message() or type(error).__name__
        if type(error).__name__ == "NoArgsIsHelpError":
            print(message)
            return 0 if not arguments else 2
        context = getattr(error, "ctx", None)
        hint = f" (clavis {context.info_name} --help)" if context is not None and context.parent is not None else ""
        return _failed(message.rstrip(".") + hint, int(error.exit_code), machine)


def _failed(sentence: str, code: int, machine: bool) -> int:
    if machine:
        print(json.dumps({"error": sentence, "exit_code": code}, ensure_ascii=False))
    print(f"clavis: {sentence}", file=sys.stderr)
    return code


class Terminated(BaseException):
    """The process was asked to end."""


def _terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _version(wanted: bool) -> None:
    if wanted:
        print(f"clavis {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    pass


# Options that several commands share ----------------------------------------------------------------------------

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A CSV (also .gz) or Parquet file, several of them ('sales/*.csv'), a DuckDB or SQLite file, "
        "postgresql://…, an SQL query over files, or a table of --database.",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL", help="A DuckDB or SQLite file, or postgresql://…; SOURCE is then a table of it, or a query."
    ),
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of CSV files, such as cp1252.")]
DateFormat = Annotated[str | None, typer.Option(help="How CSV files write dates, such as '%d/%m/%Y'.")]
CustomerColumn = Annotated[str, typer.Option("--customer", metavar="COLUMN", help="Column of the customer's id.")]
TimeColumn = Annotated[str, typer.Option("--time", metavar="COLUMN", help="Column of the date or time.")]
AmountColumn = Annotated[
    str | None,
    typer.Option(
        "--amount",
        metavar="EXPRESSION",
        help="Column of the amount, or an SQL expression such as 'Quantity * UnitPrice'; returns are negative. "
        "Default: the column amount, if there is one.",
    ),
]
OrderColumn = Annotated[
    str | None,
    typer.Option("--order", metavar="COLUMN", help="Column that tells orders apart (order_id); else each row is one."),
]
CurrencyColumn = Annotated[
    str | None, typer.Option("--currency", metavar="COLUMN", help="Column of the currency (currency).")
]
KindColumn = Annotated[
    str | None, typer.Option("--kind", metavar="COLUMN", help="Column that says sale, return, cancel or adjust (kind).")
]
TimeZone = Annotated[
    str | None, typer.Option(metavar="ZONE", help="Zone whose calendar days count, such as Europe/Berlin.")
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="The last day that counts; default: the last day seen.")
]
Unit = Annotated[str, typer.Option(help="Unit of time in tables and models: day, week, month or year.")]
BadRows = Annotated[
    str,
    typer.Option(
        "--on-bad-rows", metavar="raise|refuse", help="Stop at the first unusable row, or count it, list it and go on."
    ),
]
Threads = Annotated[int, typer.Option(min=0, help="Threads; 0: every core. Results do not depend on it.")]
Machine = Annotated[bool, typer.Option("--json", help="Print JSON for machines in place of the summary.")]


@app.command()
def analyse(
    source: Source,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results; made or updated as a whole.")],
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
    horizon: Annotated[str, typer.Option(metavar="LENGTH", help="How far ahead value counts: '1 year'.")] = "1 year",
    annual_rate: Annotated[float, typer.Option(metavar="RATE", help="Effective discount rate a year.")] = 0.10,
    margin: Annotated[float, typer.Option(metavar="PART", help="Part of an amount that is kept.")] = 1.0,
    baseline_until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First day watched for defection; default: the middle of the records."),
    ] = None,
    false_alarms: Annotated[
        float, typer.Option(metavar="RATE", help="Chance of a false alarm in a customer's first year watched.")
    ] = 0.10,
    tiers: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Tier programme as JSON; default: three tiers by spend.")
    ] = None,
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Score every customer: value, lifetime, defection and loyalty."""
    import clavis

    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    program = None if tiers is None else read_program(tiers)
    with Stages() as stages, _write.Folder(out) as folder:
        reading = Reading(source, database, encoding, date_format)
        table, roles = read_records(reading, Roles(customer, time, amount, order, currency, kind), stages)
        found = clavis.analyse(
            table,
            as_of=as_of,
            **roles.__dict__,
            unit=unit,
            time_zone=time_zone,
            on_bad_rows=on_bad_rows,
            horizon=horizon,
            annual_rate=annual_rate,
            margin=margin,
            baseline_until=baseline_until,
            false_alarms_per_year=false_alarms,
            tiers=program,
            threads=threads,
            progress=stages,
        )
        source = without_credentials(source)
        name = Path(source).name if Path(source).exists() else source
        title = f"{_text.shortened(name, 60)}: {_text.counted(len(found.customers), 'customer')} as of {found.as_of}"
        parts = list(_text.sections(found))
        stages("writing", 0.0)
        _write_analysis(folder, found, _text.markdown(title, parts))
        folder.commit({"source": source, "clavis": __version__, **_text.facts(found)})
    if machine:
        print(_write.to_json({"source": source, "out": str(out), **_text.facts(found), "files": folder.files}), end="")
        return
    page = Page()
    page.summary(title, parts)
    page.files(out, folder.files)
    page.next(_next_after_analysis(out, tiers is not None))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for shop and results.")] = Path("clavis-demo"),
    customers: Annotated[int, typer.Option(min=2, help="How many customers the shop has.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Which shop: the same seed gives the same shop.")] = 1,
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Simulate a shop, analyse it, compare with the truth."""
    import clavis

    with Stages() as stages, _write.Folder(out) as folder:
        book = clavis.simulate_shop(customers=customers, seed=seed, threads=threads, progress=stages)
        assert book.truth is not None
        found = clavis.analyse(book, time_zone=_SHOP_ZONE, threads=threads, progress=stages)
        title = f"A simulated shop: {_text.counted(len(found.customers), 'customer')} as of {found.as_of}"
        parts = [*_text.sections(found), _text.planted_and_found(found, book.truth)]
        stages("writing", 0.0)
        for name in book.tables:
            folder.add_table(name, f"{name.replace('_', ' ')} of the shop (times are UTC)", getattr(book, name))
        folder.add_table("truth", "what was planted, one row per customer", book.truth)
        _write_analysis(folder, found, _text.markdown(title, parts))
        folder.commit({"source": f"simulate_shop({customers}, {seed})", "clavis": __version__, **_text.facts(found)})
    if machine:
        print(_write.to_json({"out": str(out), **_text.facts(found), "files": folder.files}), end="")
        return
    page = Page()
    page.summary(title, parts)
    page.files(out, folder.files)
    again = _text.command(
        "clavis", "analyse", str(out / "transactions.csv"), "--time-zone",
        _SHOP_ZONE, "--out", str(out / "again"),
    )  # fmt: skip
    page.next(
        [
            f"open  {out / 'customers.csv'} in a spreadsheet, or {out / 'summary.md'} for this page",
            f"try   {again}",
            "try   the same with your own records: clavis analyse --help",
        ]
    )


@app.command()
def summarize(
    source: Source,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to: .csv or .parquet; default: CSV to the output.")
    ] = None,
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
    calibrate_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day that models learn from; the rest is the holdout.")
    ] = None,
    unit: Unit = "week",
    collapse: Annotated[str, typer.Option(metavar="SPAN", help="What counts as one purchase: day, or a span.")] = "day",
    on_bad_rows: BadRows = "raise",
    threads: Threads = 0,
    machine: Machine = False,
) -> None:
    """Write one row per customer: frequency, recency, T, money."""
    import clavis

    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    with Stages() as stages:
        reading = Reading(source, database, encoding, date_format)
        table, roles = read_records(reading, Roles(customer, time, amount, order, currency, kind), stages)
        summary = clavis.summarize(
            table,
            **roles.__dict__,
            unit=unit,
            collapse=collapse,
            time_zone=time_zone,
            observe_until=as_of,
            skip_late=True,
            calibrate_until=calibrate_until,
            on_bad_rows=on_bad_rows,
            threads=threads,
            progress=stages,
        )
    if out is not None:
        _write.write_table(summary, out)
    elif not machine:
        _write.print_csv(summary)
    quality = summary.quality
    assert quality is not None
    lines = [_text.counted(len(summary), "customer"), *_text.quality_lines(quality)]
    if summary.left_out:
        lines.append(f"{_text.counted(summary.left_out, 'customer')} first seen after {calibrate_until} left out")
    if machine:
        facts = {"customers": len(summary), "left_out": summary.left_out, "quality": quality.to_dict()}
        print(
            _write.to_json({"source": without_credentials(source), "out": None if out is None else str(out), **facts}),
            end="",
        )
    else:
        for line in lines:
            print(line, file=sys.stderr if out is None else sys.stdout)


@app.command()
def validate(
    source: Source,
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
    tables: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            metavar="NAME=SOURCE",
            help="Another table of the book (contacts, surveys, wallet, …), its columns named as documented; "
            "once for each.",
        ),
    ] = None,
    machine: Machine = False,
) -> None:
    """Check records; exit code 1 if a row cannot be used.

    Where SOURCE is a folder, its transactions (.parquet, .csv or .csv.gz) are checked and every other table of a book.
    """
    import clavis

    source, others = book_sources(source, tables or [], database)
    with Stages() as stages:
        reading = Reading(source, database, encoding, date_format)
        table, roles = read_records(reading, Roles(customer, time, amount, order, currency, kind), stages)
        summary = clavis.summarize(
            table,
            **roles.__dict__,
            time_zone=time_zone,
            observe_until=as_of,
            skip_late=True,
            on_bad_rows="refuse",
            progress=stages,
        )
        found = check_others(others, table, roles, Reading("", database, encoding, date_format), stages)
    quality = summary.quality
    assert quality is not None
    if machine:
        facts = {"source": without_credentials(source), "customers": len(summary), "quality": quality.to_dict()}
        facts["tables"] = {name: one.to_dict() for name, one in found.items()}
        print(_write.to_json(facts), end="")
    else:
        for line in _text.quality_lines(quality):
            print(line)
        print(_text.counted(len(summary), "customer"))
        for one in found.values():
            print(one)
    if quality.rows_refused or any(one.rows_refused for one in found.values()):
        raise typer.Exit(1)


def read_program(path: Path) -> str:
    """The text of a tier programme."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise InputError(f"{path}: is not UTF-8 text") from error


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise typer.BadParameter(f"{option} must be {' or '.join(choices)}, not {value}")


# Results ----------------------------------------------------------------------------------------------------------


def _write_analysis(folder: _write.Folder, found: Analysis, summary: str) -> None:
    folder.add_table("customers", "one row per customer with every score", found.customers)
    folder.add_table("segments", "one row per segment", found.segments)
    folder.add_table("alerts", "one row per alarm, each with its sentence", found.alerts)
    folder.add_table("metrics", "indicators of the whole base", found.metrics)
    folder.add_json("quality.json", "what was read, used and refused", found.quality.to_dict())
    models = {"as_of": str(found.as_of), "fits": found.fits, "tier_program": found.tier_program, "notes": found.notes}
    folder.add_json("models.json", "fitted models and the tier programme", models)
    folder.add_text("summary.md", "the summary printed here", summary)


def _next_after_analysis(out: Path, own_tiers: bool) -> list[str]:
    query = f"SELECT segment, sum(expected_purchases) FROM '{out}/customers.parquet' GROUP BY segment"
    lines = [
        f"open  {out / 'customers.csv'} in a spreadsheet, or {out / 'summary.md'} for this page",
        f'ask   in Python: clavis.read("{query}").to_pandas()',
        "try   --as-of with an earlier date, to see what would have been known then; --margin 0.3 to count profit",
    ]
    return lines if own_tiers else [*lines, "try   --tiers FILE with your own programme"]
