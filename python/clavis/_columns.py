"""Columns of any table argument as plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _input

__all__ = ["read"]


def read(
    table: Any, numbers: Mapping[str, str], labels: Mapping[str, str] | None = None, name: str = "table"
) -> dict[str, npt.NDArray[Any]]:
    """Whole columns of a table.

    Parameters
    ----------
    table
        Any accepted table.
    numbers
        Our name to the table's name of columns of numbers: float64, NaN where missing.
    labels
        The same for identifiers: int64 or an object array of ``str``, without missing values.
    name
        What messages call the table.
    """
    wanted = {**numbers, **(labels or {})}
    parts: dict[str, list[npt.NDArray[Any]]] = {role: [] for role in wanted}
    first_row = 0
    for batch in _input.batches(table, wanted, name):
        for role in wanted:
            column = _clavis.core.numbers if role in numbers else _clavis.core.labels
            parts[role].append(column(batch, role, name, first_row))
        first_row += len(batch)
    return {role: _joined(arrays) for role, arrays in parts.items()}


def _joined(arrays: Iterable[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    chunks = list(arrays)
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks) if chunks else np.empty(0)
