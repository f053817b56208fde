"""SQLite databases through Python's sqlite3.

A column of SQLite may hold values of any type whatever its declaration, so one pass over all rows finds what each
column holds before the first batch is made; a second one reads. Both see the same state of the database.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clavis._clavis import InputError
from clavis._csv import identifier
from clavis._databases import Rows, chosen_table, is_query

if TYPE_CHECKING:
    import sqlite3

    import pyarrow

__all__ = ["sqlite_rows"]

_BATCH_ROWS = 1 << 12
_VIEW = identifier("records of clavis")

# What a column holds, as bits: blank text counts apart, and so do whole numbers that float64 does not hold exactly.
_INTEGER, _REAL, _TEXT, _BLOB, _BLANK, _LONG = (1 << bit for bit in range(6))
_CLASSES = {"integer": "a number", "real": "a number", "text": "text", "blob": "a blob"}

_WHOLE = re.compile(r"INT")
_DECIMAL = re.compile(r"REAL|FLOA|DOUB|DEC|NUM|MONEY")
_TIMES = re.compile(r"(DATE|TIMESTAMP|DATETIME|TIMESTAMPTZ|DATETIME2|SMALLDATETIME)\b")


def sqlite_rows(path: Path, source: str | None) -> Rows:
    """The rows of a table, of a query, or of the only table of an SQLite file."""
    import sqlite3

    import pyarrow

    with _sentences(path):
        # check_same_thread: whichever thread asks for the next batch reads it, one at a time.
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
    try:
        with _sentences(path):
            connection.execute("BEGIN")
            where = f"{path}, {_create_view(connection, path, source)}"
            declared = [row[1:3] for row in connection.execute(f"PRAGMA temp.table_info({_VIEW})")]
            columns = _columns(connection, where, declared)
        schema = pyarrow.schema([(column.name, column.type) for column in columns])
        return Rows(schema, functools.partial(_batches, connection, path, where, columns, schema), connection.close)
    except BaseException:
        connection.close()
        raise


@dataclass(frozen=True)
class _Column:
    """A column, the expression that reads it, and the type it becomes; text is parsed where that is no text."""

    name: str
    expression: str
    type: pyarrow.DataType
    parsed: bool = False


def _create_view(connection: sqlite3.Connection, path: Path, source: str | None) -> str:
    """Make a temporary view of what is read, for views know the declared types; returns what messages call it."""
    if source is not None and is_query(source):
        query, label = source.strip().rstrip(";"), "the query"
    else:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
            "ORDER BY name"
        )
        _, table = chosen_table([("", name) for (name,) in found], source, str(path))
        query, label = f"SELECT * FROM main.{identifier(table)}", f'table "{table}"'
    connection.execute(f"CREATE TEMP VIEW {_VIEW} AS {query}")
    return label


def _columns(connection: sqlite3.Connection, where: str, declared: list[tuple[str, str]]) -> list[_Column]:
    contents = ", ".join(_contents(identifier(name)) for name, _ in declared)
    found = connection.execute(f"SELECT {contents} FROM {_VIEW}").fetchone()
    return [
        _column(connection, where, name, type_.upper(), bits)
        for (name, type_), bits in zip(declared, found, strict=True)
    ]


def _contents(column: str) -> str:
    """SQL that tells which kinds of values a column holds, as bits."""
    text = f"typeof({column}) = 'text'"
    tests = {
        _INTEGER: f"typeof({column}) = 'integer'",
        _REAL: f"typeof({column}) = 'real'",
        _TEXT: f"{text} AND {column} <> ''",
        _BLOB: f"typeof({column}) = 'blob'",
        _BLANK: f"{text} AND {column} = ''",
        _LONG: f"typeof({column}) = 'integer' AND {column} NOT BETWEEN -{1 << 53} AND {1 << 53}",
    }
    return " + ".join(f"{bit} * coalesce(max({test}), 0)" for bit, test in tests.items())


def _column(connection: sqlite3.Connection, where: str, name: str, declared: str, bits: int) -> _Column:
    import pyarrow

    column = identifier(name)
    filled = f"nullif({column}, '')" if bits & _BLANK else column
    decimal = _DECIMAL.search(declared) is not None
    values = bits & (_INTEGER | _REAL | _TEXT | _BLOB)
    if values == _TEXT or (values == 0 and _TIMES.match(declared)):
        type_ = _time_type(connection, filled, declared) if _TIMES.match(declared) else None
        return _Column(name, filled, type_, parsed=True) if type_ else _Column(name, column, pyarrow.string())
    if values == _INTEGER | _REAL or values == _REAL:
        return _Column(name, f"CAST({filled} AS REAL)", pyarrow.float64())
    if values == _INTEGER:
        # What is declared as a decimal is one also where all amounts happen to be whole; long codes keep their digits.
        if decimal and not bits & _LONG:
            return _Column(name, f"CAST({filled} AS REAL)", pyarrow.float64())
        return _Column(name, filled, pyarrow.int64())
    if values == _BLOB:
        return _Column(name, filled, pyarrow.binary())
    if values:
        raise _mixed(connection, where, name, bool(decimal or _WHOLE.search(declared)))
    if _WHOLE.search(declared):
        return _Column(name, filled, pyarrow.int64())
    return _Column(name, filled, pyarrow.float64()) if decimal else _Column(name, column, pyarrow.string())


def _time_type(connection: sqlite3.Connection, filled: str, declared: str) -> pyarrow.DataType | None:
    """The type that every text of a column declared for dates or times can be read as, if there is one."""
    import pyarrow

    types = [pyarrow.timestamp("us"), pyarrow.timestamp("us", tz="UTC")]
    if re.match(r"DATE\b", declared):
        types.insert(0, pyarrow.date32())
    cursor = connection.execute(f"SELECT CAST({filled} AS BLOB) FROM {_VIEW} WHERE {filled} IS NOT NULL")
    while types and (rows := cursor.fetchmany(_BATCH_ROWS)):
        texts = pyarrow.array([value for (value,) in rows], pyarrow.binary())
        types = [type_ for type_ in types if _reads_as(texts, type_)]
    cursor.close()
    return types[0] if types else None


def _reads_as(texts: pyarrow.Array, type_: pyarrow.DataType) -> bool:
    import pyarrow

    try:
        texts.cast(pyarrow.string()).cast(type_)
    except pyarrow.ArrowInvalid:
        return False
    return True


def _mixed(connection: sqlite3.Connection, where: str, name: str, numbers: bool) -> InputError:
    """The error that names the first value of another type than the declared one, or than that of the first value."""
    connection.text_factory = functools.partial(str, encoding="utf-8", errors="replace")
    column = identifier(name)
    expected = "a number" if numbers else None
    for row, (storage, value) in enumerate(connection.execute(f"SELECT typeof({column}), {column} FROM {_VIEW}")):
        class_ = _CLASSES.get(storage)
        if class_ is None or value == "":
            continue
        expected = expected or class_
        if class_ != expected:
            shown = f'"{str(value)[:80]}" is {class_}' if storage != "blob" else "there is a blob"
            return InputError(
                f'{where}, column "{name}", row {row}: {shown} where the column holds {expected.split()[-1]}s; '
                f"a query makes them one type: SELECT CAST({column} AS TEXT) …"
            )
    raise AssertionError(f"{where}, column {name} holds values of one type")


def _batches(
    connection: sqlite3.Connection, path: Path, where: str, columns: list[_Column], schema: pyarrow.Schema
) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow

    select = f"SELECT {', '.join(column.expression for column in columns)} FROM {_VIEW}"
    done = 0
    with _sentences(path, lambda: _undecodable(connection, where, columns, select, done)):
        cursor = connection.execute(select)
        while rows := cursor.fetchmany(_BATCH_ROWS):
            arrays = []
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                array = pyarrow.array(values, pyarrow.string() if column.parsed else column.type)
                arrays.append(array.cast(column.type) if column.parsed else array)
            yield pyarrow.RecordBatch.from_arrays(arrays, schema=schema)
            done += len(rows)


def _undecodable(
    connection: sqlite3.Connection, where: str, columns: list[_Column], select: str, done: int
) -> InputError | None:
    """The error that names the first text that is not UTF-8, at row ``done`` or later."""
    connection.text_factory = bytes
    rows: Iterator[tuple[Any, ...]] = connection.execute(f"{select} LIMIT -1 OFFSET {done}")
    for row, values in enumerate(rows, done):
        for column, value in zip(columns, values, strict=True):
            if isinstance(value, bytes) and column.type != "binary":
                try:
                    value.decode()
                except UnicodeDecodeError:
                    shown = value[:80].decode(errors="backslashreplace")
                    return InputError(f'{where}, column "{column.name}", row {row}: the text "{shown}" is not UTF-8')
    return None


@contextlib.contextmanager
def _sentences(path: Path, undecodable: Callable[[], InputError | None] = lambda: None) -> Iterator[None]:
    """What SQLite complains of, as one sentence."""
    import sqlite3

    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        text = str(error)
        if "UTF-8" in text and (named := undecodable()):
            raise named from None
        if "locked" in text:
            text = "another program has it open for writing"
        raise InputError(f"{path}: {text.replace('no such table: main.', 'no such table: ')}") from error
