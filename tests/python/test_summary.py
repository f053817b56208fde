"""summarize on real records, on every kind of table, and on bad input."""

from __future__ import annotations

import datetime
import gzip
import itertools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import clavis as cv

Data = Callable[[str], Path]

LOG = {
    "customer_id": np.array([3, 1, 1, 2, 1, 3]),
    "time": np.array(
        ["2024-01-05", "2024-01-01", "2024-01-15", "2024-01-08", "2024-01-15", "2024-01-19"], "datetime64[D]"
    ),
    "amount": np.array([10.0, 5.0, 20.0, 7.0, 0.1, -3.0]),
}


def equal(left: cv.Summary, right: cv.Summary) -> None:
    assert left.columns == right.columns
    for name in left.columns:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def summarize_log(table: object, **options: object) -> cv.Summary:
    return cv.summarize(
        table, customer="customer_id", time="time", amount="amount", observe_until="2024-01-29", **options
    )


def test_one_row_per_customer() -> None:
    s = summarize_log(LOG)
    assert s.customer_id.tolist() == [1, 2, 3]
    assert s.frequency.tolist() == [1, 0, 0]
    assert s.recency.tolist() == [2.0, 0.0, 0.0]
    np.testing.assert_allclose(s.T, [4.0, 3.0, 24 / 7], rtol=1e-15)
    assert s.net_amount.tolist() == [25.1, 7.0, 7.0]
    assert s.returns_amount.tolist() == [0.0, 0.0, 3.0]
    assert s.monetary_value.tolist() == [20.1, 0.0, 0.0]
    assert s.orders.tolist() == [3, 1, 1]
    assert s.days.tolist() == [2, 1, 1]
    assert s.lines.tolist() == [3, 1, 2]
    assert s.unit == "week"
    assert s.observed_until == datetime.date(2024, 1, 29)
    assert s.quality is not None and s.quality.rows_used == 6


def test_every_kind_of_table_gives_the_same() -> None:
    pa, pd, pl, duckdb = (pytest.importorskip(name) for name in ("pyarrow", "pandas", "polars", "duckdb"))
    expected = summarize_log(LOG)
    arrow = pa.table({name: pa.array(values) for name, values in LOG.items()})
    chunked = pa.concat_tables([arrow.slice(0, 1), arrow.slice(1, 0), arrow.slice(1, 5)])
    text = {**LOG, "time": LOG["time"].astype(str).tolist(), "amount": [str(x) for x in LOG["amount"]]}
    frame = pd.DataFrame({name: values.tolist() for name, values in LOG.items()})
    duck = duckdb.sql("select * from arrow")
    for table in (
        arrow,
        chunked,
        arrow.to_reader(max_chunksize=2),
        pl.DataFrame(arrow),
        frame,
        pd.DataFrame(LOG),
        frame.convert_dtypes(),
        duck,
        text,
        {name: values.tolist() for name, values in LOG.items()},
        cv.Table(LOG),
        arrow.set_column(0, "customer_id", arrow["customer_id"].cast(pa.float64())),
        arrow.set_column(1, "time", arrow["time"].cast(pa.timestamp("ns"))),
    ):
        equal(summarize_log(table), expected)


def test_book_maps_names_once() -> None:
    book = cv.CustomerBook(
        {"who": LOG["customer_id"], "time": LOG["time"], "paid": LOG["amount"]},
        columns={"transactions": {"customer_id": "who", "amount": "paid"}},
    )
    equal(cv.summarize(book, observe_until="2024-01-29"), summarize_log(LOG))
    assert book.quality["transactions"].rows_used == 6
    with pytest.raises(ValueError, match='no column "time"'):
        cv.CustomerBook({"customer_id": [1]})
    with pytest.raises(ValueError, match='no column "customer"'):
        cv.CustomerBook(LOG, columns={"transactions": {"customer": "customer_id"}})
    with pytest.raises(ValueError, match='no table "surveys"'):
        cv.CustomerBook(LOG, columns={"surveys": {}})


def test_time_zones() -> None:
    pd = pytest.importorskip("pandas")
    times = pd.to_datetime(["2024-03-31 22:30", "2024-04-01 23:30", "2024-11-03 04:30"], utc=True)
    table = pd.DataFrame({"id": [1, 1, 1], "time": times})
    london = cv.summarize(table, customer="id", time="time", time_zone="Europe/London", unit="day")
    assert (london.frequency[0], london.T[0]) == (2, 217.0)  # 31 March, 2 April, 3 November
    own_zone = table.assign(time=table["time"].dt.tz_convert("Europe/London"))
    equal(cv.summarize(own_zone, customer="id", time="time", unit="day"), london)
    new_york = cv.summarize(table, customer="id", time="time", time_zone="America/New_York", unit="day")
    assert (new_york.frequency[0], new_york.T[0]) == (2, 217.0)  # 31 March, 1 April, 3 November
    with pytest.raises(ValueError, match="Mars/Base"):
        cv.summarize(table, customer="id", time="time", time_zone="Mars/Base")


def test_calibration_and_holdout() -> None:
    s = cv.summarize(
        LOG, customer="customer_id", time="time", calibrate_until="2024-01-07", observe_until=datetime.date(2024, 1, 21)
    )
    assert s.customer_id.tolist() == [1, 3]
    assert s.left_out == 1
    assert s.frequency.tolist() == [0, 0]
    assert s.frequency_holdout.tolist() == [1, 1]
    assert s.duration_holdout.tolist() == [2.0, 2.0]
    np.testing.assert_allclose(s.T, [6 / 7, 2 / 7])


def test_states_merge_and_go_on() -> None:
    rng = np.random.default_rng(3)
    n = 5000
    log = {
        "customer_id": rng.integers(0, 300, n),
        "time": np.datetime64("2023-01-01") + rng.integers(0, 700, n),
        "amount": np.round(rng.gamma(2, 20, n), 2) * rng.choice([1, 1, 1, -1], n),
    }
    whole = cv.summarize(log, customer="customer_id", time="time", amount="amount")
    cuts = [0, 17, 17, 1200, 4000, n]
    states = []
    for begin, end in itertools.pairwise(cuts):
        state = cv.Summarizer(amount="amount", threads=1 + len(states))
        if end > begin:
            state.update({name: values[begin:end] for name, values in log.items()})
        states.append(state)
    merged = states[3]
    for other in (states[0], states[4], states[1], states[2]):
        assert merged.merge(other) is merged
    equal(merged.finish(), whole)


def test_online_retail(data: Data) -> None:
    pd = pytest.importorskip("pandas")
    with gzip.open(data("online_retail.csv.gz")) as file:
        frame = pd.read_csv(file, dtype={"InvoiceNo": str, "StockCode": str})
    frame["amount"] = frame["Quantity"] * frame["UnitPrice"]
    s = cv.summarize(
        frame, customer="CustomerID", time="InvoiceDate", amount="amount", order_id="InvoiceNo", on_bad_rows="raise"
    )
    assert s.quality is not None
    assert s.quality.rows_read == 541_909
    assert s.quality.rows_without_customer == 135_080
    assert len(s) == 4_372
    assert round(float(s.net_amount.sum()), 2) == 8_300_065.81
    assert round(s.quality.amount_total, 2) == 8_300_065.81
    assert round(s.quality.amount_total + s.quality.amount_without_customer, 2) == 9_747_747.93
    assert int((s.net_amount < 0).sum()) == 41
    assert int((s.net_amount == 0).sum()) == 14
    assert s.customer_id.dtype == np.int64
    assert int(s.lines.sum()) == 541_909 - 135_080
    never = np.isnan(s["T"])
    assert np.array_equal(never, s.days == 0)
    assert never.sum() > 0  # some only ever returned things
    assert (s.frequency[~never] == s.days[~never] - 1).all()


def test_cdnow(data: Data) -> None:
    pd = pytest.importorskip("pandas")
    master = pd.read_csv(data("cdnow_master.csv"), dtype={"customer_id": str})
    s = cv.summarize(master, customer="customer_id", time="date", amount="amount")
    assert s.quality is not None and s.quality.rows_read == 69_659
    assert len(s) == 23_570
    assert s.customer_id[0] == "00001"

    sample = pd.read_csv(data("cdnow_sample.csv"), dtype={"sample_id": str})
    s = cv.summarize(
        sample, customer="sample_id", time="date", amount="amount", calibrate_until="1997-09-30",
        observe_until="1998-06-30",
    )  # fmt: skip
    assert len(s) == 2_357
    assert int(s.frequency.sum()) == 2_457
    assert int(s.frequency_holdout.sum()) == 1_882
    assert set(s.duration_holdout) == {39.0}
    np.testing.assert_allclose([s.recency.sum(), s["T"].sum()], [16135.571429, 77111.285714], rtol=1e-9)


BAD = {
    "no such column": ({"time": LOG["time"], "who": LOG["customer_id"]}, r'no column "customer_id".*time, who'),
    "text where a number belongs": (
        {**LOG, "amount": ["1", "2", "abc", "4", "5", "6"]},
        r'transactions, column "amount", row 2: "abc"',
    ),
    "text among objects": (
        {**LOG, "amount": np.array([1.0, 2, "abc", 4, 5, 6], dtype=object)},
        r'transactions, column "amount", row 2: "abc"',
    ),
    "NaN amount": ({**LOG, "amount": [1, 2, 3, np.nan, 5, 6]}, r'column "amount", row 3'),
    "infinite amount": ({**LOG, "amount": [1, 2, 3, 4, np.inf, 6]}, r'column "amount", row 4: "inf"'),
    "impossible date": (
        {**LOG, "time": ["2024-01-05", "2024-02-30", "2024-01-15", "2024-01-08", "2024-01-15", "2024-01-19"]},
        r'column "time", row 1: "2024-02-30"',
    ),
    "missing time": (
        {**LOG, "time": np.array(["2024-01-05", "NaT", *["2024-01-15"] * 4], "datetime64[D]")},
        r'column "time", row 1',
    ),
    "late": (
        {**LOG, "time": np.array(["2024-01-05", "2024-03-01", *["2024-01-15"] * 4], "datetime64[D]")},
        r'column "time", row 1: "2024-03-01".*observe_until',
    ),
    "fractional id": ({**LOG, "customer_id": [1.0, 2.5, 3, 4, 5, 6]}, r'column "customer_id", row 1: "2.5"'),
    "unequal lengths": ({**LOG, "amount": [1.0]}, 'column "amount" has 1 rows where others have 6'),
    "truth values": ({**LOG, "customer_id": np.ones(6, dtype=bool)}, 'column "customer_id" holds truth values'),
    "an object": ({**LOG, "customer_id": [1, 2, {}, 4, 5, 6]}, r'column "customer_id", row 2: "{}" is a dict'),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_names_the_place(case: str) -> None:
    table, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        summarize_log(table)


@pytest.mark.parametrize(
    "case", ["text where a number belongs", "NaN amount", "infinite amount", "impossible date", "missing time", "late"]
)
def test_bad_rows_can_be_counted_instead(case: str) -> None:
    table, _ = BAD[case]
    s = summarize_log(table, on_bad_rows="refuse")
    assert s.quality is not None
    assert s.quality.rows_refused == 1
    assert s.quality.rows_used == 5
    (refusal,) = s.quality.refused
    assert (refusal.count, len(refusal.rows), len(refusal.values)) == (1, 1, 1)
    assert f"row {refusal.rows[0]}" in str(s.quality)


def test_columns_of_known_names_are_read() -> None:
    log = {
        "customer_id": [1, 1, 2, 2],
        "time": ["2024-01-01", "2024-02-01", "2024-01-05", "2024-03-01"],
        "amount": [10.0, 20, 30, 40],
        "currency": ["EUR"] * 4,
        "kind": ["sale", "return", "sale", "cancel"],
        "order_id": [1, 2, 3, 3],
    }
    plain = cv.summarize(log, customer="customer_id", time="time", amount="amount")
    book = cv.summarize(cv.CustomerBook(log))
    equal(plain, book)
    assert plain.net_amount.tolist() == [-10.0, -10.0]
    ignored = cv.summarize(log, customer="customer_id", time="time", amount="amount", kind=None, order_id=None)
    assert ignored.net_amount.tolist() == [30.0, 70.0]
    mixed = {**log, "currency": ["EUR", "USD", "EUR", "EUR"]}
    for read in (
        lambda: cv.summarize(mixed, customer="customer_id", time="time", amount="amount"),
        lambda: cv.analyse(mixed),
        lambda: cv.DefectionMonitor().fit(mixed, baseline_until="2024-02-15"),
    ):
        with pytest.raises(ValueError, match=r"row 1.*USD|USD.*row 1"):
            read()


def test_far_dates_do_not_wrap() -> None:
    for unit, far in (("D", 2**32 + 19000), ("W", 2**40), ("h", 2**62), ("Y", 2**33)):
        times = np.array([19000, far], f"datetime64[{unit}]")
        with pytest.raises(ValueError, match=r'transactions, column "time", row \d'):
            cv.summarize({"customer_id": [1, 2], "time": times}, customer="customer_id", time="time")


def test_a_column_twice_is_an_error() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame([[1, "2024-01-01", 1.0, 2.0]], columns=["customer_id", "time", "amount", "amount"])
    with pytest.raises(ValueError, match='2 columns "amount"'):
        cv.summarize(frame, customer="customer_id", time="time", amount="amount")


def test_late_rows_can_be_left_out() -> None:
    late = {**LOG, "time": np.array(["2024-01-05", "2024-03-01", *["2024-01-15"] * 4], "datetime64[D]")}
    late["amount"] = np.array([10, np.nan, 20, 7, 0.1, -3])  # what lies ahead is not judged
    s = summarize_log(late, skip_late=True)
    assert s.quality is not None
    assert (s.quality.rows_read, s.quality.rows_used, s.quality.rows_late, s.quality.rows_refused) == (6, 5, 1, 0)
    assert "1 after the end of observation, left out" in str(s.quality)


def test_mixed_currencies_and_odd_dates() -> None:
    with pytest.raises(ValueError, match=r"(?s)row 1.*EUR.*USD|row 1.*USD.*EUR"):
        summarize_log({**LOG, "c": ["EUR", "USD", "EUR", "EUR", "EUR", "EUR"]}, currency="c")
    with pytest.raises(ValueError, match="2024-01-01"):
        cv.summarize(LOG, customer="customer_id", time="time", calibrate_until="2023-06-30")
    with pytest.raises(ValueError, match="2021-02-30"):
        cv.summarize(LOG, customer="customer_id", time="time", observe_until="2021-02-30")
    with pytest.raises(ValueError, match="fortnight"):
        cv.summarize(LOG, customer="customer_id", time="time", unit="fortnight")
    with pytest.raises(ValueError, match="century"):
        cv.summarize(LOG, customer="customer_id", time="time", collapse="century")
    with pytest.raises(TypeError, match="a table is an object that speaks Arrow"):
        cv.summarize([1, 2], customer="customer_id", time="time")


def test_one_customer_and_single_purchases() -> None:
    one = cv.summarize({"customer_id": [7], "time": ["2024-01-01"]}, customer="customer_id", time="time")
    assert (len(one), one.frequency[0], one["T"][0]) == (1, 0, 0.0)
    assert "monetary_value" not in one
    singles = cv.summarize(
        {"customer_id": [1, 2, 3], "time": ["2024-01-01", "2024-01-02", "2024-01-03"]},
        customer="customer_id",
        time="time",
    )
    assert singles.frequency.tolist() == [0, 0, 0]


def test_summary_from_columns() -> None:
    s = cv.Summary(frequency=[2, 0], recency=[30.43, 0], T=[38.86, 38.86], monetary_value=[22.35, 0], unit="week")
    assert s.customer_id.tolist() == [0, 1]
    assert s.frequency.dtype == np.int32
    assert s.quality is None
    for columns, message in [
        ({"frequency": [1.5], "recency": [1], "T": [2]}, 'column "frequency", row 0: "1.5" is not a whole number'),
        ({"frequency": [1, -1], "recency": [1, 1], "T": [2, 2]}, 'column "frequency", row 1: "-1" is negative'),
        ({"frequency": [1], "recency": [3], "T": [2]}, 'column "recency", row 0: "3.0" is above T'),
        ({"frequency": [0], "recency": [1], "T": [2]}, "without a repeat purchase"),
        ({"frequency": [1], "recency": [1], "T": [-2]}, 'column "T", row 0: "-2.0"'),
        ({"frequency": ["x"], "recency": [1], "T": [2]}, "whole numbers belong"),
    ]:
        with pytest.raises(ValueError, match=message):
            cv.Summary(**columns)
    with pytest.raises(AttributeError, match="the columns are"):
        _ = s.nothing


def test_progress_and_stopping() -> None:
    seen: list[str] = []
    cv.summarize(LOG, customer="customer_id", time="time", progress=lambda stage, done: seen.append(stage))
    assert seen
    with pytest.raises(cv.Cancelled):
        cv.summarize(LOG, customer="customer_id", time="time", progress=lambda stage, done: False)


def test_text_ids_are_made_into_strings_once_and_survive_copies() -> None:
    pa = pytest.importorskip("pyarrow")
    log = {
        "customer_id": ["b", "ä", "b"],
        "time": ["2024-01-01", "2024-01-02", "2024-02-01"],
        "amount": [1.0, 2.0, 3.0],
    }
    made = cv.summarize(log, amount="amount")
    scores = cv.rfm(made)
    # As Arrow first, so that no Python string exists yet.
    for table in (made, scores):
        assert pa.table(table)["customer_id"].to_pylist() == ["b", "ä"]
        assert len(table) == 2 and table["customer_id"].dtype == object
        assert table["customer_id"] is table["customer_id"]
        assert table.to_pandas()["customer_id"].tolist() == ["b", "ä"]
        assert table.take([1])["customer_id"].tolist() == ["ä"]
        assert pickle.loads(pickle.dumps(table))["customer_id"].tolist() == ["b", "ä"]


def test_ids_of_a_summary_from_columns_are_checked_once() -> None:
    with pytest.raises(ValueError, match="customer_id"):
        cv.Summary(frequency=[0, 0], recency=[0, 0], T=[1, 1], customer_id=["a", None])
    assert cv.Summary(frequency=[0], recency=[0], T=[1], customer_id=["a"]).customer_id.tolist() == ["a"]


@pytest.mark.parametrize("text", [False, True])
def test_nobody_gives_a_summary_without_rows(text: bool) -> None:
    kinds = {"customer_id": pa.string() if text else pa.int64(), "time": pa.date32(), "amount": pa.float64()}
    table = pa.table({name: pa.array([], kind) for name, kind in kinds.items()})
    one = {"customer_id": pa.array(["a"] if text else [1]), "time": pa.array(["2024-01-05"]), "amount": pa.array([2.0])}
    keywords = {"amount": "amount", "observe_until": "2024-03-01", "calibrate_until": "2024-02-01"}
    some = cv.summarize(pa.table(one), **keywords)
    nobody = cv.summarize(table, **keywords)
    assert len(nobody) == 0
    assert nobody.columns == some.columns
    assert {name: nobody[name].dtype for name in nobody.columns} == {name: some[name].dtype for name in some.columns}
    assert nobody.observed_until == datetime.date(2024, 2, 1)
    assert nobody.quality is not None and nobody.quality.rows_read == 0
    assert cv.summarize(table).observed_until is None
    assert len(cv.rfm(nobody)) == 0
    # Rows without a customer leave nobody as well, and their amount counted.
    unknown = cv.summarize(pa.table({**one, "customer_id": pa.array([None], kinds["customer_id"])}), amount="amount")
    assert (len(unknown), unknown.quality.amount_without_customer) == (0, 2.0)  # type: ignore[union-attr]
    # A state that has read nothing changes nothing.
    state = cv.Summarizer(**keywords).update(pa.table(one))
    assert state.merge(cv.Summarizer(**keywords).update(table)).finish().to_dict()["T"].tolist() == some.T.tolist()


@pytest.mark.parametrize(
    "text", ["2024-02-29T23:59", "2024-02-29 08:00:30", "2024-02-29T00:00:00.5Z", "2024-02-29T22:00:00+02:00"]
)
def test_dates_with_a_time_of_day_count_as_their_day(text: str) -> None:
    log = {"customer_id": [1], "time": ["2024-01-05"]}
    assert cv.summarize(log, observe_until=text).observed_until == datetime.date(2024, 2, 29)
    for wrong in ("2024-02-30T10:00", "2024-02-29T24:00", "2024-02-29T10", "2024-02-29 soon"):
        with pytest.raises(ValueError, match=wrong[:10]):
            cv.summarize(log, observe_until=wrong)


@pytest.mark.parametrize("threads", [-1, 1.5, True, "two", 2**40])
def test_threads_are_a_whole_number(threads: Any) -> None:
    log = {"customer_id": [1, 1], "time": ["2024-01-05", "2024-02-05"]}
    calls: list[Callable[[], Any]] = [
        lambda: cv.summarize(log, threads=threads),
        lambda: cv.Summarizer(threads=threads),
        lambda: cv.Summarizer.from_bytes(b"", threads=threads),
        lambda: cv.simulate_shop(customers=3, threads=threads),
        lambda: cv.analyse(log, threads=threads),
        lambda: cv.CustomerBook(log).read("transactions", threads=threads),
        lambda: cv.BetaGeoNBD().fit(cv.summarize(log), threads=threads),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="threads must be a whole number from 0"):
            call()


@pytest.mark.parametrize("ids", ["near", "text"])
def test_columns_are_worked_out_when_asked_for(ids: str) -> None:
    random = np.random.default_rng(4)
    n = 3000
    who = random.integers(0, 400, n)
    log = {
        "id": who if ids == "near" else np.array([f"c{i * 7919 % 1009}" for i in who], dtype=object),
        "day": np.datetime64("2024-01-01") + random.integers(0, 200, n),
        "amount": random.integers(-100, 900, n) / 4,
    }
    s = cv.summarize(log, customer="id", time="day", amount="amount")
    table = cv.rfm(s)  # from what the core holds
    copied = pickle.loads(pickle.dumps(s))
    assert copied.columns == s.columns
    for name in s.columns:
        np.testing.assert_array_equal(copied[name], s[name])
        assert s[name] is s[name]
    again = cv.rfm(copied)  # from arrays
    for name in table.columns:
        np.testing.assert_array_equal(again[name], table[name])
    assert table.notes == again.notes

    # By counting: the days of each customer with sales above returns.
    net: dict[tuple[object, object], float] = {}
    for i, day, amount in zip(log["id"], log["day"], log["amount"], strict=True):
        net[i, day] = net.get((i, day), 0.0) + amount
    total: dict[object, float] = {}
    for (i, _), amount in net.items():
        total[i] = total.get(i, 0.0) + amount
    assert s.customer_id.tolist() == sorted(total)
    np.testing.assert_allclose(s.net_amount, [total[i] for i in s.customer_id], rtol=0, atol=1e-9)
    assert int(s.lines.sum()) == n
    assert s.T.dtype == np.float64 and s.days.dtype == np.int64
    assert s.first_time.dtype == "datetime64[us]" and s.last_day.dtype == "datetime64[D]"
    assert (s.first_time.astype("datetime64[D]") <= s.last_day).all()


def test_what_was_changed_is_scored() -> None:
    log = {
        "id": [1, 1, 2, 3, 4],
        "day": np.datetime64("2024-01-01") + np.arange(5),
        "amount": [5.0, 1.0, 2.0, 3.0, 4.0],
    }
    s = cv.summarize(log, customer="id", time="day", amount="amount")
    before = cv.rfm(s, bins=2)["f"].tolist()
    s.orders[:] = s.orders[::-1].copy()
    assert cv.rfm(s, bins=2)["f"].tolist() != before


def test_memory_is_kept_only_as_far_as_asked() -> None:
    log = {"id": np.arange(600_000) % 300_000, "day": np.repeat(np.datetime64("2024-01-01"), 600_000)}
    cv.keep_memory(1e9)
    cv.summarize(log, customer="id", time="day")
    assert 0 <= cv._clavis.core.kept_memory() <= 1e9
    cv.keep_memory(0)
    assert cv._clavis.core.kept_memory() == 0
    with pytest.raises(ValueError, match="bytes"):
        cv.keep_memory(-1)
    cv.keep_memory(1e9)
