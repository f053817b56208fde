"""What was read of a table, what was used and what was refused."""

from __future__ import annotations

import datetime
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clavis import _time
from clavis.table import Table

__all__ = ["BookQuality", "Quality", "Refusal"]

_LISTED = ("refused", "duplicates", "noted")


@dataclass(frozen=True)
class Refusal:
    """Rows of one column refused for one reason; at most the first thousand are listed.

    ``examples`` are the smallest values, which do not depend on the order of rows.
    """

    column: str
    reason: str
    count: int
    rows: list[int]
    values: list[str]
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = [f"row {row} {value!r}" for row, value in zip(self.rows[:3], self.values[:3], strict=True)]
        more = ", …" if self.count > len(shown) else ""
        return f'column "{self.column}" {self.reason} ({", ".join(shown) or ", ".join(self.examples[:3])}{more})'


@dataclass(frozen=True)
class Quality:
    """The quality of one table.

    Amounts are in currency units. Rows count from 0 over all batches, in the order in which they arrived.

    Attributes
    ----------
    rows_read, rows_used
        Of the table, and of these used. The others are without a customer (counted apart, with their amount), late,
        not yet known, duplicates, or refused.
    refused, duplicates
        Rows left out, by column and reason, with row numbers and values. In ``customers`` duplicates are further rows
        of a customer, which are counted but not left out.
    noted
        Doubtful values (paid before the sale), which change nothing.
    rows_alike
        Rows equal to an earlier one in every column that has a meaning here.
    converted
        Rows by their currency, where rates were given.
    first_day, last_day, pace, gaps
        Of tables with times: nine in ten days with rows follow another within ``pace`` days; gaps are the longest spans
        without a row, at least three times as long.
    days_stale
        Days from the last row to the last transaction.
    customers, customers_covered, customers_unknown
        Customers in the transactions; of these in this table; and in this table alone.
    extra_columns
        Columns that have no meaning here and are not read.
    """

    table: str
    rows_read: int
    rows_used: int
    rows_without_customer: int
    rows_late: int
    amount_without_customer: float
    amount_total: float
    largest_rounding: float
    refused: list[Refusal] = field(default_factory=list)
    rows_not_yet_known: int = 0
    rows_duplicate: int = 0
    rows_without_event: int = 0
    duplicates: list[Refusal] = field(default_factory=list)
    converted: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    noted: list[Refusal] = field(default_factory=list)
    rows_alike: int = 0
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    pace: int = 0
    gaps: list[tuple[datetime.date, datetime.date]] = field(default_factory=list)
    days_stale: int | None = None
    customers: int | None = None
    customers_covered: int | None = None
    customers_unknown: int | None = None
    extra_columns: list[str] = field(default_factory=list)

    @classmethod
    def from_dict(cls, report: dict[str, Any]) -> Quality:
        """From the compiled core's report."""
        made: dict[str, Any] = {
            name: [Refusal(**entry) for entry in report[name]] for name in _LISTED if name in report
        }
        for name in ("first_day", "last_day"):
            if report.get(name) is not None:
                made[name] = _time.to_date(report[name])
        if "gaps" in report:
            made["gaps"] = [(_time.to_date(first), _time.to_date(last)) for first, last in report["gaps"]]
        return cls(**{**report, **made})

    @property
    def rows_refused(self) -> int:
        """How many rows were refused, for whatever reason."""
        return sum(entry.count for entry in self.refused)

    @property
    def coverage(self) -> float | None:
        """The part of the customers in the transactions who have a row here."""
        return (
            self.customers_covered / self.customers if self.customers and self.customers_covered is not None else None
        )

    @property
    def findings(self) -> Table:
        """One row per thing found: ``finding``, ``column``, ``reason``, ``rows`` (how many) and ``first_row``."""
        kinds = [("refused", self.refused), ("duplicate", self.duplicates), ("noted", self.noted)]
        found = [(kind, entry) for kind, entries in kinds for entry in entries]
        return Table(
            {
                "finding": np.array([kind for kind, _ in found], dtype=object),
                "column": np.array([entry.column for _, entry in found], dtype=object),
                "reason": np.array([entry.reason for _, entry in found], dtype=object),
                "rows": np.array([entry.count for _, entry in found], dtype=np.int64),
                "first_row": np.array([entry.rows[0] if entry.rows else -1 for _, entry in found], dtype=np.int64),
                "value": np.array([(entry.values or entry.examples or [""])[0] for _, entry in found], dtype=object),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        plain = {name: [dict(entry.__dict__) for entry in getattr(self, name)] for name in _LISTED}
        days = {
            name: None if (day := getattr(self, name)) is None else day.isoformat()
            for name in ("first_day", "last_day")
        }
        gaps = [[first.isoformat(), last.isoformat()] for first, last in self.gaps]
        return {**self.__dict__, **plain, **days, "gaps": gaps}

    def __str__(self) -> str:
        lines = [f"{self.table}: {self.rows_read:,} rows read, {self.rows_used:,} used"]
        if self.first_day is not None:
            lines[0] += f", {self.first_day} to {self.last_day}"
        if self.rows_without_customer:
            amount = f" (amount {self.amount_without_customer:,.2f})" if self.table == "transactions" else ""
            lines.append(f"  {self.rows_without_customer:,} without customer{amount}, counted apart")
        if self.rows_late:
            lines.append(f"  {self.rows_late:,} after the end of observation, left out")
        if self.rows_not_yet_known:
            lines.append(f"  {self.rows_not_yet_known:,} not yet known at that time, left out")
        lines += [f"  {entry.count:,} duplicates: {entry}" for entry in self.duplicates]
        if self.rows_without_event:
            lines.append(f"  {self.rows_without_event:,} without an event id, taken as they are")
        lines += [f"  {rows:,} in {currency}" for currency, rows in self.converted.items()]
        lines += [f"  {entry.count:,} refused: {entry}" for entry in self.refused]
        lines += [f"  {entry.count:,} noted: {entry}" for entry in self.noted]
        if self.rows_alike:
            lines.append(f"  {self.rows_alike:,} rows are like an earlier one in every column")
        for first, last in self.gaps:
            days = (last - first).days + 1
            pace = "daily" if self.pace == 1 else f"within {self.pace} days"
            lines.append(f"  no rows for {days:,} days, {first} to {last}; otherwise they come {pace}")
        if self.days_stale:
            lines.append(f"  the last row is {self.days_stale:,} days older than the last transaction")
        if self.coverage is not None and self.table != "transactions":
            lines.append(f"  {self.coverage:.1%} of the customers in the transactions have a row")
        if self.customers_unknown:
            lines.append(f"  {self.customers_unknown:,} customers are not in the transactions")
        if self.extra_columns:
            lines.append(f"  not read: {', '.join(self.extra_columns)}")
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *lines = str(self).split("\n")
        items = "".join(f"<li>{html.escape(line.strip())}</li>" for line in lines)
        return f"<p><b>{html.escape(head)}</b></p>" + (f"<ul>{items}</ul>" if items else "")


class BookQuality(Mapping[str, Quality]):
    """The quality of every table of a book, by the table's name.

    Attributes
    ----------
    as_of
        The day of the last transaction, against which staleness is counted.
    """

    def __init__(self, tables: Mapping[str, Quality], as_of: datetime.date | None) -> None:
        self._tables = dict(tables)
        self.as_of = as_of

    def __getitem__(self, table: str) -> Quality:
        return self._tables[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def to_table(self) -> Table:
        """One row per table: what was read, used, refused and found, how old it is and whom it covers."""
        rows = list(self._tables.values())

        def numbers(name: str) -> Any:
            return np.array([getattr(one, name) for one in rows], dtype=np.int64)

        def days(name: str) -> Any:
            return np.array([getattr(one, name) for one in rows], dtype="datetime64[D]")

        def floats(values: list[float | None]) -> Any:
            return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

        return Table(
            {
                "table": np.array(list(self._tables), dtype=object),
                **{name: numbers(name) for name in ("rows_read", "rows_used", "rows_refused", "rows_without_customer")},
                **{name: numbers(name) for name in ("rows_duplicate", "rows_alike")},
                "rows_noted": np.array([sum(entry.count for entry in one.noted) for one in rows], dtype=np.int64),
                "first_day": days("first_day"),
                "last_day": days("last_day"),
                "days_stale": floats([one.days_stale for one in rows]),
                "coverage": floats([one.coverage for one in rows]),
                "customers_unknown": floats([one.customers_unknown for one in rows]),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        as_of = None if self.as_of is None else self.as_of.isoformat()
        return {"as_of": as_of, "tables": {name: one.to_dict() for name, one in self._tables.items()}}

    def __repr__(self) -> str:
        return "\n".join([f"BookQuality as of {self.as_of}", *(str(one) for one in self._tables.values())])

    def _repr_html_(self) -> str:
        return "".join(one._repr_html_() for one in self._tables.values())
