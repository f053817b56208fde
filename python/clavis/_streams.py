"""Arrow streams of table arguments, each opened and read once where its object can give it only once.

Objects that speak Arrow are of two kinds that cannot be told apart: tables, which give a stream as often as they are
asked, and readers, whose one stream is used up. So a stream that was opened to look at the columns is kept for the
reading to come, and a reader that is asked again is an error instead of an empty table.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from clavis import _clavis

__all__ = ["batches", "column_names"]

Choose = Callable[[list[str]], Mapping[str, str]]


class _Record:
    """What is known of the streams of one object."""

    def __init__(self) -> None:
        self.open: _clavis.core.ArrowReader | None = None
        self.started = False
        self.gave_rows = False


_records: dict[int, tuple[Callable[[], Any], _Record]] = {}


def _record_of(table: Any) -> _Record:
    """The record of an object, kept as long as the object lives."""
    key = id(table)
    entry = _records.get(key)
    if entry is not None and entry[0]() is table:
        return entry[1]
    record = _Record()

    def forget(gone: weakref.ref[Any]) -> None:
        if key in _records and _records[key][0] is gone:
            del _records[key]

    try:
        _records[key] = (weakref.ref(table, forget), record)
    except TypeError:  # no weak references: the object is held until it is read
        _records[key] = (lambda: table, record)
    return record


def _is_reader(table: Any) -> bool:
    """Whether the object is known to give its rows once: a record batch reader of pyarrow, or an iterator."""
    return hasattr(table, "read_next_batch") or hasattr(table, "__next__")


def _opened(table: Any, record: _Record, name: str) -> _clavis.core.ArrowReader:
    if record.open is None:
        if record.started and _is_reader(table):
            raise _read_already(name)
        record.open = _clavis.core.ArrowReader(table.__arrow_c_stream__(), name)
    return record.open


def _read_already(name: str) -> _clavis.InputError:
    return _clavis.InputError(
        f"{name}: the stream was read already and gives its rows once; pass a table, or a new stream for every call"
    )


def column_names(table: Any, name: str) -> list[str]:
    """The names of the columns of an object that speaks Arrow, without using up its rows."""
    if hasattr(table, "__arrow_c_schema__"):
        return _clavis.core.schema_names(table.__arrow_c_schema__(), name)
    record = _record_of(table)
    return list(_opened(table, record, name).columns)


def batches(table: Any, choose: Choose, name: str) -> Iterator[_clavis.core.Columns]:
    """The batches of an object that speaks Arrow; ``choose`` says which columns, by role."""
    record = _record_of(table)
    reader = _opened(table, record, name)
    wanted = choose(reader.columns)  # an error here leaves the stream as it was
    record.open = None
    record.started = True
    if not isinstance(_records[id(table)][0], weakref.ref):
        del _records[id(table)]
    rows = 0
    while (batch := reader.next(wanted)) is not None:
        rows += len(batch)
        yield batch
    if rows == 0 and record.gave_rows:
        raise _read_already(name)
    record.gave_rows = rows > 0
