from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis._clavis.core import Columns

_Box = tuple[str, int, int, int, int, int, int]

class SegmentMap:
    def __init__(self, boxes: Sequence[_Box], bins: int) -> None: ...
    @staticmethod
    def standard(bins: int) -> SegmentMap: ...
    @property
    def bins(self) -> int: ...
    @property
    def boxes(self) -> list[_Box]: ...
    @property
    def names(self) -> list[str]: ...
    def renamed(self, name: str, to: str) -> SegmentMap: ...
    def check(self) -> tuple[list[list[int]], list[int], list[str]]: ...

def numbers(table: Columns, role: str, name: str) -> npt.NDArray[np.float64]: ...
def labels(table: Columns, role: str, name: str) -> npt.NDArray[Any]: ...
def rfm(
    recency: npt.NDArray[np.float64],
    frequency: npt.NDArray[np.float64],
    monetary: npt.NDArray[np.float64],
    *,
    weights: npt.NDArray[np.float64] | None,
    bins: int,
    rule: str,
    breaks: str,
    quantile_type: int,
    fixed: Sequence[Sequence[float]] | None,
    nested: bool,
    nested_minimum: int,
    segments: SegmentMap | None,
    threads: int,
) -> dict[str, Any]: ...
