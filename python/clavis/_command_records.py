"""What the commands read: a source, and which of its columns plays which part."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clavis._clavis import InputError
from clavis._command_output import Stages
from clavis._csv import identifier
from clavis.sources import Session

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Reading", "Roles", "read_records", "stream_records"]


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
