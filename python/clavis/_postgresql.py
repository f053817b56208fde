"""PostgreSQL through its ADBC driver: the server's rows as Arrow batches.

The connection is for reading only. The server casts what Arrow or the rest of the library has no type for, so that
decimals arrive as numbers, and enumerations, intervals, JSON and the like as text.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from clavis._clavis import InputError
from clavis._csv import identifier
from clavis._databases import Rows, chosen_table, is_query
from clavis._extras import require

if TYPE_CHECKING:
    import pyarrow

__all__ = ["is_postgresql", "postgresql_rows"]

_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@\[\],]*)(?::\d*)?"
_URL = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^\s:/?#@\[\]]*)(?::(?P<password>[^\s/?#@\[\]]*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<name>[^\s/?#@]*))?(?:\?(?P<options>[^\s#]*))?"
)

_DECIMALS = {"numeric", "money"}
_PLAIN = {
    "bigint",
    "boolean",
    "bytea",
    "character varying",
    "date",
    "double precision",
    "integer",
    "real",
    "smallint",
    "text",
    "timestamp with time zone",
    "timestamp without time zone",
}

_DAY = 86_400_000_000  # microseconds
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31


def is_postgresql(text: str) -> bool:
    """Whether the text is the URL of a PostgreSQL database."""
    return re.match(r"postgres(ql)?://", text) is not None


def postgresql_rows(url: str, source: str | None) -> Rows:
    """The rows of a table, of a query, or of the only table of a PostgreSQL database."""
    server = _Server(url)
    try:
        query = source.strip().rstrip(";") if source is not None and is_query(source) else server.table(source)
        casts = server.casts(query)
        chosen = ", ".join(f"{cast} AS {identifier(name)}" for name, cast, _ in casts)
        select = f"SELECT {chosen} FROM (\n{query}\n) AS records"
        schema = server.schema(select)
        decimals = [name for name, _, type_ in casts if type_ in _DECIMALS]
        return Rows(schema, functools.partial(_batches, server, select, schema, decimals), server.connection.close)
    except BaseException:
        server.connection.close()
        raise


class _Server:
    """A connection for reading, what messages call it, and errors without its credentials."""

    def __init__(self, url: str) -> None:
        parts = _URL.fullmatch(url)
        if parts is None:
            raise InputError(
                "the URL of the PostgreSQL database cannot be read; it is postgresql://user:password@host:port/name, "
                "in which : / ? # @ and spaces of a password are written as %3A %2F %3F %23 %40 %20"
            )
        require("adbc_driver_postgresql", "postgresql", "reading PostgreSQL")
        require("adbc_driver_manager", "postgresql", "reading PostgreSQL")
        self._dbapi: Any = importlib.import_module("adbc_driver_postgresql.dbapi")
        self._error: type[Exception] = importlib.import_module("adbc_driver_manager").Error
        self._user = parts["user"] or ""
        options = [option.partition("=") for option in (parts["options"] or "").split("&")]
        self._secrets = {parts["password"] or "", *(value for key, _, value in options if "password" in key)}
        self.shown = "PostgreSQL"
        if name := unquote(parts["name"] or ""):
            self.shown += f" database {name}"
        if parts["hosts"]:
            self.shown += f" on {parts['hosts']}"
        with self.sentences():
            self.connection = self._dbapi.connect(url, autocommit=True)
        try:
            # Two scans that run at once may not start one in the middle of the table for the other's sake.
            for setting in ("default_transaction_read_only = on", "TimeZone = 'UTC'", "synchronize_seqscans = off"):
                self.rows(f"SET {setting}")
        except BaseException:
            self.connection.close()
            raise

    @contextlib.contextmanager
    def sentences(self) -> Iterator[None]:
        """What the server or the driver complains of, as one sentence."""
        import pyarrow

        try:
            yield
        except (self._error, pyarrow.ArrowException, OSError) as error:
            # Not chained: the driver's own message may hold the whole query, or parts of the URL.
            raise InputError(f"{self.shown}: {self._sentence(str(error))}") from None

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.sentences(), self.connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def schema(self, select: str) -> pyarrow.Schema:
        with self.sentences(), self.connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM (\n{select}\n) AS records LIMIT 0")
            return _bare(cursor.fetch_arrow_table().schema)

    def table(self, name: str | None) -> str:
        found = self.rows(
            "SELECT n.nspname::text, c.relname::text, n.nspname = current_schema() "
            "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition "
            "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2"
        )
        home = next((schema for schema, _, current in found if current), "")
        tables = [(schema, table) for schema, table, _ in found]
        return "SELECT * FROM " + ".".join(
            map(identifier, chosen_table(tables, name, self.shown, home=home, kind="URL"))
        )

    def casts(self, query: str) -> list[tuple[str, str, str]]:
        """Name of each column of a query, the expression to read it by, and its type."""
        names = self.schema(query).names
        repeated = [name for name, times in Counter(names).items() if times > 1]
        if repeated:
            raise InputError(
                f'{self.shown}: the column "{repeated[0]}" appears more than once; name one of them otherwise'
            )
        if not names:
            raise InputError(f"{self.shown}: there are no columns")
        types = ", ".join(
            "(SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END::regtype::text "
            f"FROM pg_catalog.pg_type t WHERE t.oid = pg_typeof(records.{identifier(name)}))"
            for name in names
        )
        # One row of nulls has the types without a row being read.
        (found,) = self.rows(f"SELECT {types} FROM (VALUES (1)) AS one LEFT JOIN (\n{query}\n) AS records ON false")
        return [(name, _cast(identifier(name), type_), type_) for name, type_ in zip(names, found, strict=True)]

    def _sentence(self, text: str) -> str:
        said = re.search(r"(?:ERROR|FATAL):\s+(.+)", text) or re.search(r"\[libpq\]\s*(.+)", text, re.DOTALL)
        text = re.sub(r"\s+", " ", said[1] if said else text).strip()
        for secret in filter(None, {*self._secrets, *map(unquote, self._secrets)}):
            text = text.replace(secret, "…")
        for user in filter(None, {self._user, unquote(self._user)}):
            text = text.replace(f'"{user}"', '"…"')
        return re.sub(r"\.?( SQLSTATE: \w+)?$", "", text)


def _cast(column: str, type_: str) -> str:
    if type_ == "money":
        return f"{column}::numeric::double precision"
    if type_ == "numeric":
        return f"{column}::double precision"
    if type_ == "oid":
        return f"{column}::bigint"
    return column if type_.removesuffix("[]") in _PLAIN else f"{column}::text"


def _bare(schema: pyarrow.Schema) -> pyarrow.Schema:
    """The schema without the driver's notes on it."""
    import pyarrow

    return pyarrow.schema([(field.name, field.type) for field in schema])


def _batches(
    server: _Server, select: str, schema: pyarrow.Schema, decimals: list[str]
) -> Iterator[pyarrow.RecordBatch]:
    import pyarrow

    done = 0
    with server.connection.cursor() as cursor:
        with server.sentences():
            cursor.execute(select)
            reader = iter(cursor.fetch_record_batch())
        while True:
            with server.sentences():
                batch = next(reader, None)
            if batch is None:
                return
            _check(batch, server.shown, decimals, done)
            done += batch.num_rows
            yield pyarrow.RecordBatch.from_arrays(batch.columns, schema=schema)


def _check(batch: pyarrow.RecordBatch, shown: str, decimals: list[str], done: int) -> None:
    """Raise an InputError for what the server holds and a column here does not: infinite dates, long decimals."""
    import pyarrow
    import pyarrow.compute as compute

    low: float
    high: float
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pyarrow.types.is_date32(column.type):
            values, low, high = column.cast(pyarrow.int32()), _FIRST_DAY, _LAST_DAY
            problem = "a date outside the years 1 to 9999, or infinity"
        elif pyarrow.types.is_timestamp(column.type):
            values, low, high = column.cast(pyarrow.int64()), _FIRST_DAY * _DAY, (_LAST_DAY + 1) * _DAY - 1
            problem = "a time outside the years 1 to 9999, or infinity"
        elif name in decimals:
            values, low, high = column, -float(1 << 53), float(1 << 53)
            problem = f'a decimal with more digits than float64 holds; read it as "{name}"::bigint or ::text in a query'
        else:
            continue
        extremes = compute.min_max(values).as_py()
        if extremes["min"] is not None and (extremes["min"] < low or extremes["max"] > high):
            bad = compute.or_(compute.less(values, low), compute.greater(values, high))
            row = done + compute.index(bad, True).as_py()
            raise InputError(f'{shown}, column "{name}", row {row}: {problem}')
