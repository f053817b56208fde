"""Arguments of survival estimators: durations, events, labels and covariates as arrays the compiled core reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input

__all__ = [
    "Array",
    "coded",
    "covariates",
    "cox_rows",
    "numbers",
    "one_column",
    "optional_codes",
    "truths",
    "with_covariates",
]

Array = npt.NDArray[Any]

#: Read as they are; others are brought into one of them.
_AS_THEY_ARE = ("float64", "float32", "int64", "int32", "int16", "int8", "uint8", "bool")


def one_column(values: Any, name: str, size: int | None = None) -> Array:
    """A contiguous one-dimensional array of numbers in its own type; time spans become days."""
    column = np.asarray(values)
    if column.ndim != 1:
        raise _clavis.InputError(f"{name} is one-dimensional, not {column.ndim}-dimensional")
    if size is not None and len(column) != size:
        raise _clavis.InputError(f"{name} has {len(column)} rows where the durations have {size}")
    if column.dtype.kind == "m":
        missing = np.isnat(column)
        column = np.where(missing, np.nan, column / np.timedelta64(1, "D"))
    if column.dtype.name not in _AS_THEY_ARE:
        if column.dtype.kind in "iu":
            column = column.astype(np.int64) if column.dtype != np.uint64 else column.astype(np.float64)
        else:
            try:
                column = column.astype(np.float64)
            except (TypeError, ValueError):
                raise _clavis.InputError(f"{name} holds {column.dtype} where numbers belong") from None
    return np.ascontiguousarray(column)


def numbers(values: Any, name: str, size: int | None = None) -> npt.NDArray[np.float64] | None:
    """A column of float64; ``None`` where there is none."""
    return None if values is None else one_column(values, name, size).astype(np.float64)


def truths(events: Any, size: int) -> npt.NDArray[np.uint8]:
    """Events of 0 and 1."""
    column = one_column(events, "events", size)
    odd = ~((column == 0) | (column == 1))
    if odd.any():
        row = int(np.argmax(odd))
        raise _clavis.InputError(f'events, row {row}: "{column[row]}" is neither 0 (censored) nor 1 (event)')
    return column.astype(np.uint8)


def coded(values: Any, name: str, size: int) -> tuple[npt.NDArray[np.int32], list[Any]]:
    """Labels (numbers or text) as codes of their sorted distinct values."""
    column = np.asarray(values)
    if column.ndim != 1 or len(column) != size:
        raise _clavis.InputError(f"{name} has the shape {column.shape} where the durations have {size} rows")
    if column.dtype.kind == "O":
        missing = np.fromiter((_input._is_missing(value) for value in column), dtype=bool, count=size)
        if missing.any():
            raise _clavis.InputError(f"{name}, row {int(np.argmax(missing))}: is missing")
        labels: list[Any] = sorted(set(column.tolist()), key=lambda label: (type(label).__name__, label))
        place = {label: code for code, label in enumerate(labels)}
        return np.fromiter((place[label] for label in column), dtype=np.int32, count=size), labels
    if column.dtype.kind == "f" and np.isnan(column).any():
        raise _clavis.InputError(f"{name}, row {int(np.argmax(np.isnan(column)))}: is missing")
    distinct, codes = np.unique(column, return_inverse=True)
    return codes.reshape(-1).astype(np.int32), distinct.tolist()


def optional_codes(values: Any, name: str, size: int) -> tuple[npt.NDArray[np.int32] | None, list[Any] | None]:
    """Codes and labels; ``None`` for both where there is no column."""
    return (None, None) if values is None else coded(values, name, size)


def covariates(X: Any, names: Sequence[str] | None = None) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Rows of covariates as a matrix in C order, and their names.

    Any table is accepted (columns by name, in its order, or ``names`` of them), and a two-dimensional array, whose
    columns are called ``x0``, ``x1`` …
    """
    if isinstance(X, np.ndarray) or (isinstance(X, Sequence) and not isinstance(X, str)):
        matrix = np.asarray(X, dtype=np.float64)
        if matrix.ndim == 1 and names is not None and len(names) == 1:
            matrix = matrix[:, None]
        if matrix.ndim != 2:
            raise _clavis.InputError(f"covariates have two dimensions (rows, columns), not {matrix.ndim}")
        found = [f"x{column}" for column in range(matrix.shape[1])] if names is None else list(names)
        if len(found) != matrix.shape[1]:
            raise _clavis.InputError(f"there are {matrix.shape[1]} columns of covariates where {len(found)} belong")
        return np.ascontiguousarray(matrix), found
    present = _input.column_names(X, "covariates")
    wanted = present if names is None else list(names)
    _input.require_columns(present, {name: name for name in wanted}, "covariates")
    if hasattr(X, "astype") and hasattr(X, "iloc"):  # truth values of a frame are 0 and 1
        X = X.loc[:, wanted].astype({name: np.int8 for name in wanted if X[name].dtype == bool})
    elif isinstance(X, dict):
        X = {name: np.asarray(X[name]) for name in wanted}
        X = {name: column.astype(np.int8) if column.dtype == bool else column for name, column in X.items()}
    columns = _columns.read(X, {name: name for name in wanted}, None, "covariates")
    return np.column_stack([columns[name] for name in wanted]) if wanted else np.empty((0, 0)), wanted


def with_covariates(
    X: Any, durations: Any, columns: Sequence[str] | None
) -> tuple[npt.NDArray[np.float64], list[str], npt.NDArray[np.float64]]:
    """The matrix of covariates, their names, and durations of as many rows."""
    matrix, names = covariates(X, columns)
    duration = one_column(durations, "durations").astype(np.float64)
    if len(matrix) != len(duration):
        raise _clavis.InputError(f"the covariates have {len(matrix)} rows where the durations have {len(duration)}")
    return matrix, names, duration


def cox_rows(
    X: Any,
    durations: Any,
    events: Any,
    start: Any,
    strata: Any,
    cluster: Any,
    weights: Any,
    offset: Any,
    columns: Sequence[str] | None,
) -> tuple[_clavis.statistics.CoxRows, list[str], list[Any] | None]:
    """The rows of a Cox model, the names of their covariates and the labels of strata, if any."""
    matrix, names, stop = with_covariates(X, durations, columns)
    size = len(stop)
    stratum, labels = optional_codes(strata, "strata", size)
    group, distinct = optional_codes(cluster, "cluster", size)
    rows = _clavis.statistics.CoxRows(
        matrix,
        names,
        stop,
        truths(events, size),
        start=numbers(start, "start", size),
        weights=numbers(weights, "weights", size),
        offset=numbers(offset, "offset", size),
        stratum=stratum,
        cluster=group,
        strata=len(labels) if labels else 1,
        clusters=len(distinct) if distinct else 0,
    )
    return rows, names, labels
