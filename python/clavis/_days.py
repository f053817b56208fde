"""Local days of instants."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["local_days"]


def local_days(times: npt.NDArray[Any], time_zone: str | None) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 of dates, or of instants in UTC on the calendar of a zone."""
    if times.dtype == np.dtype("datetime64[D]") or time_zone is None:
        return times.astype("datetime64[D]").astype(np.int64)
    import zoneinfo

    zone = zoneinfo.ZoneInfo(time_zone)
    # One look-up for each quarter of an hour that occurs: offsets change at no other times.
    quarter = times.astype("datetime64[us]").astype(np.int64) // 900_000_000
    seen, place = np.unique(quarter, return_inverse=True)
    offset = np.array(
        [
            int(datetime.datetime.fromtimestamp(int(q) * 900, zone).utcoffset().total_seconds())  # type: ignore[union-attr]
            for q in seen
        ],
        dtype=np.int64,
    )
    seconds = times.astype("datetime64[s]").astype(np.int64) + offset[place]
    return seconds // 86_400
