"""Dates, units and horizons as callers write them."""

from __future__ import annotations

import datetime
import re
from typing import Any, TypeAlias

import numpy as np

from clavis import _clavis

Duration: TypeAlias = "str | datetime.timedelta | np.timedelta64"
Date: TypeAlias = "str | datetime.date | np.datetime64"

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?"
)

__all__ = ["Date", "Duration", "day_number", "microseconds", "optional_day_number", "to_date", "unit_text"]


def microseconds(length: Duration, name: str = "unit") -> int:
    """A length of time in microseconds; text is a number and a unit, ``"39 weeks"``."""
    if isinstance(length, str):
        return int(_clavis.core.parse_duration(length))
    if isinstance(length, datetime.timedelta):
        result = length // datetime.timedelta(microseconds=1)
    elif isinstance(length, np.timedelta64):
        if np.datetime_data(length.dtype)[0] in ("Y", "M", "generic"):
            raise ValueError(
                f"{name}: {length!r} has no fixed length; write it as text, such as '1 year' or '3 months'"
            )
        result = int(length.astype("timedelta64[us]").astype(np.int64))
    else:
        raise TypeError(f"{name} must be text such as '39 weeks' or a timedelta, not {length!r}")
    if result <= 0:
        raise ValueError(f"{name} must be positive, not {length!r}")
    return result


def unit_text(length: int) -> str:
    """The unit of ``length`` microseconds as text, ``"week"``."""
    return str(_clavis.core.format_duration(length))


def day_number(date: Date, name: str) -> int:
    """Days since 1970-01-01 of a calendar day: text, a date, a datetime or a NumPy datetime.

    Of a datetime, in text or not, its day counts as it is written.
    """
    if isinstance(date, str):
        instant = _INSTANT.fullmatch(date)
        return int(_clavis.core.parse_date(instant[1] if instant else date))
    if isinstance(date, datetime.datetime) and date == date:  # pandas.NaT calls itself a datetime and equals nothing
        date = date.date()
    if not isinstance(date, (datetime.date, np.datetime64)):
        raise TypeError(f"{name} must be a date or text such as '1997-09-30', not {date!r}")
    day = np.asarray(date, dtype="datetime64[D]")
    if np.isnat(day):
        raise ValueError(f"{name} is missing (NaT)")
    return int(day.astype(np.int64))


def optional_day_number(date: Date | None, name: str) -> int | None:
    """As :func:`day_number`, with ``None`` for none."""
    return None if date is None else day_number(date, name)


def to_date(days: int) -> datetime.date:
    """The calendar day of a number of days since 1970-01-01."""
    result: Any = np.datetime64(days, "D").item()
    assert isinstance(result, datetime.date)
    return result
