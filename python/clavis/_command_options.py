"""The options that several commands share, and the records that they name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from clavis._clavis import InputError
from clavis._command_output import Stages
from clavis._command_records import Reading, Roles, read_records
from clavis._databases import without_credentials

if TYPE_CHECKING:
    import pyarrow

    from clavis.summary import Summary

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
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where to: .csv or .parquet; default: CSV to the output.")
]
FalseAlarms = Annotated[
    float, typer.Option(metavar="RATE", help="Chance of a false alarm in a customer's first year watched.")
]
Horizon = Annotated[str, typer.Option(metavar="LENGTH", help="How far ahead value counts: '1 year'.")]
AnnualRate = Annotated[float, typer.Option(metavar="RATE", help="Effective discount rate a year.")]
Margin = Annotated[float, typer.Option(metavar="PART", help="Part of an amount that is kept.")]


@dataclasses.dataclass
class Records:
    """Transactions as the options of a command name them."""

    source: Source
    customer: CustomerColumn = "customer_id"
    time: TimeColumn = "time"
    amount: AmountColumn = None
    order: OrderColumn = None
    currency: CurrencyColumn = None
    kind: KindColumn = None
    database: Database = None
    encoding: Encoding = None
    date_format: DateFormat = None
    time_zone: TimeZone = None
    as_of: AsOf = None

    @property
    def reading(self) -> Reading:
        return Reading(self.source, self.database, self.encoding, self.date_format)

    @property
    def name(self) -> str:
        """The source as it may be shown."""
        return without_credentials(self.source)

    def read(self, stages: Stages) -> tuple[pyarrow.Table, Roles]:
        """The columns that play a part, and their names."""
        wanted = Roles(self.customer, self.time, self.amount, self.order, self.currency, self.kind)
        return read_records(self.reading, wanted, stages)

    def summary(self, stages: Stages, **keywords: Any) -> Summary:
        """One row per customer, of what is seen up to ``as_of``."""
        return self.summary_of(*self.read(stages), stages, **keywords)

    def summary_of(self, table: pyarrow.Table, roles: Roles, stages: Stages, **keywords: Any) -> Summary:
        """The same of what :meth:`read` has returned."""
        import clavis

        return clavis.summarize(
            table,
            **roles.__dict__,
            time_zone=self.time_zone,
            observe_until=self.as_of,
            skip_late=True,
            progress=stages,
            **keywords,
        )


def reads_records(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Lets a command take one argument ``records`` in place of every option of :class:`Records` but some."""
    fields = [field for field in dataclasses.fields(Records) if field.name not in without]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True) | get_type_hints(Records, include_extras=True)
        options: list[tuple[str, Any]] = []
        for name, parameter in inspect.signature(command).parameters.items():
            expanded = name == "records"
            options += [(f.name, f.default) for f in fields] if expanded else [(name, parameter.default)]
        missing = (dataclasses.MISSING, inspect.Parameter.empty)

        def with_options(**values: Any) -> None:
            named = {field.name: values.pop(field.name) for field in fields}
            command(records=Records(**named), **values)

        with_options.__name__, with_options.__doc__ = command.__name__, command.__doc__
        with_options.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=inspect.Parameter.empty if default in missing else default,
                    annotation=hints[name],
                )
                for name, default in options
            ]
        )
        return with_options

    return decorate


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
