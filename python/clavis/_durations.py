"""Arguments of survival estimators: durations, events, labels and covariates as arrays the compiled core reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input

__all__ = ["Array", "coded", "covariates", "one_column", "optional_weights"]

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


def optional_weights(values: Any, size: int) -> npt.NDArray[np.float64] | None:
    return None if values is None else one_column(values, "weights", size).astype(np.float64)


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
