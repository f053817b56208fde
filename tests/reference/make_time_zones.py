"""Make the tables of offset changes that tests/cpp/core/time_zone_test.cpp compares with.

The other route is Python's zoneinfo, an implementation of its own. time_zones.csv holds every change of past years in
some named zones; time_zone_rules.csv holds changes that yearly rules demand, read by zoneinfo from a minimal TZif file
whose footer is the rule. Days counted from zero come from the C library, since zoneinfo of Python 3.11 is a day early.

Run: python tests/reference/make_time_zones.py
"""

from __future__ import annotations

import csv
import io
import os
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

HERE = Path(__file__).parent
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ZONES = ["America/New_York", "Europe/London", "Australia/Sydney", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]
RULES = [
    "EST5EDT,M3.2.0,M11.1.0",
    "GMT0BST,M3.5.0/1,M10.5.0",
    "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
    "IST-1GMT0,M10.5.0,M3.5.0/1",  # winter time is the exception
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",  # changes on the day before
    "EET-2EEST,M3.4.4/50,M10.4.4/50",  # changes two days after a Thursday
    "XXX3YYY,J60/2,J300",
    "XXX-3YYY,59/1,300/3",
    "XXX3:30YYY2:15:30,J1/0,J365/1:02:03",
    "XXX11YYY,M1.1.0/0,M12.5.6/23",
    "IST-5:30",
]
YEARS = [1970, 1999, 2000, 2024, 2025, 2037, 2038, 2039, 2096, 2100, 2199, 2200]


class LibraryZone(tzinfo):
    """What the C library makes of a rule."""

    def __init__(self, rule: str) -> None:
        self.rule = rule

    def fromutc(self, when: datetime) -> datetime:
        os.environ["TZ"] = self.rule
        time.tzset()
        second = int((when.replace(tzinfo=UTC) - EPOCH).total_seconds())
        self.offset = timedelta(seconds=time.localtime(second).tm_gmtoff)
        return when + self.offset

    def utcoffset(self, when: datetime | None) -> timedelta:
        return self.offset

    def dst(self, when: datetime | None) -> timedelta | None:
        return None


def offset_at(zone: tzinfo, second: int) -> int:
    offset = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def changes(zone: tzinfo, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (second, offset before, offset from then on) of every change in [begin, end)."""
    step = 6 * 3600
    known = offset_at(zone, begin)
    for second in range(begin, end, step):
        if offset_at(zone, second + step) == known:
            continue
        low, high = second, second + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_at(zone, middle) == known else (low, middle)
        after = offset_at(zone, high)
        yield high, known, after
        known = after


def second_of_year(year: int) -> int:
    return int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds())


def zone_of_rule(rule: str) -> tzinfo:
    """A TZif file of version 2 with one type, no change, and the rule."""
    if ",5" in rule:
        return LibraryZone(rule)
    header = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    block = struct.pack(">lbb", 0, 0, 0) + b"XXX\0"
    # zoneinfo applies the rule after the last change only, so there is one, long ago.
    later = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 1, 1, 4) + struct.pack(">qb", -(2**40), 0) + block
    return ZoneInfo.from_file(io.BytesIO(header + block + later + b"\n" + rule.encode() + b"\n"))


def write(name: str, first: str, rows: list[tuple[str, int, int, int]]) -> None:
    with (HERE / name).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", delimiter=";")
        writer.writerow([first, "second", "before", "after"])
        writer.writerows(rows)


def main() -> None:
    write(
        "time_zones.csv",
        "zone",
        [
            (name, *change)
            for name in ZONES
            for change in changes(ZoneInfo(name), second_of_year(1900), second_of_year(2024))
        ],
    )
    write(
        "time_zone_rules.csv",
        "rule",
        [
            (rule, *change)
            for rule in RULES
            for year in YEARS
            for change in changes(zone_of_rule(rule), second_of_year(year), second_of_year(year + 1))
        ],
    )


if __name__ == "__main__":
    main()
