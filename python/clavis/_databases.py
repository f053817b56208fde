"""What reading from databases other than DuckDB's has in common: tables by name, and rows as Arrow streams."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from clavis._clavis import InputError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Rows", "chosen_table", "is_query", "without_credentials"]

_SQL_TEXT = re.compile(r"\s*(\(\s*)*(select|with|from|values|pivot|unpivot|summarize|describe)\b", re.IGNORECASE)


def is_query(text: str) -> bool:
    """Whether the text is SQL, not a name."""
    return _SQL_TEXT.match(text) is not None


def without_credentials(text: str) -> str:
    """The text with no user, password or options in the URLs of databases and other servers it mentions."""
    text = re.sub(r"(\bpostgres(?:ql)?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)
    return re.sub(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s'\"]*@", r"\1", text)


def chosen_table(
    tables: Sequence[tuple[str, str]], name: str | None, where: str, *, home: str = "", kind: str = "file"
) -> tuple[str, str]:
    """The table of that name, or the only one where no name is given.

    Parameters
    ----------
    tables
        Schema and name of each; the schema is empty where the database has none.
    name
        ``"orders"`` or ``"sales.orders"``, in any case where only one fits.
    where
        What messages call the database.
    home
        The schema that is meant where several have a table of that name.
    kind
        What the database is given as: a file or a URL.
    """
    labels = [".".join(filter(None, table)) for table in tables]
    if name is None:
        matching = list(tables)
    else:
        pairs = list(zip(labels, tables, strict=True))
        matching = [table for label, table in pairs if name in (label, table[1])] or [
            table for label, table in pairs if name.lower() in (label.lower(), table[1].lower())
        ]
        if not matching:
            raise InputError(f'there is no table "{name}" in the database; it has {", ".join(labels) or "none"}')
        matching = [table for table in matching if table[0] == home] or matching
    if len(matching) == 1:
        return matching[0]
    found = ", ".join(".".join(filter(None, table)) for table in matching) or "none"
    raise InputError(f"{where}: which table? it has {found}; give the table as the source and the {kind} as database")


class Rows:
    """The rows of a query as an Arrow stream; each reading starts the query anew.

    Parameters
    ----------
    schema
        The types of the columns.
    start
        Runs the query and yields its batches.
    close
        Ends the connection; called when nobody holds the rows any longer, if not before.
    """

    def __init__(
        self,
        schema: pyarrow.Schema,
        start: Callable[[], Iterator[pyarrow.RecordBatch]],
        close: Callable[[], object],
    ) -> None:
        self.schema = schema
        self.failure: Exception | None = None
        self.close = weakref.finalize(self, close)
        self._start = start

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow

        return pyarrow.RecordBatchReader.from_batches(self.schema, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pyarrow.RecordBatch]:
        # What reads the stream reports errors in its own words; the error itself is kept for the caller.
        try:
            yield from self._start()
        except Exception as error:
            self.failure = error
            raise
