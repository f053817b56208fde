"""A table whose columns stay in the compiled core until somebody asks for arrays or Python strings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

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
    """A table from arrays, from text as the core made it, and from columns that it makes when they are asked for."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        late = {name for name, values in columns.items() if hasattr(values, "decoded")}
        super().__init__({name: values for name, values in columns.items() if name not in late})
        lengths = {name: len(columns[name]) for name in columns}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns of a table must be of equal length, not {lengths}")
        raw = {name: values if name in late else self._columns[name] for name, values in columns.items()}
        self._columns = LazyColumns(raw)  # type: ignore[assignment]

    def __len__(self) -> int:
        return next((len(values) for values in self._raw.values()), 0)

    @property
    def _raw(self) -> dict[str, Any]:
        raw: dict[str, Any] = self._columns.raw  # type: ignore[attr-defined]
        return raw

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas data frame."""
        frame: pandas.DataFrame = require("pandas", "pandas", "to_pandas").DataFrame(self.to_dict())
        return frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The columns as one Arrow record batch (PyCapsule protocol); ``requested_schema`` is ignored."""
        return self.stream_of(self.columns)

    def stream_of(self, names: Collection[str]) -> object:
        """These columns alone as an Arrow stream, so that no other is worked out."""
        columns = _clavis.core.Columns()
        for name in names:
            values = self._raw[name]
            if isinstance(values, Texts):
                values.add_to(columns, name)
            else:
                _input.add_column(columns, name, name, self[name], "", "table")
        return columns.export()
