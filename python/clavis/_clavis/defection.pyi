from typing import Any

import numpy as np
import numpy.typing as npt

from clavis._clavis.ledger import History

def average_run_length(rho: float, limit: float, rate: float) -> float: ...
def threshold_for(rho: float, run_length: float, rate: float) -> float: ...
def cohorts(records: History, period: str, until: int) -> dict[str, npt.NDArray[Any]]: ...
def flows(records: History, period: str, until: int) -> dict[str, npt.NDArray[Any]]: ...
def bracket(records: History, period: str, start: int, end: int, until: int) -> dict[str, npt.NDArray[Any]]: ...
def spells(records: History, gap: int, until: int) -> dict[str, npt.NDArray[Any]]: ...

class Evidence:
    def __init__(self) -> None: ...
    def set_categories(self, names: list[str], histories: list[History]) -> None: ...
    def set_wallet(
        self,
        *,
        ids: npt.NDArray[Any],
        offsets: npt.NDArray[np.int64],
        period: npt.NDArray[np.int64],
        amount: npt.NDArray[np.float64],
        total: npt.NDArray[np.bool_],
        estimated: npt.NDArray[np.bool_],
        months: int,
    ) -> None: ...

class Monitor:
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    @staticmethod
    def fit(
        *,
        records: History,
        baseline_until: int,
        retained: list[float],
        false_alarms_per_year: float,
        keep_events: int,
        reorder_days: int,
        r: float | None,
        alpha: float | None,
        k: float | None,
        season: tuple[int, list[float]] | None,
        evidence: list[str] = ...,
        more: Evidence | None = ...,
        threads: int,
        progress: object,
    ) -> Monitor: ...
    def update(
        self, batch: History | None, as_of: int, more: Evidence | None, threads: int, progress: object
    ) -> tuple[dict[str, Any], dict[str, int]]: ...
    def to_bytes(self, note: str) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes) -> tuple[Monitor, bytes]: ...
    def merge(self, other: Monitor) -> None: ...
    def states(self, as_of: int, threads: int) -> dict[str, Any]: ...
    def __len__(self) -> int: ...
    learned: dict[str, Any]
    @property
    def season_first(self) -> int: ...
    @property
    def season(self) -> npt.NDArray[np.float64]: ...
    @property
    def limit(self) -> float: ...
    @property
    def watched_from(self) -> int: ...
    @property
    def watched_until(self) -> int: ...
    @property
    def received_until(self) -> int: ...
    @property
    def visits_waiting(self) -> int: ...
    @property
    def beside(self) -> dict[str, float]: ...
    @property
    def options(self) -> dict[str, Any]: ...
    @property
    def received(self) -> dict[str, int]: ...

def explain_spend(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> dict[str, Any]: ...
def change_of_shares(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], q: float) -> dict[str, Any]: ...
def fit_warning(
    conditions: npt.NDArray[np.int64], events: npt.NDArray[np.int64], exposure: npt.NDArray[np.float64], count: int
) -> dict[str, Any]: ...
def warned_statistics(
    records: History,
    r: float,
    alpha: float,
    k: float,
    retained: list[float],
    at: npt.NDArray[np.float64],
    begin: float,
    checks: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    moment: npt.NDArray[np.float64],
    multiplier: npt.NDArray[np.float64],
    threads: int,
) -> npt.NDArray[np.float64]: ...
def named_rules() -> list[str]: ...

class RuleData:
    def __init__(self, *args: object, **kwargs: object) -> None: ...
    @staticmethod
    def simulate(
        *,
        customers: int,
        r: float,
        alpha: float,
        regularity: float,
        calibration_weeks: int,
        watched_weeks: int,
        change_within: int,
        least_visits: int,
        retained: float,
        seed: int,
        threads: int,
    ) -> RuleData: ...
    @staticmethod
    def from_history(
        records: History,
        retained: npt.NDArray[np.float64],
        change: npt.NDArray[np.int64],
        watched_from: int,
        calibration_weeks: int,
        watched_weeks: int,
    ) -> RuleData: ...
    def evaluate(
        self, name: str, r: float, alpha: float, false_alarms: float, seed: int, threads: int
    ) -> tuple[dict[str, Any], npt.NDArray[np.int32]]: ...
    def assess(
        self,
        name: str,
        scores: npt.NDArray[np.float64],
        since: npt.NDArray[np.float64],
        low: npt.NDArray[np.float64],
        high: npt.NDArray[np.float64],
        r: float,
        alpha: float,
        false_alarms: float,
        seed: int,
    ) -> tuple[dict[str, Any], npt.NDArray[np.int32]]: ...
    def __len__(self) -> int: ...
    @property
    def left_out(self) -> int: ...
    @property
    def offsets(self) -> npt.NDArray[np.int64]: ...
    @property
    def time(self) -> npt.NDArray[np.float64]: ...
    @property
    def retained(self) -> npt.NDArray[np.float64]: ...
    @property
    def change(self) -> npt.NDArray[np.float64]: ...
    @property
    def rate(self) -> npt.NDArray[np.float64]: ...
    @property
    def customer_id(self) -> npt.NDArray[Any]: ...
