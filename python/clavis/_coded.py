"""A table whose columns of text are codes into a few texts until somebody asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _input
from clavis._extras import require
from clavis._lazy import LazyColumns
from clavis.table import Table

if TYPE_CHECKING:
    import pandas

__all__ = ["CodedTable"]

Array = npt.NDArray[Any]


class Codes(NamedTuple):
    """Text by its place among ``names``; a code beyond them is missing."""

    codes: Array
    names: Sequence[str]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.codes.shape

    def decoded(self) -> Array:
        """The texts as an object array that shares them."""
        texts = np.full(np.iinfo(self.codes.dtype).max + 1, None, dtype=object)
        texts[: len(self.names)] = self.names
        return texts[self.codes]


def _column(values: Any) -> Array | Codes:
    if isinstance(values, tuple):
        return Codes(*values)
    return np.array(values, dtype=object) if isinstance(values, list) else np.asarray(values)


class CodedTable(Table):
    """A table from arrays, lists of text, and pairs of codes and the texts they stand for."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        super().__init__({})
        self._columns = LazyColumns({name: _column(values) for name, values in columns.items()})  # type: ignore[assignment]

    def take(self, rows: npt.ArrayLike) -> Table:
        chosen = np.asarray(rows)
        return CodedTable(
            {
                name: (values.codes[chosen], values.names) if isinstance(values, Codes) else values[chosen]
                for name, values in self._raw.items()
            }
        )

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas data frame; text is categorical."""
        pd = require("pandas", "pandas", "to_pandas")
        frame: pandas.DataFrame = pd.DataFrame(
            {
                name: pd.Categorical.from_codes(
                    np.where(values.codes < len(values.names), values.codes.astype(np.int32), -1), list(values.names)
                )
                if isinstance(values, Codes)
                else values
                for name, values in self._raw.items()
            },
            copy=False,
        )
        return frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The columns as one Arrow record batch, text as dictionaries; ``requested_schema`` is ignored."""
        plain = {name: values for name, values in self._raw.items() if not isinstance(values, Codes)}
        coded = {
            name: (np.ascontiguousarray(values.codes), list(values.names))
            for name, values in self._raw.items()
            if isinstance(values, Codes)
        }
        columns = _input.from_arrays(plain, {name: name for name in plain})
        return _clavis.simulate.export_coded(columns, self.columns, coded)

    @property
    def _raw(self) -> dict[str, Array | Codes]:
        raw: dict[str, Array | Codes] = self._columns.raw  # type: ignore[attr-defined]
        return raw
