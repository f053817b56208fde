"""Reading the tables of a book: every one through the compiled core's checks."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from clavis import _clavis, _input, _time, _wallet
from clavis.quality import BookQuality, Quality
from clavis.table import Table

if TYPE_CHECKING:
    from clavis.book import CustomerBook

__all__ = ["check", "read"]

Check = _clavis.ledger.TableCheck
History = _clavis.ledger.History

_RULES: dict[str, dict[str, Any]] = {table["name"]: table for table in _clavis.ledger.schema()}
#: What a column without a value is.
_TYPES = {"id": "int64", "time": "datetime64[us]", "number": "float64", "text": "object", "choice": "object"}

#: Columns of transactions that the summarizer judges.
_SUMMARIZED = ("customer_id", "time", "amount", "order_id", "kind", "currency", "event_id", "known_time")


def _roles(table: str) -> dict[str, str]:
    from clavis.book import SCHEMA

    required, optional = SCHEMA[table]
    return {role: role for role in (*required, *optional)}


def read(
    book: CustomerBook, table: str, on_bad_rows: str, time_zone: str | None, threads: int
) -> tuple[Table, dict[str, Any]]:
    """The usable rows of a table, and the report on the others."""
    if on_bad_rows not in ("raise", "refuse"):
        raise _clavis.InputError(f'on_bad_rows: "{on_bad_rows}" is no way to treat bad rows: raise or refuse')
    if table not in book.tables:
        raise _clavis.InputError(f'this book has no table "{table}"; its tables are {", ".join(book.tables)}')
    reader = Check(table, refuse=on_bad_rows == "refuse", keep=True, time_zone=time_zone or "", threads=threads)
    for batch in _input.batches(book, _roles(table), table):
        reader.read(batch)
    rows = reader.rows()
    for column in _RULES[table]["columns"]:  # where no row was usable nothing was typed by values
        if column["name"] in book.names(table) and column["name"] not in rows:
            rows[column["name"]] = np.empty(0, dtype=_TYPES[column["kind"]])
    return Table(rows), reader.report()


def check(book: CustomerBook) -> BookQuality:
    """The quality of every table, each read once."""
    bought, transactions, history = _transactions(book)
    as_of = transactions.last_day
    found = {"transactions": transactions}
    last_day = None if as_of is None else _time.day_number(as_of, "as_of")
    for name in book.tables:
        if name == "transactions":
            continue
        reader = Check(name, refuse=True, keep=False, time_zone="", threads=0, observed_until=last_day)
        amounts = _wallet.reader(book) if name == "wallet" else None
        for batch in _input.batches(book, _roles(name), name):
            reader.read(batch)
            if amounts is not None:
                amounts.read(batch)
        quality = Quality.from_dict(reader.report())
        if amounts is not None and history is not None:
            own = _wallet.below_own_spend(amounts, history, book.names(name)["category_spend"])
            quality = dataclasses.replace(quality, noted=[*quality.noted, *own])
        if "customer_id" in book.names(name):
            customers, covered, unknown = bought.coverage(reader)
            quality = dataclasses.replace(
                quality, customers=customers, customers_covered=covered, customers_unknown=unknown
            )
        found[name] = dataclasses.replace(
            quality, days_stale=_stale(quality.last_day, as_of), extra_columns=_extra_columns(book, name)
        )
    return BookQuality({name: found[name] for name in book.tables}, as_of)


def _transactions(book: CustomerBook) -> tuple[Check, Quality, History | None]:
    """One pass for all: what counts as a purchase, what other columns hold, and what was spent where that is asked."""
    from clavis.summary import Summarizer

    reader = Check("transactions", refuse=True, keep=False, time_zone="", threads=0)
    asked = "wallet" in book.tables and "category_spend" in book.names("wallet")
    asked = asked and "amount" in book.names("transactions")
    state = Summarizer(on_bad_rows="refuse")._state
    trouble: list[str] = []
    for batch in _input.batches(book, _roles("transactions")):
        reader.read(batch)
        if not trouble:
            try:
                state.update(batch)
            except _clavis.InputError as problem:
                trouble.append(f"cannot be used as they are: {problem}")
    report = reader.report()
    names = book.names("transactions")
    judged = {names[role] for role in _SUMMARIZED if role in names}
    if not trouble:
        rest = {name: report[name] for name in ("noted", "rows_alike", "first_day", "last_day", "pace", "gaps")}
        refused = [entry for entry in report["refused"] if entry["column"] not in judged]
        report = {**state.quality(), **rest, "noted": [*refused, *rest["noted"]]}
    customers = reader.coverage(reader)[0]
    history = state.history() if asked and not trouble and report["rows_used"] else None
    found = dataclasses.replace(
        Quality.from_dict(report),
        notes=[*report["notes"], *trouble],
        customers=customers,
        days_stale=None,
        extra_columns=_extra_columns(book, "transactions"),
    )
    return reader, found, history


def _stale(last_day: datetime.date | None, as_of: datetime.date | None) -> int | None:
    return None if last_day is None or as_of is None else max((as_of - last_day).days, 0)


def _extra_columns(book: CustomerBook, name: str) -> list[str]:
    known = set(book.names(name).values())
    return [label for label in _input.column_names(getattr(book, name), name) if label not in known]
