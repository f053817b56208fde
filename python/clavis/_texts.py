"""A table whose columns of text stay in the compiled core until somebody asks for Python strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _input
from clavis._extras import require
from clavis._lazy import LazyColumns
from clavis.table import Table

if TYPE_CHECKING:
    import pandas

__all__ = ["TextTable"]

Array = npt.NDArray[Any]
Texts = _clavis.ledger.Texts


class TextTable(Table):
    """A table from arrays and from text as the core made it."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        # Text stands in as its row numbers while lengths are checked.
        super().__init__(
            {name: np.arange(len(values)) if isinstance(values, Texts) else values for name, values in columns.items()}
        )
        raw = {name: columns[name] if isinstance(columns[name], Texts) else self._columns[name] for name in columns}
        self._columns = LazyColumns(raw)  # type: ignore[assignment]

    def __len__(self) -> int:
        return next((len(values) for values in self._raw.values()), 0)

    @property
    def _raw(self) -> dict[str, Array | Texts]:
        raw: dict[str, Array | Texts] = self._columns.raw  # type: ignore[attr-defined]
        return raw

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas data frame."""
        frame: pandas.DataFrame = require("pandas", "pandas", "to_pandas").DataFrame(self.to_dict())
        return frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The columns as one Arrow record batch (PyCapsule protocol); ``requested_schema`` is ignored."""
        columns = _clavis.core.Columns()
        for name, values in self._raw.items():
            if isinstance(values, Texts):
                values.add_to(columns, name)
            else:
                _input.add_column(columns, name, name, values, "", "table")
        return columns.export()
