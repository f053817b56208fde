from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis._clavis.ledger import CompactSummary

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

class Concentration:
    def __init__(self, values: npt.NDArray[np.float64]) -> None: ...
    @property
    def size(self) -> int: ...
    @property
    def total(self) -> float: ...
    @property
    def negative(self) -> int: ...
    @property
    def gini(self) -> float: ...
    @property
    def gini_unbiased(self) -> float: ...
    @property
    def gini_bounded(self) -> float: ...
    @property
    def hhi(self) -> float: ...
    @property
    def hhi_normalized(self) -> float: ...
    @property
    def effective_size(self) -> float: ...
    def top_share(self, part: float) -> float: ...
    def top_share_whole(self, part: float) -> float: ...
    def holders_of(self, share: float) -> float: ...

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
def rfm_of_summary(
    summary: CompactSummary,
    *,
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
