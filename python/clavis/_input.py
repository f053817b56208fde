"""Table arguments: whatever the caller has becomes batches of typed columns that the compiled core reads.

A table is any object that speaks Arrow (``__arrow_c_stream__``), a pandas frame, or a dict of arrays. Only the columns
asked for are touched, and nothing is read to learn the names of columns.
"""

from __future__ import annotations

import datetime
import importlib.util
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _streams

__all__ = ["batches", "column_names", "from_arrays", "require_columns"]

Array = npt.NDArray[Any]

_RESOLUTIONS = ("s", "ms", "us", "ns")
#: Longest possible lengths of the units that are rescaled, and the farthest instant that days in 32 bits tell.
_SECONDS = {"Y": 366 * 86400, "M": 31 * 86400, "W": 7 * 86400, "D": 86400, "h": 3600, "m": 60}
_FAR = 2.0**31 * 86400


def batches(
    table: Any, roles: Mapping[str, str | None], name: str = "transactions", optional: Collection[str] = ()
) -> Iterator[_clavis.core.Columns]:
    """Yield the table batch by batch.

    Parameters
    ----------
    table
        Any accepted table.
    roles
        What the library calls a column to what the caller calls it; ``None`` where there is no such column.
    name
        What messages call the table.
    optional
        Roles that a table need not have while they go by their own name.
    """
    from clavis.book import CustomerBook

    book = table if isinstance(table, CustomerBook) else None
    for batch in _batches(table, roles, name, optional):
        # Ids of a merged book are joined as they are read.
        yield batch if book is None else book._joined(batch, name)


def _batches(
    table: Any, roles: Mapping[str, str | None], name: str, optional: Collection[str]
) -> Iterator[_clavis.core.Columns]:
    table, roles = resolve(table, roles, name)

    def choose(present: list[str]) -> dict[str, str]:
        wanted = {
            role: label
            for role, label in roles.items()
            if label is not None and not (role in optional and label == role and label not in present)
        }
        require_columns(present, wanted, name)
        return wanted

    if _is_pandas(table):
        present = [str(label) for label in table.columns]
        wanted = choose(present)
        for label in wanted.values():
            if present.count(label) > 1:
                raise _clavis.InputError(f'{name}: there are {present.count(label)} columns "{label}"')
        columns = {label: table.iloc[:, present.index(label)] for label in wanted.values()}
        frame = _arrow_frame(columns)
        if frame is not None:
            yield from _streams.batches(frame, lambda _: wanted, name)
        else:
            # Column by column: object columns then give errors that name the row, and pyarrow need not be there.
            yield from_arrays({label: _pandas_column(column) for label, column in columns.items()}, wanted, name)
    elif hasattr(table, "stream_of"):
        wanted = choose(table.columns)
        yield from _streams.batches(_Chosen(table, list(dict.fromkeys(wanted.values()))), lambda _: wanted, name)
    elif hasattr(table, "__arrow_c_stream__"):
        yield from _streams.batches(table, choose, name)
    elif isinstance(table, Mapping):
        wanted = choose(list(table))
        yield from_arrays({label: table[label] for label in wanted.values()}, wanted, name)
    else:
        raise _not_a_table(table, name)


class _Chosen:
    """Some columns of a table that computes columns when they are asked for."""

    def __init__(self, table: Any, names: list[str]) -> None:
        self._table, self._names = table, names

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.stream_of(self._names)


def resolve(table: Any, roles: Mapping[str, str | None], name: str) -> tuple[Any, Mapping[str, str | None]]:
    """The table of this name in a book, with the book's column names for roles left at their own name or absent."""
    from clavis.book import CustomerBook

    if not isinstance(table, CustomerBook):
        return table, roles
    names = table.names(name)
    return getattr(table, name), {
        role: names.get(role) if label is None or label == role else label for role, label in roles.items()
    }


def declares_text(table: Any, label: str) -> bool:
    """Whether a table of pyarrow, polars or DuckDB, which may hold no rows to tell it, declares a column as text."""
    schema: Any = getattr(table, "schema", None)
    kind = ""
    if hasattr(schema, "field"):
        kind = str(schema.field(label).type)
    elif isinstance(schema, Mapping):
        kind = str(schema[label])
    elif hasattr(table, "types") and label in getattr(table, "columns", ()):
        kind = str(table.types[list(table.columns).index(label)])
    return re.search("string|utf8|varchar|categorical|enum", kind.lower()) is not None


def optional_column(table: Any, label: str | None, default: str, name: str = "transactions") -> str | None:
    """The label, or ``None`` where nobody asked for another name than the default and the table has no such column."""
    table, roles = resolve(table, {default: label}, name)
    label = roles[default]
    return None if label == default and default not in column_names(table, name) else label


def column_names(table: Any, name: str) -> list[str]:
    """The names of a table's columns, without reading any rows."""
    if _is_pandas(table):
        return [str(label) for label in table.columns]
    if isinstance(table, Mapping):
        return list(table)
    schema_names = getattr(getattr(table, "schema", None), "names", None)
    if isinstance(schema_names, list):  # pyarrow
        return schema_names
    for attribute in ("column_names", "columns"):  # polars, DuckDB relations, clavis.Table
        names = getattr(table, attribute, None)
        if isinstance(names, list) and all(isinstance(label, str) for label in names):
            return names
    if hasattr(table, "__arrow_c_stream__"):
        return _streams.column_names(table, name)
    raise _not_a_table(table, name)


def _not_a_table(table: Any, name: str) -> TypeError:
    return TypeError(
        f"{name}: cannot read a {type(table).__name__}; a table is an object that speaks Arrow "
        "(pyarrow, polars, DuckDB), a pandas frame, or a dict of arrays"
    )


def require_columns(present: list[str], wanted: Mapping[str, str], name: str) -> None:
    """Raise a ValueError that names the first missing column and what there is instead."""
    for role, label in wanted.items():
        if label not in present:
            raise _clavis.InputError(
                f'{name}: there is no column "{label}" (needed as {role}); the columns are {", ".join(present)}'
            )


def from_arrays(
    arrays: Mapping[str, Any], roles: Mapping[str, str], name: str = "transactions"
) -> _clavis.core.Columns:
    """One batch from arrays: ``roles`` maps the library's name of a column to its key in ``arrays``."""
    columns = _clavis.core.Columns()
    size: int | None = None
    for role, label in roles.items():
        values, zone = _split_zone(arrays[label])
        if values.ndim != 1:
            raise _clavis.InputError(f'{name}: column "{label}" must be one-dimensional, not {values.ndim}-dimensional')
        if size is not None and len(values) != size:
            raise _clavis.InputError(f'{name}: column "{label}" has {len(values)} rows where others have {size}')
        size = len(values)
        add_column(columns, role, label, values, zone, name)
    return columns


class _Zoned:
    """UTC ticks together with the name of the zone they are shown in."""

    def __init__(self, values: Array, zone: str) -> None:
        self.values = values
        self.zone = zone


def _split_zone(column: Any) -> tuple[Array, str]:
    if isinstance(column, _Zoned):
        return column.values, column.zone
    if _is_pandas_column(column):
        return _split_zone(_pandas_column(column))
    if isinstance(column, np.ma.MaskedArray):
        objects = np.asarray(column.data, dtype=object)
        return np.where(np.ma.getmaskarray(column), np.array(None, dtype=object), objects), ""
    values = column if isinstance(column, np.ndarray) else _from_sequence(column)
    return values, ""


def _from_sequence(column: Any) -> Array:
    values = np.asarray(column)
    if len(values) == 0:  # of no type, where NumPy takes it for numbers
        return np.empty(0, dtype=object)
    # NumPy turns [1, "a"] into text and [1, None] into objects; the original objects say more.
    return np.asarray(column, dtype=object) if values.dtype.kind in "USO" else values


def add_column(columns: _clavis.core.Columns, role: str, label: str, values: Array, zone: str, name: str) -> None:
    """Add an array to a batch, in the type that fits it."""
    kind = values.dtype.kind
    if kind in "UT":
        values, kind = values.astype(object), "O"
    if kind == "b":
        raise _clavis.InputError(f'{name}: column "{label}" holds truth values where {role} belongs')
    if kind in "iu":
        small = values.dtype.itemsize < 4 or values.dtype == np.int32
        if values.dtype == np.uint64 and len(values) and values.max() > np.iinfo(np.int64).max:
            row = int(np.argmax(values > np.iinfo(np.int64).max))
            raise _clavis.InputError(f'{name}, column "{label}", row {row}: "{values[row]}" does not fit 64 bits')
        columns.add_int32(role, label, _contiguous(values, np.int32)) if small else columns.add_int64(
            role, label, _contiguous(values, np.int64)
        )
    elif kind == "f":
        columns.add_float64(role, label, _contiguous(values, np.float64))
    elif kind == "M":
        _add_times(columns, role, label, values, zone, name)
    elif kind == "O":
        _add_objects(columns, role, label, values, name)
    else:
        raise _clavis.InputError(f'{name}: column "{label}" has the type {values.dtype}, which cannot be read')


def _contiguous(values: Array, dtype: npt.DTypeLike) -> Array:
    return np.ascontiguousarray(values, dtype=dtype)


def _add_times(columns: _clavis.core.Columns, role: str, label: str, values: Array, zone: str, name: str) -> None:
    resolution, step = np.datetime_data(values.dtype)
    missing = np.isnat(values)
    if resolution in _SECONDS:
        # NumPy wraps silently where a coarse unit does not fit the finer one that is read.
        far = ~missing & (np.abs(values.view(np.int64).astype(np.float64)) * step * _SECONDS[resolution] > _FAR)
        if far.any():
            row = int(np.argmax(far))
            raise _clavis.InputError(f'{name}, column "{label}", row {row}: "{values[row]}" is too far away')
    validity = np.packbits(~missing, bitorder="little") if missing.any() else None
    if resolution in ("Y", "M", "W", "D"):
        days = values.astype("datetime64[D]").view(np.int64)
        columns.add_date32(role, label, np.where(missing, 0, days).astype(np.int32), validity)
        return
    if resolution not in _RESOLUTIONS or step != 1:
        values = values.astype("datetime64[s]" if resolution in ("h", "m") else "datetime64[us]")
        resolution = np.datetime_data(values.dtype)[0]
    ticks = _contiguous(values.view(np.int64), np.int64)
    columns.add_timestamp(role, label, ticks, validity, _RESOLUTIONS.index(resolution), zone)


def _add_objects(columns: _clavis.core.Columns, role: str, label: str, values: Array, name: str) -> None:
    """Python objects: numbers, text, dates or times, with None, NaN or NaT where missing."""
    missing = np.fromiter((_is_missing(value) for value in values), dtype=bool, count=len(values))
    kinds = {_kind_of(type(value)) for value in values[~missing]}
    validity = np.packbits(~missing, bitorder="little") if missing.any() else None
    if None in kinds:
        row = next(i for i, value in enumerate(values) if not missing[i] and _kind_of(type(value)) is None)
        raise _clavis.InputError(
            f'{name}, column "{label}", row {row}: "{values[row]}" is a {type(values[row]).__name__}, '
            "which cannot be read"
        )
    if kinds == {"int"}:
        filled = np.where(missing, 0, values)
        try:
            columns.add_int64(role, label, filled.astype(np.int64), validity)
        except OverflowError:
            row = next(i for i, value in enumerate(filled) if not -(2**63) <= int(value) < 2**63)
            raise _clavis.InputError(
                f'{name}, column "{label}", row {row}: "{values[row]}" does not fit 64 bits'
            ) from None
    elif kinds and kinds <= {"int", "float"}:
        columns.add_float64(role, label, np.where(missing, np.nan, values).astype(np.float64))
    elif kinds == {"date"}:
        dates = np.where(missing, np.array(None, dtype=object), values).astype("datetime64[D]")
        _add_times(columns, role, label, dates, "", name)
    elif kinds and kinds <= {"date", "time"}:
        times, zone = _objects_to_times(values, missing)
        _add_times(columns, role, label, times, zone, name)
    else:
        # Text, or a mixture of text and numbers: the reader of the column says which value does not belong.
        if not kinds <= {"text"}:
            texts = [None if gone else str(value) for value, gone in zip(values, missing, strict=True)]
            values = np.array(texts, dtype=object)
        columns.add_text(role, label, values, validity)


def _is_missing(value: Any) -> bool:
    # NaN and NaT are the values that differ from themselves; pandas.NA answers with itself.
    if value is None:
        return True
    different = value != value
    if isinstance(different, (bool, np.bool_)):
        return bool(different)
    return type(value).__name__ == "NAType"


def _kind_of(kind: type) -> str | None:
    if issubclass(kind, (bool, np.bool_)):
        return None
    if issubclass(kind, (int, np.integer)):
        return "int"
    if issubclass(kind, (float, np.floating)):
        return "float"
    if issubclass(kind, str):
        return "text"
    if issubclass(kind, (datetime.datetime, np.datetime64)):
        return "time"
    if issubclass(kind, datetime.date):
        return "date"
    if kind.__module__ in ("decimal", "fractions", "uuid"):
        return "decimal"
    return None


def _objects_to_times(values: Array, missing: npt.NDArray[np.bool_]) -> tuple[Array, str]:
    times = np.full(len(values), np.datetime64("NaT"), dtype="datetime64[us]")
    zone = ""
    for row in np.flatnonzero(~missing):
        value = values[row]
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            zone = zone or _zone_name(value.tzinfo, value)
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        times[row] = np.datetime64(value, "us")
    return times, zone


def _zone_name(zone: Any, at: datetime.datetime | None = None) -> str:
    """The IANA name of a zone, or its offset where it has no name."""
    text = getattr(zone, "key", None) or getattr(zone, "zone", None) or str(zone)
    if re.fullmatch(r"[A-Za-z_]+(/[A-Za-z0-9_+\-]+)*", text):
        return text
    offset = zone.utcoffset(at)
    seconds = int(offset.total_seconds()) if offset is not None else 0
    return f"{'-' if seconds < 0 else '+'}{abs(seconds) // 3600:02d}:{abs(seconds) // 60 % 60:02d}"


def _is_pandas(table: Any) -> bool:
    return type(table).__module__.partition(".")[0] == "pandas" and hasattr(table, "columns")


def _is_pandas_column(column: Any) -> bool:
    return type(column).__module__.partition(".")[0] == "pandas" and hasattr(column, "dtype")


def _arrow_frame(columns: Mapping[str, Any]) -> Any:
    """A frame of these columns where they are better read through Arrow, else ``None``.

    That is where one has its values in Arrow's memory already, or in an array with a mask of missing ones, and none
    consists of Python objects.
    """
    dtypes = [column.dtype for column in columns.values()]
    if not any(_in_arrow(dtype) or _is_masked(dtype) for dtype in dtypes):
        return None
    if not all(_in_arrow(dtype) or _is_masked(dtype) or _is_plain(dtype) for dtype in dtypes):
        return None
    if importlib.util.find_spec("pyarrow") is None:
        return None
    import pandas as pd

    frame = pd.DataFrame({label: column.reset_index(drop=True) for label, column in columns.items()}, copy=False)
    return frame if hasattr(frame, "__arrow_c_stream__") else None


def _in_arrow(dtype: Any) -> bool:
    """Whether pandas holds the values of this type, or its categories, in Arrow's memory."""
    if hasattr(dtype, "categories"):
        return _in_arrow(dtype.categories.dtype)
    return hasattr(dtype, "pyarrow_dtype") or getattr(dtype, "storage", None) == "pyarrow"


def _is_masked(dtype: Any) -> bool:
    return hasattr(dtype, "numpy_dtype") and dtype.kind in "iuf"


def _is_plain(dtype: Any) -> bool:
    return (isinstance(dtype, np.dtype) and dtype.kind in "iufM") or getattr(dtype, "tz", None) is not None


def _pandas_column(series: Any) -> Any:
    """A pandas Series as an array: times with a zone as UTC ticks and the zone, extension types by their objects."""
    dtype = series.dtype
    zone = getattr(dtype, "tz", None)
    if zone is not None:
        return _Zoned(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), _zone_name(zone))
    if isinstance(dtype, np.dtype):
        return series.to_numpy()
    if hasattr(dtype, "categories"):
        categories = np.array([*dtype.categories, None], dtype=object)
        return categories[series.cat.codes.to_numpy()]
    if getattr(dtype, "kind", "O") in "iuf" and not series.hasnans:
        return series.to_numpy(dtype=getattr(dtype, "numpy_dtype", None))
    return series.to_numpy(dtype=object, na_value=None)
