"""summarize against a second implementation: plain Python over lists, exact fractions and the zones of `zoneinfo`."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import clavis as cv

UTC = dt.timezone.utc
UNIT_DAYS = {"day": Fraction(1), "week": Fraction(7), "month": Fraction(1461, 48), "year": Fraction(1461, 4)}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Line:
    customer: Any
    time: dt.datetime  # UTC
    cents: int
    order: int


# ---------------------------------------------------------------------------------------------------------------------
# The second implementation.


def local_day(time: dt.datetime, zone: str | None) -> dt.date:
    return time.astimezone(ZoneInfo(zone or "UTC")).date()


def period_of(day: dt.date, collapse: str) -> dt.date:
    """The day on which the purchase that `day` belongs to counts."""
    if collapse == "week":
        return day - dt.timedelta(days=day.weekday())
    if collapse == "month":
        return day.replace(day=1)
    return day


def purchases_of(
    lines: list[Line], zone: str | None, collapse: str, returns: str, within: tuple[dt.date, dt.date]
) -> list[dt.date]:
    """The periods in which a customer bought, from the lines of the days `within`."""
    sales: dict[dt.date, int] = defaultdict(int)
    returned: dict[dt.date, int] = defaultdict(int)
    for line in lines:
        day = local_day(line.time, zone)
        if within[0] <= day <= within[1]:
            target = sales if line.cents >= 0 else returned
            target[period_of(day, collapse)] += line.cents
    taken_back = {
        period for period in sales if returns == "net" and period in returned and sales[period] + returned[period] <= 0
    }
    return sorted(set(sales) - taken_back)


def reference(
    log: list[Line],
    *,
    zone: str | None = None,
    unit: str = "week",
    collapse: str = "day",
    returns: str = "net",
    observe_until: dt.date | None = None,
    calibrate_until: dt.date | None = None,
    include_first: bool = False,
    with_orders: bool = True,
) -> tuple[dict[Any, dict[str, Any]], int]:
    """Customer to expected columns, and how many customers are left out."""
    until = observe_until or max(local_day(line.time, zone) for line in log)
    end = calibrate_until or until
    customers: dict[Any, list[Line]] = defaultdict(list)
    for line in log:
        customers[line.customer].append(line)

    rows: dict[Any, dict[str, Any]] = {}
    left_out = 0
    for customer, all_lines in customers.items():
        lines = [line for line in all_lines if local_day(line.time, zone) <= end]
        if not lines:
            left_out += 1
            continue
        bought = purchases_of(lines, zone, collapse, returns, (dt.date.min, end))
        holdout = purchases_of(all_lines, zone, collapse, returns, (end + dt.timedelta(days=1), until))
        counted = [line for line in lines if line.cents >= 0 or returns == "net"]
        sale_lines = [line for line in lines if line.cents >= 0]
        row: dict[str, Any] = {
            "lines": len(lines),
            "days": len(purchases_of(lines, zone, "day", returns, (dt.date.min, end))),
            "orders": len({line.order for line in sale_lines}) if with_orders else len(sale_lines),
            "net_amount": Fraction(sum(line.cents for line in counted), 100),
            "returns_amount": Fraction(-sum(line.cents for line in lines if line.cents < 0), 100),
            "frequency_holdout": len(holdout),
            "duration_holdout": Fraction((until - end).days) / UNIT_DAYS[unit],
        }
        if bought:
            repeats = bought[1:]
            since = bought[0] if include_first else (repeats[0] if repeats else None)
            of_purchases = [
                line.cents
                for line in counted
                if since is not None and period_of(local_day(line.time, zone), collapse) >= since
            ]
            divisor = len(bought) if include_first else len(repeats)
            gaps = [Fraction((b - a).days) / UNIT_DAYS[unit] for a, b in zip(bought, repeats, strict=False)]
            row |= {
                "frequency": len(repeats),
                "recency": Fraction((bought[-1] - bought[0]).days) / UNIT_DAYS[unit],
                "T": Fraction((period_of(end, collapse) - bought[0]).days) / UNIT_DAYS[unit],
                "monetary_value": Fraction(sum(of_purchases), 100 * divisor) if divisor else Fraction(0),
                "log_gap_sum": math.fsum(math.log(gap) for gap in gaps),
            }
        else:
            row |= {"frequency": 0, "recency": math.nan, "T": math.nan, "monetary_value": math.nan}
        rows[customer] = row
    return rows, left_out


def check(summary: cv.Summary, expected: tuple[dict[Any, dict[str, Any]], int]) -> None:
    rows, left_out = expected
    ids = summary["customer_id"].tolist()
    in_order = sorted(rows, key=lambda customer: customer.encode() if isinstance(customer, str) else customer)
    assert ids == in_order
    assert summary.left_out == left_out
    for i, customer in enumerate(ids):
        for name, value in rows[customer].items():
            if name not in summary.columns:
                assert name in ("frequency_holdout", "duration_holdout")
                continue
            found = summary[name][i]
            if isinstance(value, int):
                assert found == value, (customer, name)
            elif isinstance(value, float) and math.isnan(value):
                assert math.isnan(found), (customer, name)
            else:
                assert found == pytest.approx(float(value), rel=1e-13, abs=1e-12), (customer, name)


# ---------------------------------------------------------------------------------------------------------------------
# Random logs.

# Around these instants clocks change in the zones below, or a year ends.
EDGES = [
    dt.datetime(2023, 3, 26, 1, tzinfo=UTC),
    dt.datetime(2023, 10, 29, 1, tzinfo=UTC),
    dt.datetime(2024, 3, 10, 7, tzinfo=UTC),
    dt.datetime(2023, 11, 5, 6, tzinfo=UTC),
    dt.datetime(2023, 4, 1, 15, tzinfo=UTC),
    dt.datetime(2023, 12, 31, 23, 30, tzinfo=UTC),
    dt.datetime(2024, 2, 29, 0, tzinfo=UTC),
]
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]


def random_id(source: random.Random, text: bool) -> Any:
    if text:
        return "".join(source.choice("aA0é ~Ω漢😀-") for _ in range(source.randint(1, 6)))
    return source.choice([source.randint(-5, 50), source.randint(-(2**62), 2**62)])


def random_log(seed: int, *, text: bool = False, undone: bool = False) -> list[Line]:
    """At most 40 customers; unless `undone`, returns leave the sales of every day and order positive."""
    source = random.Random(seed)
    ids = sorted({random_id(source, text) for _ in range(source.randint(1, 40))})
    log: list[Line] = []
    order = 0
    for customer in ids:
        times: list[dt.datetime] = []
        for _ in range(source.choice([1, 1, 2, 3, 8, 30])):
            if times and source.random() < 0.2:
                times.append(source.choice(times) + dt.timedelta(seconds=source.choice([0, 1, 3600, 40000])))
            elif source.random() < 0.4:
                times.append(source.choice(EDGES) + dt.timedelta(minutes=source.randint(-300, 300)))
            else:
                times.append(dt.datetime(2023, 1, 2, tzinfo=UTC) + dt.timedelta(seconds=source.randint(0, 50_000_000)))
        if source.random() < 0.1:  # a customer who only brings back
            early = dt.datetime(2023, 1, 1, 12, tzinfo=UTC)
            log += [Line(customer, time, -source.randint(1, 5000), order := order + 1) for time in [early, *times]]
            continue
        gives_back = source.random() < 0.5
        for time in times:
            order += 1
            for _ in range(source.choice([1, 1, 1, 3])):
                cents = source.randint(1000, 99999) if gives_back else source.choice([0, source.randint(1, 10**7)])
                log.append(Line(customer, time, cents, order))
                if gives_back and source.random() < 0.4:
                    later = dt.timedelta(seconds=source.choice([0, 60, 86400, 20 * 86400]))
                    back = -cents if undone and source.random() < 0.7 else -source.randint(1, 20)
                    log.append(Line(customer, time + later, back, order if source.random() < 0.5 else 10**6 + order))
    source.shuffle(log)
    return log


def columns_of(log: list[Line], resolution: str = "us") -> dict[str, Any]:
    seconds = np.array([int((line.time - EPOCH).total_seconds()) for line in log], dtype="datetime64[s]")
    text = log and isinstance(log[0].customer, str)
    return {
        "who": np.array([line.customer for line in log], dtype=object if text else np.int64),
        "when": seconds.astype(f"datetime64[{resolution}]"),
        "paid": np.array([line.cents / 100 for line in log]),
        "order": np.array([line.order for line in log]),
    }


NAMES: dict[str, Any] = {"customer": "who", "time": "when", "amount": "paid", "order_id": "order"}


def same(a: cv.Summary, b: cv.Summary) -> None:
    assert a.columns == b.columns
    for name in a.columns:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert (a.unit, a.left_out, a.observed_until) == (b.unit, b.left_out, b.observed_until)


# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(14))
def test_days_in_local_calendars(seed: int) -> None:
    log = random_log(seed, text=seed % 3 == 0)
    zone = ZONES[seed % len(ZONES)]
    unit = list(UNIT_DAYS)[seed % 4]
    summary = cv.summarize(columns_of(log), **NAMES, time_zone=zone, unit=unit)
    check(summary, reference(log, zone=zone, unit=unit))


@pytest.mark.parametrize("collapse", ["week", "month"])
@pytest.mark.parametrize("seed", range(100, 106))
def test_weeks_and_months_as_one_purchase(seed: int, collapse: str) -> None:
    log = random_log(seed)
    zone = ZONES[seed % len(ZONES)]
    summary = cv.summarize(columns_of(log), **NAMES, time_zone=zone, collapse=collapse, unit="day")
    check(summary, reference(log, zone=zone, collapse=collapse, unit="day"))


@pytest.mark.parametrize("seed", range(200, 206))
def test_instants_and_hours_as_one_purchase(seed: int) -> None:
    log = random_log(seed)
    for collapse, seconds in (("none", 1), ("hour", 3600)):
        summary = cv.summarize(columns_of(log), **NAMES, collapse=collapse, unit="day")
        for i, customer in enumerate(summary["customer_id"]):
            ticks = sorted(
                {
                    (line.time - EPOCH) // dt.timedelta(seconds=seconds)
                    for line in log
                    if line.customer == customer and line.cents >= 0
                }
            )
            assert summary["frequency"][i] == max(0, len(ticks) - 1)
            if ticks:
                assert summary["recency"][i] == pytest.approx((ticks[-1] - ticks[0]) * seconds / 86400, rel=1e-13)


@pytest.mark.parametrize("seed", range(300, 310))
def test_calibration_and_holdout(seed: int) -> None:
    log = random_log(seed, text=seed % 2 == 0)
    zone = ZONES[seed % len(ZONES)]
    source = random.Random(seed)
    first = min(local_day(line.time, zone) for line in log)
    calibrate = first + dt.timedelta(days=source.randint(0, 500))
    observe = max(local_day(line.time, zone) for line in log) + dt.timedelta(days=source.randint(0, 40))
    options: dict[str, Any] = {"observe_until": observe, "calibrate_until": min(calibrate, observe - dt.timedelta(1))}
    include_first = seed % 2 == 1
    summary = cv.summarize(columns_of(log), **NAMES, time_zone=zone, include_first=include_first, **options)
    check(summary, reference(log, zone=zone, include_first=include_first, **options))
    assert "frequency_holdout" in summary.columns


@pytest.mark.parametrize("seed", range(400, 408))
def test_returns_are_netted_or_ignored_and_are_never_purchases(seed: int) -> None:
    log = random_log(seed)
    for returns in ("net", "ignore"):
        for include_first in (False, True):
            summary = cv.summarize(columns_of(log), **NAMES, returns=returns, include_first=include_first)
            check(summary, reference(log, returns=returns, include_first=include_first))
    # Bringing something back more often changes amounts and lines alone.
    more = log + [replace(line, cents=-1) for line in log if line.cents < 0]
    before, after = (cv.summarize(columns_of(lines), **NAMES) for lines in (log, more))
    for name in ("customer_id", "frequency", "recency", "T", "orders", "days"):
        np.testing.assert_array_equal(before[name], after[name], err_msg=name)


@pytest.mark.parametrize("seed", range(500, 506))
def test_a_day_wholly_taken_back_is_no_purchase(seed: int) -> None:
    log = random_log(seed, undone=True)
    rows, left_out = reference(log)
    # Whether an order that comes back counts as an order is for another test.
    for row in rows.values():
        del row["orders"]
    check(cv.summarize(columns_of(log), **NAMES), (rows, left_out))


def test_orders_are_sale_lines_where_there_are_no_order_ids() -> None:
    log = random_log(7)
    names = {role: name for role, name in NAMES.items() if role != "order_id"}
    check(cv.summarize(columns_of(log), **names), reference(log, with_orders=False))


@pytest.mark.parametrize("seed", range(600, 604))
def test_rows_threads_batches_and_shards_do_not_matter(seed: int) -> None:
    log = random_log(seed, text=seed % 2 == 0)
    options: dict[str, Any] = {**NAMES, "time_zone": "Europe/Berlin", "observe_until": "2025-06-30"}
    whole = cv.summarize(columns_of(log), threads=1, **options)
    source = random.Random(seed)
    for threads in (1, 2, 7):
        shuffled = source.sample(log, len(log))
        same(whole, cv.summarize(columns_of(shuffled), threads=threads, **options))
    for shards in (2, 5):
        states = [cv.Summarizer(**options) for _ in range(shards)]
        for line in source.sample(log, len(log)):
            states[source.randrange(shards)].update(columns_of([line]))
        source.shuffle(states)
        total = states[0]
        for state in states[1:]:
            assert total.merge(state) is total
        same(whole, total.finish())


@pytest.mark.parametrize("text", [False, True])
def test_every_kind_of_table_says_the_same(text: bool) -> None:
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    polars = pytest.importorskip("polars")
    log = random_log(77, text=text)
    arrays = columns_of(log)
    if text:
        arrays["who"] = arrays["who"].astype(object)
    options: dict[str, Any] = {**NAMES, "time_zone": "America/New_York"}
    whole = cv.summarize(arrays, **options)
    check(whole, reference(log, zone="America/New_York"))
    lists = {name: values.tolist() for name, values in arrays.items()}
    instants = [line.time for line in log]
    naive = [line.time.replace(tzinfo=None) for line in log]
    arrow = pyarrow.table(lists | {"when": pyarrow.array(naive, pyarrow.timestamp("us"))})
    in_utc = pyarrow.array(instants, pyarrow.timestamp("us", "UTC"))
    tables = {
        "pandas": pandas.DataFrame(arrays),
        "pandas with zone": pandas.DataFrame(arrays | {"when": pandas.to_datetime(instants, utc=True)}),
        "pyarrow": arrow,
        "pyarrow with zone": pyarrow.table(lists | {"when": in_utc}),
        "pyarrow, seconds": arrow.set_column(1, "when", arrow["when"].cast(pyarrow.timestamp("s"))),
        "pyarrow, nanoseconds": arrow.set_column(1, "when", arrow["when"].cast(pyarrow.timestamp("ns"))),
        "pyarrow, sliced chunks": pyarrow.concat_tables([arrow.slice(0, 3), arrow.slice(3, 0), arrow.slice(3)]),
        "polars": polars.DataFrame(arrays),
        "milliseconds": columns_of(log, "ms"),
        "nanoseconds": columns_of(log, "ns"),
        "ISO text": arrays | {"when": np.array([time.isoformat() for time in naive], dtype=object)},
        "ISO text with offsets": arrays
        | {"when": np.array([time.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat() for time in instants], object)},
        "a cv.Table": cv.Table(arrays),
    }
    for kind, table in tables.items():
        try:
            same(whole, cv.summarize(table, **options))
        except AssertionError as difference:
            raise AssertionError(f"{kind}: {difference}") from None


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_zone_of_the_column_is_the_calendar(zone: str) -> None:
    pandas = pytest.importorskip("pandas")
    log = random_log(88)
    frame = pandas.DataFrame(columns_of(log))
    frame["when"] = pandas.to_datetime([line.time for line in log], utc=True).tz_convert(zone)
    check(cv.summarize(frame, **NAMES), reference(log, zone=zone))
    # A zone asked for goes before that of the column.
    check(cv.summarize(frame, **NAMES, time_zone="UTC"), reference(log))


@pytest.mark.parametrize("seed", range(700, 704))
def test_dates_are_days_already(seed: int) -> None:
    log = random_log(seed)
    days = [local_day(line.time, "Asia/Kathmandu") for line in log]
    expected = reference(log, zone="Asia/Kathmandu")
    for column in (
        np.array(days, dtype="datetime64[D]"),
        np.array(days, dtype=object),
        np.array([day.isoformat() for day in days], dtype=object),
    ):
        check(cv.summarize(columns_of(log) | {"when": column}, **NAMES), expected)
        check(cv.summarize(columns_of(log) | {"when": column}, **NAMES, time_zone="America/New_York"), expected)


@pytest.mark.parametrize("seed", range(800, 804))
def test_lines_after_the_end_are_refused(seed: int) -> None:
    log = random_log(seed)
    last = max(local_day(line.time, None) for line in log) - dt.timedelta(days=200)
    kept = [line for line in log if local_day(line.time, None) <= last]
    if not kept or len(kept) == len(log):
        pytest.skip("this log does not straddle the end")
    with pytest.raises(ValueError, match=r"transactions.*when.*row \d+"):
        cv.summarize(columns_of(log), **NAMES, observe_until=last)
    summary = cv.summarize(columns_of(log), **NAMES, observe_until=last, on_bad_rows="refuse")
    check(summary, reference(kept, observe_until=last))
    quality = summary.quality
    assert quality is not None
    assert sum(refusal.count for refusal in quality.refused) == len(log) - len(kept)
    listed = sorted(row for refusal in quality.refused for row in refusal.rows)
    assert listed == [row for row, line in enumerate(log) if local_day(line.time, None) > last]


def test_a_log_without_amounts() -> None:
    log = [replace(line, cents=abs(line.cents)) for line in random_log(9)]
    columns = columns_of(log)
    del columns["paid"]
    summary = cv.summarize(columns, customer="who", time="when")
    rows, left_out = reference(log)
    names = ("frequency", "recency", "T", "log_gap_sum", "days", "lines")
    check(summary, ({customer: {name: row[name] for name in names} for customer, row in rows.items()}, left_out))


def test_cents_are_summed_exactly() -> None:
    # In doubles, 0.1 + 0.2 - 0.3 is 5.6e-17 and a million times 0.1 is 100000.00000133288.
    paid = np.array([0.1, 0.2, -0.3] + [0.1] * 1_000_000)
    who = np.array([1, 1, 1] + [2] * 1_000_000)
    when = np.array(["2024-01-01"] * len(paid), dtype="datetime64[D]")
    summary = cv.summarize({"who": who, "when": when, "paid": paid}, customer="who", time="when", amount="paid")
    assert summary["net_amount"].tolist() == [0.0, 100000.0]
