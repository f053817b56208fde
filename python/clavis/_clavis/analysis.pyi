from collections.abc import Sequence
from typing import Any

from clavis._clavis.ledger import Summarizer

def analyse(
    records: Summarizer,
    *,
    horizon: int,
    annual_rate: float,
    margin: float,
    baseline_until: int | None,
    retained: Sequence[float],
    false_alarms_per_year: float,
    tiers: str | None,
    bins: int,
    threads: int,
    progress: object,
) -> dict[str, Any]: ...
