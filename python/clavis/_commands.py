"""The commands of the command line. What they compute is the library's; here are options, files and words."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from clavis import _text, _write
from clavis._clavis import Cancelled, __version__
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
from clavis._command_output import Page, Stages
from clavis._command_records import book_sources, check_others

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


@app.command()
@reads_records()
def analyse(
    records: Records,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results; made or updated as a whole.")],
    unit: Unit = "week",
    on_bad_rows: BadRows = "raise",
    horizon: Horizon = "1 year",
    annual_rate: AnnualRate = 0.10,
    margin: Margin = 1.0,
    baseline_until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First day watched for defection; default: the middle of the records."),
    ] = None,
    false_alarms: FalseAlarms = 0.10,
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
        table, roles = records.read(stages)
        found = clavis.analyse(
            table,
            as_of=records.as_of,
            **roles.__dict__,
            unit=unit,
            time_zone=records.time_zone,
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
        source = records.name
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
@reads_records()
def summarize(
    records: Records,
    out: Out = None,
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
    check_choice("--on-bad-rows", on_bad_rows, ("raise", "refuse"))
    with Stages() as stages:
        summary = records.summary(
            stages,
            unit=unit,
            collapse=collapse,
            calibrate_until=calibrate_until,
            on_bad_rows=on_bad_rows,
            threads=threads,
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
            _write.to_json({"source": records.name, "out": None if out is None else str(out), **facts}),
            end="",
        )
    else:
        for line in lines:
            print(line, file=sys.stderr if out is None else sys.stdout)


@app.command()
@reads_records()
def validate(
    records: Records,
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
    source, others = book_sources(records.source, tables or [], records.database)
    records = dataclasses.replace(records, source=source)
    with Stages() as stages:
        table, roles = records.read(stages)
        summary = records.summary_of(table, roles, stages, on_bad_rows="refuse")
        found = check_others(others, table, roles, records.reading, stages)
    quality = summary.quality
    assert quality is not None
    if machine:
        facts = {"source": records.name, "customers": len(summary), "quality": quality.to_dict()}
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
