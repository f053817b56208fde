"""Columns that become arrays when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy.typing as npt

__all__ = ["LazyColumns"]

Array = npt.NDArray[Any]


class LazyColumns(Mapping[str, Array]):
    """Columns by name. One that has ``decoded()`` is decoded when it is first asked for, and what came of it kept.

    Attributes
    ----------
    raw : dict
        The columns as they were given.
    compact : object
        What the core made them from, where it is of use.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = dict(raw)
        self._decoded: dict[str, Array] = {}
        self.compact: Any = None

    def __getitem__(self, name: str) -> Array:
        values = self.raw[name]
        if not hasattr(values, "decoded"):
            return values  # type: ignore[no-any-return]
        if name not in self._decoded:
            self._decoded[name] = values.decoded()
        return self._decoded[name]

    def shown(self, name: str) -> bool:
        """Whether the array of a column that was to be decoded has been handed out."""
        return name in self._decoded

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyColumns, (dict(self),)  # what the compiled core holds cannot be pickled
