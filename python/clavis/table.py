"""Results: a small table of NumPy columns that every data frame library can read."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from clavis._extras import require

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["Table"]

Array = npt.NDArray[Any]

_SHOWN_ROWS = 10


class Table:
    """Columns of equal length under their names.

    ``table["name"]`` is a NumPy array; ``len(table)`` counts rows and ``table.columns`` lists the names. The Arrow
    stream protocol is offered, so ``polars.DataFrame(table)``, ``pyarrow.table(table)`` and DuckDB read it without a
    copy of numeric columns.

    Parameters
    ----------
    columns
        Name to one-dimensional array, all of one length. Text columns are object arrays of ``str`` (``None`` where
        missing), instants ``datetime64[us]`` in UTC, dates ``datetime64[D]``.
    """

    def __init__(self, columns: Mapping[str, npt.ArrayLike]) -> None:
        self._columns: dict[str, Array] = {name: np.asarray(values) for name, values in columns.items()}
        lengths = {name: values.shape for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1 or any(len(shape) != 1 for shape in lengths.values()):
            raise ValueError(f"the columns of a table must be one-dimensional and of equal length, not {lengths}")

    @property
    def columns(self) -> list[str]:
        """The column names, in order."""
        return list(self._columns)

    def __getitem__(self, name: str) -> Array:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"no column {name!r}; the columns are {', '.join(self._columns)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return next((len(values) for values in self._columns.values()), 0)

    def take(self, rows: npt.ArrayLike) -> Table:
        """The rows at these positions, or where a boolean mask is true, as a new table."""
        chosen = np.asarray(rows)
        return Table({name: values[chosen] for name, values in self._columns.items()})

    def head(self, n: int = 5) -> Table:
        """The first ``n`` rows."""
        return self.take(np.arange(min(n, len(self))))

    def to_dict(self) -> dict[str, Array]:
        """The columns as a new dict of arrays, not copied."""
        return dict(self._columns)

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas data frame."""
        frame: pandas.DataFrame = require("pandas", "pandas", "to_pandas").DataFrame(self._columns)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """A polars data frame."""
        frame: polars.DataFrame = require("polars", "polars", "to_polars").DataFrame(self)
        return frame

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow table."""
        table: pyarrow.Table = require("pyarrow", "io", "to_arrow").table(self)
        return table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The columns as one Arrow record batch (PyCapsule protocol); ``requested_schema`` is ignored."""
        from clavis import _input

        booleans = [name for name, values in self._columns.items() if values.dtype == np.bool_]
        columns = {name: v.astype(np.int32) if v.dtype == np.bool_ else v for name, v in self._columns.items()}
        return _input.from_arrays(columns, {name: name for name in columns}).export(booleans)

    def __repr__(self) -> str:
        shown = self._shown()
        widths = [max(len(cell) for cell in column) for column in shown]
        numeric = [values.dtype.kind in "iufb" for values in self._columns.values()]
        lines = [
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, numeric, strict=True)
            ).rstrip()
            for line in zip(*shown, strict=True)
        ]
        return "\n".join([f"{type(self).__name__}: {len(self):,} rows", *lines])

    def _repr_html_(self) -> str:
        rows = list(zip(*self._shown(), strict=True))
        if not rows:
            return f"<p>{len(self):,} rows</p>"
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{len(self):,} rows</p>"

    def _shown(self) -> list[list[str]]:
        """Every column as text: its name, then the first and last rows."""
        n = len(self)
        if n <= _SHOWN_ROWS:
            rows: list[int | None] = list(range(n))
        else:
            half = _SHOWN_ROWS // 2
            rows = [*range(half), None, *range(n - half, n)]
        return [
            [name, *("…" if row is None else _cell(values[row]) for row in rows)]
            for name, values in self._columns.items()
        ]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:.6g}"
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value).replace("T", " ").removesuffix(".000000")
    return str(value)
