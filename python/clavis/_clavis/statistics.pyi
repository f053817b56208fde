from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_Values = npt.NDArray[np.float64]

class LifeTable:
    def merge(self, other: LifeTable) -> None: ...
    @property
    def total(self) -> float: ...
    @property
    def counts(self) -> dict[str, _Values]: ...
    @property
    def by_cause(self) -> list[_Values]: ...

class SurvivalCurve:
    @property
    def columns(self) -> dict[str, _Values]: ...
    def predict(self, times: npt.NDArray[np.float64]) -> _Values: ...
    def quantile(self, p: float) -> tuple[float, float, float]: ...
    def restricted_mean(self, until: float, confidence: float) -> tuple[float, float, float, float]: ...

class HazardCurve:
    @property
    def columns(self) -> dict[str, _Values]: ...
    def predict(self, times: npt.NDArray[np.float64]) -> _Values: ...

def life_tables(
    duration: npt.NDArray[Any] | None,
    event: npt.NDArray[Any] | None,
    *,
    entry: npt.NDArray[Any] | None,
    weights: npt.NDArray[np.float64] | None,
    group: npt.NDArray[np.int32] | None,
    groups: int,
    causes: int,
    threads: int,
    progress: Callable[[str, float], Any] | None,
) -> list[LifeTable]: ...
def kaplan_meier(table: LifeTable, confidence: float, interval: str) -> SurvivalCurve: ...
def nelson_aalen(table: LifeTable, confidence: float) -> HazardCurve: ...
def log_rank(tables: Sequence[LifeTable], groups: int, rho: float, gamma: float) -> dict[str, Any]: ...
def cox(
    covariates: _Values,
    names: Sequence[str],
    stop: _Values,
    event: npt.NDArray[Any],
    *,
    start: _Values | None,
    weights: _Values | None,
    offset: _Values | None,
    stratum: npt.NDArray[np.int32] | None,
    cluster: npt.NDArray[np.int32] | None,
    strata: int,
    clusters: int,
    ties: str,
    robust: bool,
    threads: int,
    progress: Callable[[str, float], Any] | None,
) -> dict[str, Any]: ...
def weibull_aft(
    covariates: _Values,
    names: Sequence[str],
    duration: _Values,
    event: npt.NDArray[Any],
    *,
    weights: _Values | None,
) -> dict[str, Any]: ...
def aalen_johansen(table: LifeTable, confidence: float) -> dict[str, Any]: ...
def concordance(
    stop: _Values,
    event: npt.NDArray[Any],
    score: _Values,
    *,
    start: _Values | None,
    weights: _Values | None,
    stratum: npt.NDArray[np.int32] | None,
    strata: int,
    censoring_weights: bool,
    until: float,
) -> dict[str, float]: ...
def brier_score(
    duration: _Values, event: npt.NDArray[Any], survival: _Values, times: _Values
) -> tuple[_Values, float]: ...
def discovery_levels(values: npt.NDArray[np.float64], rule: str) -> npt.NDArray[np.float64]: ...

class ConformalScores:
    def __init__(self) -> None: ...
    def add(self, scores: npt.NDArray[np.float64], strata: npt.NDArray[np.int64]) -> None: ...
    def merge(self, other: ConformalScores) -> None: ...
    def p_values(self, scores: npt.NDArray[np.float64], strata: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]: ...
    def size(self, stratum: int) -> int: ...
    @property
    def missing(self) -> int: ...

class IsotonicCalibration:
    def __init__(self, bins: int) -> None: ...
    def add(self, probability: npt.NDArray[np.float64], happened: npt.NDArray[np.int64]) -> None: ...
    def merge(self, other: IsotonicCalibration) -> None: ...
    def apply(self, probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    @property
    def count(self) -> int: ...
