"""A table whose columns of text are codes into a few texts, and others computed, when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _input
from clavis._extras import require
from clavis._lazy import LazyColumns
from clavis.table import Table

if TYPE_CHECKING:
    import pandas

__all__ = ["CodedTable", "Computed"]

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


class Computed(NamedTuple):
    """A column of so many rows that follows from others; ``compute()`` makes it."""

    size: int
    compute: Callable[[], Array]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    def decoded(self) -> Array:
        return self.compute()


def _column(values: Any) -> Array | Codes | Computed:
    if isinstance(values, Computed):
        return values
    if isinstance(values, tuple):
        return Codes(*values)
    return np.array(values, dtype=object) if isinstance(values, list) else np.asarray(values)


class CodedTable(Table):
    """A table from arrays, lists of text, pairs of codes and the texts they stand for, and columns to be computed."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        super().__init__({})
        self._columns = LazyColumns({name: _column(values) for name, values in columns.items()})  # type: ignore[assignment]

    def take(self, rows: npt.ArrayLike) -> Table:
        chosen = np.asarray(rows)
        return CodedTable(
            {
                name: (values.codes[chosen], values.names) if isinstance(values, Codes) else self[name][chosen]
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
                else self[name]
                for name, values in self._raw.items()
            },
            copy=False,
        )
        return frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The columns as one Arrow record batch, text as dictionaries; ``requested_schema`` is ignored."""
        return self.stream_of(self.columns)

    def stream_of(self, names: Sequence[str]) -> object:
        """Some of the columns as one Arrow record batch: the others need not be computed."""
        chosen = {name: self._raw[name] for name in names}
        plain = {name: self[name] for name, values in chosen.items() if not isinstance(values, Codes)}
        coded = {
            name: (np.ascontiguousarray(values.codes), list(values.names))
            for name, values in chosen.items()
            if isinstance(values, Codes)
        }
        columns = _input.from_arrays(plain, {name: name for name in plain})
        return _clavis.simulate.export_coded(columns, list(names), coded)

    @property
    def _raw(self) -> dict[str, Array | Codes | Computed]:
        raw: dict[str, Array | Codes | Computed] = self._columns.raw  # type: ignore[attr-defined]
        return raw
