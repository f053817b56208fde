from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

def simulate_shop(
    *,
    customers: int,
    seed: int,
    start: int,
    days: int,
    time_zone: str,
    acquired_until: int | None,
    rate_shape: float,
    mean_rate: float,
    regularity_shape: float,
    mean_regularity: float,
    spend_shape: float,
    spend_heterogeneity: float,
    mean_spend: float,
    extra_lines: float,
    categories: Sequence[str],
    stop_share: float,
    halving_share: float,
    growth_share: float,
    one_time_share: float,
    growth_ratio: float,
    changes_from: int | None,
    changes_until: int | None,
    return_chance: float,
    mean_return_delay: float,
    contact_rate: float,
    life_event_rate: float,
    complaint_cause_share: float,
    life_event_cause_share: float,
    weekday_weights: Sequence[float] | None,
    month_weights: Sequence[float] | None,
    hour_weights: Sequence[float] | None,
    threads: int,
    progress: object,
) -> dict[str, Any]: ...
def beta_geo_nbd(
    r: float, alpha: float, a: float, b: float, T: npt.ArrayLike, seed: int, threads: int = 0
) -> dict[str, Any]: ...
def modified_beta_geo_nbd(
    r: float, alpha: float, a: float, b: float, T: npt.ArrayLike, seed: int, threads: int = 0
) -> dict[str, Any]: ...
def gamma_gamma(
    p: float, q: float, gamma: float, offsets: npt.ArrayLike, seed: int, threads: int = 0
) -> dict[str, Any]: ...
