"""Records in: files and databases become Arrow tables, through DuckDB and in this process.

DuckDB's own extensions for SQLite and PostgreSQL are downloads, so these two are read by ``_sqlite`` and
``_postgresql``, and DuckDB sees a stream. Only a PostgreSQL URL that is given opens a network connection.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clavis._clavis import InputError
from clavis._csv import csv_select, identifier, literal
from clavis._databases import Rows, chosen_table, is_query, without_credentials
from clavis._extras import require
from clavis._postgresql import is_postgresql, postgresql_rows
from clavis._sqlite import sqlite_rows

if TYPE_CHECKING:
    import duckdb
    import pyarrow

__all__ = ["Session", "read", "read_batches"]

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

# What a file is, by its first bytes; the extension only helps where there are none to go by.
_UNREADABLE = {
    b"PK\x03\x04": "is a workbook or zip archive; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is an old Excel workbook; save the sheet as CSV",
    b"ARROW1": "is an Arrow file; pass pyarrow.feather.read_table(path) itself as the table, or save it as Parquet",
    b"\x28\xb5\x2f\xfd": "is compressed with Zstandard; unpack it, or compress it with gzip",
    b"BZh": "is compressed with bzip2; unpack it, or compress it with gzip",
    b"\xfd7zXZ": "is compressed with xz; unpack it, or compress it with gzip",
    b"%PDF": "is a PDF; save the table as CSV",
}

# Names of files that hold no CSV whatever their first bytes are.
_OTHER_SUFFIXES = ".parquet .pq .duckdb .ddb .db .sqlite .json .jsonl .ndjson .xlsx .feather".split()


def read(
    source: str | os.PathLike[str],
    *,
    database: str | os.PathLike[str] | None = None,
    encoding: str | None = None,
    date_format: str | None = None,
) -> pyarrow.Table:
    """Read records from a file, a database or an SQL query into an Arrow table.

    Parameters
    ----------
    source
        A CSV file (also gzipped), a Parquet file, several of either (``"sales/*.csv"``), a DuckDB or SQLite file or
        the URL of a PostgreSQL database with a single table, or an SQL query over files
        (``"SELECT * FROM 'sales.csv' WHERE store = 7"``). With ``database``, a table of it or a query over it.
    database
        A DuckDB file, an SQLite file, or ``"postgresql://user:password@host:port/name"``; opened for reading only.
        Queries are written in the SQL of the database.
    encoding
        The encoding of CSV files, by Python's names (``"cp1252"``, ``"latin-1"``). Without it UTF-8, or UTF-16 where
        the file begins with its mark.
    date_format
        How CSV files write dates, as for ``strptime`` (``"%d/%m/%Y"``). Without it ISO dates are read, and other
        numeric forms where only one order of day and month fits every value; a column that both orders fit stays text,
        with a warning.

    Returns
    -------
    pyarrow.Table
        Every row, in the order of the source. In CSV files a column is typed by all its values: whole numbers as
        int64, other numbers as float64, dates as date32, times as timestamps, anything else as text. Numbers with
        leading zeros or a plus sign, and those too long for 64 bits, are codes and stay text. Blank fields are null.
        Decimals and small number types of databases become float64, int32 or int64; enumerations and UUIDs text.
        In SQLite, where a declaration binds no value, a column is typed by all its values too: whole numbers as int64
        (float64 where declared as decimals), other numbers as float64, text as text, or as dates or times where it is
        declared so and all of it parses. Blank text in columns of numbers, dates and times is null.

    Raises
    ------
    ValueError
        There is no such file, table or column; the file is empty, malformed (the message names file, line and text) or
        of a kind that cannot be read; a column of SQLite mixes text and numbers (the message names table, column, row
        and value). Messages never hold the credentials of a URL.
    ImportError
        duckdb or pyarrow is not installed, or for PostgreSQL adbc_driver_postgresql.

    Examples
    --------
    >>> clavis.read("sales.csv.gz")                                  # doctest: +SKIP
    >>> clavis.read("SELECT * FROM 'sales/*.parquet' WHERE year(sold) >= 2024")   # doctest: +SKIP
    >>> clavis.read("orders", database="postgresql://reader@db.example.org/shop")   # doctest: +SKIP
    """
    with Session() as session:
        return session.table(session.select(source, database, encoding, date_format))


def read_batches(
    source: str | os.PathLike[str],
    *,
    database: str | os.PathLike[str] | None = None,
    encoding: str | None = None,
    date_format: str | None = None,
    batch_rows: int = 1 << 17,
) -> pyarrow.RecordBatchReader:
    """Read records batch by batch, for sources larger than memory.

    Takes what :func:`read` takes and yields the same rows with the same types; at most a few batches of
    ``batch_rows`` rows are in memory at a time. The reader is a table argument like any other, for one use.
    """
    if batch_rows < 1:
        raise ValueError(f"batch_rows must be at least 1, not {batch_rows}")
    session = Session()
    try:
        return session.batches(session.select(source, database, encoding, date_format), batch_rows)
    except BaseException:
        session.close()
        raise


class Session:
    """A DuckDB connection that reads local files only, and the scratch space that goes with it."""

    def __init__(self) -> None:
        self._duckdb = require("duckdb", "io", "reading files")
        self._pyarrow = require("pyarrow", "io", "reading files")
        self._scratch = Path(tempfile.mkdtemp(prefix="clavis-"))
        self._clean = weakref.finalize(self, shutil.rmtree, self._scratch, ignore_errors=True)
        self._views = 0
        self._streams: list[Rows] = []
        # Extensions are downloads; names in a query must not resolve to variables of the calling program.
        self.connection: duckdb.DuckDBPyConnection = self._duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        for setting in ("python_enable_replacements = false", "enable_progress_bar = false", "TimeZone = 'UTC'"):
            self.connection.execute(f"SET {setting}")
        # Where DuckDB has it, this step makes the CSV reader fail on text that TRY_CAST is there to pass over.
        if self.connection.sql("SELECT 1 FROM duckdb_optimizers() WHERE name = 'type_pushdown'").fetchall():
            self.connection.execute("SET disabled_optimizers = 'type_pushdown'")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()
        for rows in self._streams:
            rows.close()
        self._clean()

    def select(
        self,
        source: str | os.PathLike[str],
        database: str | os.PathLike[str] | None = None,
        encoding: str | None = None,
        date_format: str | None = None,
    ) -> str:
        """The query that yields the rows of a source."""
        options = {"encoding": encoding, "date_format": date_format}
        text = os.fspath(source)
        if not text.strip():
            raise InputError("the source is an empty text; name a file or give an SQL query")
        if database is not None:
            return self._from_database(os.fspath(database), text, options)
        if is_postgresql(text):
            return self._from_stream(postgresql_rows(text, None))
        if isinstance(source, str) and is_query(text) and not Path(text).exists():
            return self._from_sql(text, options)
        return self._from_files(text, options)

    def columns(self, select: str) -> dict[str, str]:
        """The columns of a query, with DuckDB's names of their types."""
        with self._sentences():
            relation = self.connection.sql(select)
            return dict(zip(relation.columns, map(str, relation.types), strict=True))

    def with_expression(self, select: str, expression: str) -> str:
        """The query with one more column, computed, under the text of its expression.

        Text in a column that the expression takes for numbers does not stop the others: where it is no number, the
        result is that text, so that what reads the column names the row and the value.
        """
        tree = self._parsed(f"SELECT {expression}", f'the expression "{expression}" cannot be read')
        items = tree["statements"][0]["node"].get("select_list", [])
        if len(tree["statements"]) != 1 or len(items) != 1 or items[0].get("type") == "STAR":
            raise InputError(f'the expression "{expression}" must be a single value of a row')
        name = identifier(expression)
        direct = f"SELECT *, ({expression}) AS {name} FROM ({select})"
        texts = [column for column, type_ in self.columns(select).items() if type_ == "VARCHAR"]
        used = [column for column in texts if column.lower() in {name.lower() for name in _column_names(items)}]
        try:
            self.connection.sql(direct)
            return direct
        except self._duckdb.BinderException as error:
            if not used:
                raise InputError(f'the expression "{expression}": {_sentence(error)}') from error
        except self._duckdb.Error as error:
            raise InputError(f'the expression "{expression}": {_sentence(error)}') from error
        numbers = ", ".join(f"try_cast({identifier(column)} AS DOUBLE) AS {identifier(column)}" for column in used)
        raw = ", ".join(f"{identifier(column)} AS {identifier(f'text of {column}')}" for column in used)
        bad = " ".join(
            f"WHEN {identifier(column)} IS NULL AND {identifier(f'text of {column}')} IS NOT NULL "
            f"THEN {identifier(f'text of {column}')}"
            for column in used
        )
        hidden = ", ".join(identifier(f"text of {column}") for column in used)
        shown = ", ".join(f"{identifier(f'text of {column}')} AS {identifier(column)}" for column in used)
        checked = f"SELECT * REPLACE ({numbers}), {raw} FROM ({select})"
        computed = f"SELECT *, CASE {bad} ELSE ({expression})::VARCHAR END AS {name} FROM ({checked})"
        statement = f"SELECT * EXCLUDE ({hidden}) REPLACE ({shown}) FROM ({computed})"
        self.columns(statement)
        return statement

    def view(self, name: str, select: str) -> None:
        self._run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {select}")

    def table(self, select: str) -> pyarrow.Table:
        with self._sentences():
            return self.connection.sql(self._plain(select)).to_arrow_table()

    def batches(self, select: str, batch_rows: int) -> pyarrow.RecordBatchReader:
        with self._sentences():
            relation = self.connection.sql(self._plain(select))
            # The first name is that of DuckDB from 1.5 on, the second was so before.
            start = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
            reader = start(batch_rows)

        def rows() -> Iterator[pyarrow.RecordBatch]:
            try:
                yield from reader
            except Exception as error:
                raise self._failure() or InputError(_sentence(error)) from error
            finally:
                self.close()

        return self._pyarrow.RecordBatchReader.from_batches(reader.schema, rows())

    def _run(self, statement: str) -> None:
        with self._sentences():
            self.connection.execute(statement)

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        """What DuckDB complains of, as one sentence."""
        try:
            yield
        except self._duckdb.Error as error:
            if failure := self._failure():
                raise failure from None
            # What is chained is printed too, and a query may name a URL.
            said = str(error)
            raise InputError(_sentence(error)) from (error if without_credentials(said) == said else None)

    def _failure(self) -> Exception | None:
        """What ended a stream that DuckDB was reading, if one failed."""
        return next((rows.failure for rows in self._streams if rows.failure), None)

    def _plain(self, select: str) -> str:
        """The query with its columns in the types that tables are made of here."""
        relation = self.connection.sql(select)
        chosen = ", ".join(
            f"{_cast(identifier(name), str(type_))} AS {identifier(name)}"
            for name, type_ in zip(relation.columns, relation.types, strict=True)
        )
        return f"SELECT {chosen} FROM ({select})"

    def _from_files(self, text: str, options: dict[str, str | None]) -> str:
        paths = _matching(text)
        kinds = {_kind(path) for path in paths}
        if len(kinds) > 1:
            raise InputError(f"{text}: the files are of different kinds ({', '.join(sorted(kinds))})")
        kind = kinds.pop()
        if kind == "duckdb":
            if len(paths) > 1:
                raise InputError(f"{text}: one database at a time")
            self._attach(paths[0])
            return self._from_table(None, str(paths[0]))
        if kind == "sqlite":
            if len(paths) > 1:
                raise InputError(f"{text}: one database at a time")
            return self._from_stream(sqlite_rows(paths[0], None))
        if kind == "parquet":
            files = ", ".join(literal(str(path)) for path in paths)
            return f"SELECT * FROM read_parquet([{files}])"
        self._views += 1
        scratch = self._scratch / str(self._views)
        scratch.mkdir()
        with self._sentences():
            return csv_select(self.connection, paths, scratch=scratch, **options)

    def _from_sql(self, text: str, options: dict[str, str | None]) -> str:
        text = text.strip().rstrip(";")
        tree = self._parsed(text, "the query cannot be read")
        if len(tree["statements"]) != 1:
            raise InputError("the query must be a single SELECT")
        # Files named in the query are read as files named alone are: views come before DuckDB's own reading.
        for name in sorted(_table_names(tree)):
            if "." in name and not _REMOTE.match(name) and (Path(name).is_file() or glob.has_magic(name)):
                streams = len(self._streams)
                select = self._from_files(name, options)
                if len(self._streams) == streams:
                    self.view(name, select)
                else:  # a query may read it twice, a stream may be read once
                    self._run(f"CREATE TEMP TABLE {identifier(name)} AS {select}")
        return text

    def _parsed(self, text: str, complaint: str) -> dict[str, Any]:
        """The syntax tree of SELECT statements."""
        answer = self.connection.sql(f"SELECT json_serialize_sql({literal(text)})").fetchall()[0][0]
        tree: dict[str, Any] = json.loads(answer)
        if tree["error"]:
            raise InputError(f"{complaint}: {tree['error_message'].rstrip('!')}")
        return tree

    def _from_database(self, database: str, text: str, options: dict[str, str | None]) -> str:
        if is_postgresql(database):
            return self._from_stream(postgresql_rows(database, text))
        if _REMOTE.match(database):
            raise _not_local(database)
        path = Path(database)
        if path.is_file() and _kind(path) == "sqlite":
            return self._from_stream(sqlite_rows(path, text))
        self._attach(path)
        return self._from_sql(text, options) if is_query(text) else self._from_table(text, database)

    def _from_stream(self, rows: Rows) -> str:
        self._streams.append(rows)
        name = f"stream {len(self._streams)} of records"
        self.connection.register(name, rows)
        return f"SELECT * FROM {identifier(name)}"

    def _from_table(self, name: str | None, where: str) -> str:
        tables = self.connection.sql(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_catalog = 'records' ORDER BY ALL"
        ).fetchall()
        return "SELECT * FROM " + ".".join(map(identifier, chosen_table(tables, name, where, home="main")))

    def _attach(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        if (kind := _kind(path)) != "duckdb":
            raise InputError(f"{path}: is a {kind} file, not a database")
        try:
            self._run(f"ATTACH {literal(str(path))} AS records (READ_ONLY)")
        except InputError as error:
            problem = str(error)
            if "handle conflict" in problem or "different configuration" in problem:
                problem = "this program has it open already; pass connection.sql('FROM …') as the table instead"
            elif "lock" in problem:
                problem = "another program has it open for writing"
            raise InputError(f"{path}: cannot be opened: {problem}") from error
        self._run("USE records")


def _matching(text: str) -> list[Path]:
    if _REMOTE.match(text):
        raise _not_local(text)
    path = Path(text)
    if path.is_dir():
        raise InputError(f'{path}: is a directory; name the files in it, such as "{path / "*.csv"}"')
    if path.is_file():
        return [path]
    if glob.has_magic(text):
        found = sorted(Path(name) for name in glob.glob(text, recursive=True) if Path(name).is_file())
        if found:
            return found
        raise InputError(f"{text}: no file has such a name")
    raise InputError(f"{path}: there is no such file")


def _not_local(text: str) -> InputError:
    return InputError(f"{without_credentials(text)}: only local files and PostgreSQL are read; download it first")


def _kind(path: Path) -> str:
    """csv, parquet, duckdb or sqlite, by the first bytes of the file."""
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error
    for mark, complaint in _UNREADABLE.items():
        if head.startswith(mark):
            raise InputError(f"{path}: {complaint}")
    if head[8:12] == b"DUCK":
        return "duckdb"
    if head == b"SQLite format 3\x00":
        return "sqlite"
    if head[:4] == b"PAR1":
        return "parquet"
    suffix = path.suffix.lower()
    if suffix in _OTHER_SUFFIXES:
        problem = "is empty" if not head else "does not hold what its name says"
        raise InputError(f"{path}: {problem}; CSV, Parquet, DuckDB and SQLite files are read")
    return "csv"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a syntax tree."""
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(child)


def _table_names(tree: Any) -> set[str]:
    """The names after FROM and JOIN anywhere in a query."""
    tables = (node for node in _nodes(tree) if node.get("type") == "BASE_TABLE" and not node.get("schema_name"))
    return {str(node["table_name"]) for node in tables}


def _column_names(tree: Any) -> set[str]:
    return {str(node["column_names"][-1]) for node in _nodes(tree) if node.get("type") == "COLUMN_REF"}


def _cast(column: str, type_: str) -> str:
    """A column of any of DuckDB's types as one of the few that tables are made of; nested types stay as they are."""
    name = type_.partition("(")[0]
    if name in ("DECIMAL", "FLOAT"):
        return f"{column}::DOUBLE"
    if name in ("TINYINT", "SMALLINT", "UTINYINT", "USMALLINT"):
        return f"{column}::INTEGER"
    if name in ("UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT"):
        return f"{column}::BIGINT"
    if name in ("UUID", "ENUM", "TIME", "TIME WITH TIME ZONE", "INTERVAL", "BIT", "BIGNUM", "VARINT", '"NULL"', "NULL"):
        return f"{column}::VARCHAR"
    return column


def _sentence(error: Exception) -> str:
    """What DuckDB says, without its class names, hints and query echoes."""
    text = without_credentials(str(error)).strip().split("\n\n")[0]
    text = re.sub(r"^[A-Za-z -]+ Error:\s*", "", text)
    lines = [line.strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line and not line.startswith('Did you mean "pg_')).rstrip(".")
