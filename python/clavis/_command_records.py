"""What the commands read: a source, and which of its columns plays which part."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clavis._clavis import InputError
from clavis._command_output import Stages
from clavis._csv import identifier
from clavis.sources import Session

if TYPE_CHECKING:
    import pyarrow

    from clavis.quality import Quality

__all__ = ["Reading", "Roles", "book_sources", "check_others", "read_records", "stream_records"]


@dataclass(frozen=True)
class Roles:
    """Which column plays which part, as the user wrote it."""

    customer: str
    time: str
    amount: str | None
    order_id: str | None = None
    currency: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class Reading:
    """Where records come from and how they are read."""

    source: str
    database: str | None
    encoding: str | None
    date_format: str | None


def read_records(reading: Reading, wanted: Roles, stages: Stages) -> tuple[pyarrow.Table, Roles]:
    """The columns of a source that play a part, and their names."""
    with Session() as session:
        statement, roles = _statement(session, reading, wanted, stages)
        return session.table(statement), roles


def stream_records(reading: Reading, wanted: Roles, stages: Stages) -> tuple[pyarrow.RecordBatchReader, Roles]:
    """The same as a stream for one reading, which holds a few batches at a time."""
    session = Session()
    try:
        statement, roles = _statement(session, reading, wanted, stages)
        return session.batches(statement, 1 << 18), roles
    except BaseException:
        session.close()
        raise


_ENDINGS = (".parquet", ".csv", ".csv.gz")


def book_sources(source: str, tables: Sequence[str], database: str | None) -> tuple[str, dict[str, str]]:
    """Where the transactions are, and the other tables of the book by their names.

    ``tables`` are NAME=SOURCE. A folder that holds a table of a book in a file of its name stands for all of these.
    """
    from clavis.book import SCHEMA

    folder = Path(source)
    others: dict[str, str] = {}
    if database is None and folder.is_dir():
        files = {name: path for name in SCHEMA for end in _ENDINGS if (path := folder / (name + end)).is_file()}
        if "transactions" not in files:
            raise InputError(f"{source}: this folder has no {' or '.join('transactions' + end for end in _ENDINGS)}")
        source = str(files.pop("transactions"))
        others = {name: str(path) for name, path in files.items()}
    for text in tables:
        name, equals, place = text.partition("=")
        if not equals or not place:
            raise InputError(f"--table: {text!r} is not NAME=SOURCE")
        if name not in SCHEMA or name == "transactions":
            known = ", ".join(table for table in SCHEMA if table != "transactions")
            raise InputError(f'--table: there is no table "{name}"; its name must be one of {known}')
        others[name] = place
    return source, others


def check_others(
    others: dict[str, str], transactions: pyarrow.Table, roles: Roles, reading: Reading, stages: Stages
) -> dict[str, Quality]:
    """The quality of the other tables of a book, in the order of the book's."""
    if not others:
        return {}
    from clavis.book import CustomerBook

    read = {}
    for name, source in others.items():
        stages(f"reading {name}", 0.0)
        with Session() as session:
            select = session.select(source, reading.database, reading.encoding, reading.date_format)
            read[name] = session.table(select)
    named = {"customer_id" if role == "customer" else role: label for role, label in roles.__dict__.items() if label}
    book = CustomerBook(transactions, columns={"transactions": named}, **read)
    return {name: book.quality[name] for name in book.tables if name != "transactions"}


def _statement(session: Session, reading: Reading, wanted: Roles, stages: Stages) -> tuple[str, Roles]:
    stages("reading", 0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        select = session.select(reading.source, reading.database, reading.encoding, reading.date_format)
        columns = list(session.columns(select))
        amount = wanted.amount
        if amount is None:
            amount = _column(columns, "amount", None)
        elif _column(columns, amount, None) is None:
            select = session.with_expression(select, amount)
        else:
            amount = _column(columns, amount, None)
        roles = Roles(
            customer=_named(columns, wanted.customer, "--customer"),
            time=_named(columns, wanted.time, "--time"),
            amount=amount,
            order_id=_optional(columns, wanted.order_id, "order_id", "--order"),
            currency=_optional(columns, wanted.currency, "currency", "--currency"),
            kind=_optional(columns, wanted.kind, "kind", "--kind"),
        )
        chosen = dict.fromkeys(name for name in roles.__dict__.values() if name is not None)
        statement = f"SELECT {', '.join(map(identifier, chosen))} FROM ({select})"
    notes = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    for note in notes:
        if f'column "{roles.time}"' in note:  # a date that nobody can read is no mere note
            raise InputError(note.replace("date_format=", "--date-format "))
    stages.notes += notes
    return statement, roles


def _column(columns: Sequence[str], name: str, otherwise: str | None) -> str | None:
    """The column of that name, in whatever case if only one fits."""
    if name in columns:
        return name
    fitting = [column for column in columns if column.lower() == name.lower()]
    return fitting[0] if len(fitting) == 1 else otherwise


def _named(columns: Sequence[str], name: str, option: str) -> str:
    found = _column(columns, name, None)
    if found is None:
        close = difflib.get_close_matches(name, columns, 1)
        hint = f' (did you mean "{close[0]}"?)' if close else ""
        raise InputError(f'{option}: there is no column "{name}"{hint}; the columns are {", ".join(columns)}')
    return found


def _optional(columns: Sequence[str], name: str | None, usual: str, option: str) -> str | None:
    """The column asked for, or the one of the usual name where there is one."""
    return _column(columns, usual, None) if name is None else _named(columns, name, option)
