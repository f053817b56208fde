"""The monitor on planted changes, real records and every kind of table; what it refuses."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clavis as cv

Data = Callable[[str], Path]
Log = dict[str, np.ndarray]


def days(start: str, stop: str, step: int) -> np.ndarray:
    return np.arange(start, stop, step, dtype="datetime64[D]")


def log(**visits: np.ndarray) -> Log:
    return {
        "customer_id": np.concatenate([np.full(len(own), name) for name, own in visits.items()]).astype(object),
        "time": np.concatenate(list(visits.values())),
    }


STEADY = days("2022-01-01", "2024-12-31", 7)
RECORDS = log(
    once=days("2022-11-05", "2022-11-06", 1),
    steady=STEADY,
    stops=days("2022-01-01", "2023-04-01", 7),
    thins=np.concatenate([days("2022-01-01", "2023-03-01", 3), days("2023-03-01", "2024-12-31", 12)]),
)


def watch(**options: object) -> cv.DefectionMonitor:
    return cv.DefectionMonitor(r=2, alpha=14, **options)  # type: ignore[arg-type]


def rows(table: cv.Table) -> dict[str, dict[str, object]]:
    return {
        customer: {name: table[name][i] for name in table.columns} for i, customer in enumerate(table["customer_id"])
    }


def test_planted_changes_are_found_and_dated() -> None:
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    assert len(mon) == 4
    assert mon.watched_from_ == datetime.date(2023, 1, 1)
    assert mon.watched_until_ == datetime.date(2022, 12, 31)
    assert mon.params_ == {"r": 2.0, "alpha": 14.0, "k": 1.0}
    assert rows(mon.states(as_of="2023-01-01"))["once"]["state"] == "NEW"
    alerts = rows(mon.update(RECORDS, as_of="2024-06-30"))
    assert set(alerts) == {"stops", "thins"}
    assert alerts["stops"]["state"] == "LAPSED"
    assert alerts["stops"]["since"] == RECORDS["time"][RECORDS["customer_id"] == "stops"].max()
    assert alerts["stops"]["visits"] == 0
    assert alerts["thins"]["state"] == "PARTIAL"
    assert abs(alerts["thins"]["since"] - np.datetime64("2023-03-01")) <= np.timedelta64(12, "D")
    assert alerts["thins"]["retained_ratio"] == pytest.approx(0.25, abs=0.12)

    states = rows(mon.states())
    assert {name: row["state"] for name, row in states.items()} == {
        "once": "WATCH",
        "steady": "ACTIVE",
        "stops": "LAPSED",
        "thins": "PARTIAL",
    }
    assert np.isnat(states["steady"]["since"])
    assert np.isnan(states["steady"]["retained_ratio"])
    assert states["stops"]["retained_ratio"] == 0
    assert all(row["evidence"] == "visits" and np.isnat(row["since_low"]) for row in states.values())
    assert 0 < states["stops"]["overdue_p"] < 1e-6
    assert mon.watched_until_ == datetime.date(2024, 6, 30)


def test_every_alert_says_what_was_expected_what_happened_and_how_often_it_is_false() -> None:
    mon = watch(false_alarms_per_year=0.05).fit(RECORDS, baseline_until="2023-01-01")
    alerts = mon.update(RECORDS, as_of="2024-06-30")
    assert mon.limit_ == pytest.approx(365.25 / 7 / 0.05, rel=1e-12)
    for row in rows(alerts).values():
        text = str(row["sentence"])
        assert f"Customer {row['customer_id']}: " in text
        assert f"{row['expected']:.1f} visits were expected since" in text
        assert "none came in" in text if row["state"] == "LAPSED" else f"{row['visits']} came" in text
        assert "At most 5 % of unchanged customers raise an alert within a year." in text


def test_states_look_ahead_without_changing_the_monitor() -> None:
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    before = mon.states(as_of="2023-01-01")
    assert rows(mon.states(as_of="2023-12-31"))["steady"]["state"] == "LAPSED"
    np.testing.assert_array_equal(mon.states(as_of="2023-01-01")["statistic"], before["statistic"])
    mon.update(RECORDS, as_of="2023-12-31")
    assert rows(mon.states())["steady"]["state"] == "ACTIVE"
    with pytest.raises(ValueError, match="as_of 2023-12-30 lies before 2023-12-31"):
        mon.states(as_of="2023-12-30")


def test_records_outside_are_counted_and_not_used() -> None:
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    assert mon.visits_after_ == int((RECORDS["time"] >= np.datetime64("2023-01-01")).sum())
    batch = {
        "customer_id": np.array(["steady", "steady", "steady", "late", "dora", "stops"], dtype=object),
        "time": np.array(
            ["2022-12-31", "2023-01-07", "2023-02-20", "2022-12-01", "2023-01-09", "2023-01-08"], "datetime64[D]"
        ),
        "amount": [5.0, 5.0, 5.0, 5.0, 5.0, -3.0],
    }
    # Of the others nothing came in, which the one who came every third day does not do unchanged.
    assert mon.update(batch, as_of="2023-01-31")["customer_id"].tolist() == ["thins"]
    assert mon.received_ == {
        "visits_used": 2,
        "visits_late": 2,
        "visits_early": 1,
        "return_days": 1,
        "customers_joined": 1,
    }
    states = rows(mon.states())
    assert set(states) == {"dora", "once", "steady", "stops", "thins"}
    assert states["dora"]["state"] == "NEW"
    assert states["stops"]["last_visit"] == np.datetime64("2022-12-31")
    statistic = mon.states()["statistic"]
    mon.update(batch, as_of="2023-01-31")
    assert mon.received_["visits_used"] == 0
    np.testing.assert_array_equal(mon.states()["statistic"], statistic)
    assert mon.received_total_["visits_used"] == 2
    assert mon.received_total_["visits_late"] == 6
    assert mon.quality_ is not None
    assert mon.quality_.rows_read == 6


def test_as_of_defaults_to_the_last_day_of_the_batch() -> None:
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    mon.update(log(steady=days("2023-01-07", "2023-03-01", 7)))
    assert mon.watched_until_ == datetime.date(2023, 2, 25)
    mon.update(log(steady=days("2023-01-07", "2023-01-08", 1)))
    assert mon.watched_until_ == datetime.date(2023, 2, 25)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"retained": ()}, "one to sixteen"),
        ({"retained": (1.0,)}, r"row 0: 1 does not lie in \[0, 1\)"),
        ({"retained": (0.2, 0.2)}, "0.2 appears twice"),
        ({"false_alarms_per_year": 0.0}, "false_alarms_per_year"),
        ({"false_alarms_per_year": float("nan")}, "false_alarms_per_year"),
    ],
)
def test_options_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        watch(**options).fit(RECORDS, baseline_until="2023-01-01")


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="r and alpha go together"):
        cv.DefectionMonitor(r=2)
    with pytest.raises(ValueError, match="call fit first"):
        watch().states()
    with pytest.raises(ValueError, match="there is no visit before 2001-01-01"):
        watch().fit(RECORDS, baseline_until="2001-01-01")
    with pytest.raises(ValueError, match="no customer came twice"):
        cv.DefectionMonitor().fit(log(a=STEADY[:1], b=STEADY[1:2]), baseline_until="2023-01-01")
    with pytest.raises(ValueError, match='there is no column "day"'):
        watch().fit(RECORDS, baseline_until="2023-01-01", time="day")
    with pytest.raises(ValueError, match='there is no column "paid"'):
        watch().fit(RECORDS, baseline_until="2023-01-01", amount="paid")
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    with pytest.raises(ValueError, match="integers where the baseline has text"):
        mon.update({"customer_id": [1], "time": ["2023-01-05"]}, as_of="2023-01-06")
    with pytest.raises(ValueError, match="2023-02-30"):
        mon.update({"customer_id": ["x"], "time": ["2023-02-30"]}, as_of="2023-03-06")
    assert len(mon.update({"customer_id": [], "time": np.array([], "datetime64[D]")}, as_of="2023-01-08")) == 0
    assert mon.watched_until_ == datetime.date(2023, 1, 8)


def test_a_stop_by_the_caller_leaves_the_monitor_as_it_was() -> None:
    stop = False
    mon = watch(progress=lambda stage, done: not stop, threads=1).fit(RECORDS, baseline_until="2023-01-01")
    stop = True
    with pytest.raises(cv.Cancelled):
        mon.update(RECORDS, as_of="2024-01-01")
    assert mon.watched_until_ == datetime.date(2022, 12, 31)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(0, 540), max_size=6))
def test_order_of_rows_and_cuts_change_nothing(seed: int, cuts: list[int]) -> None:
    whole = watch().fit(RECORDS, baseline_until="2023-01-01")
    expected = whole.update(RECORDS, as_of="2024-06-30")
    order = np.random.default_rng(seed).permutation(len(RECORDS["time"]))
    shuffled = {name: values[order] for name, values in RECORDS.items()}
    mon = watch(threads=2).fit(shuffled, baseline_until="2023-01-01")
    sentences: list[str] = []
    for cut in sorted(cuts):
        sentences += list(mon.update(shuffled, as_of=np.datetime64("2023-01-01") + cut)["sentence"])
    sentences += list(mon.update(shuffled, as_of="2024-06-30")["sentence"])
    assert sentences == list(expected["sentence"])
    states, same = whole.states(), mon.states()
    for name in states.columns:
        np.testing.assert_array_equal(same[name], states[name], err_msg=name)


def test_every_kind_of_table() -> None:
    pa, pd, pl = (pytest.importorskip(name) for name in ("pyarrow", "pandas", "polars"))
    plain = {"customer_id": RECORDS["customer_id"].tolist(), "time": RECORDS["time"].astype(str).tolist()}
    expected = watch().fit(RECORDS, baseline_until="2023-01-01").update(RECORDS, as_of="2024-01-01")
    arrow = pa.table({"customer_id": plain["customer_id"], "time": pa.array(RECORDS["time"])})
    for table in (plain, arrow, pd.DataFrame(RECORDS), pl.DataFrame(plain)):
        found = watch().fit(table, baseline_until="2023-01-01").update(table, as_of="2024-01-01")
        assert list(found["sentence"]) == list(expected["sentence"])


def read_cdnow(path: Path) -> Log:
    with path.open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    return {
        "customer_id": np.array([int(row["customer_id"]) for row in records]),
        "time": np.array([row["date"] for row in records], "datetime64[D]"),
        "amount": np.array([float(row["amount"]) for row in records]),
    }


def test_cdnow(data: Data) -> None:
    records = read_cdnow(data("cdnow_master.csv"))
    mon = cv.DefectionMonitor(k=1).fit(records, baseline_until="1997-10-01")
    assert mon.converged_, mon.status_
    assert mon.warnings_ == []
    assert mon.long_silence_excess_ < 1
    assert mon.params_["r"] > 0
    assert set(mon.standard_errors_) == {"r", "alpha", "k", "a", "b"}
    assert len(mon) == 23570
    alerts = mon.update(records, as_of="1998-06-30")
    states = mon.states()
    assert len(states) == 23570
    names, counts = np.unique(states["state"].astype(str), return_counts=True)
    by_state = dict(zip(names, counts, strict=True))
    assert sum(by_state.values()) == 23570
    assert set(by_state) <= {"NEW", "ACTIVE", "WATCH", "PARTIAL", "LAPSED", "RECOVERED"}
    # The visits of each customer, counted here on their own.
    visits = {}
    for customer, day in zip(records["customer_id"].tolist(), records["time"].tolist(), strict=True):
        visits.setdefault(customer, set()).add(day)
    unwatched = sum(len(own) > 1 for own in visits.values())
    assert by_state["NEW"] <= 23570 - unwatched
    standing = np.isin(states["state"].astype(str), ["PARTIAL", "LAPSED"])
    assert 0 < standing.sum() <= len(alerts)
    assert set(states["customer_id"][standing]) <= set(alerts["customer_id"])
    assert mon.received_["visits_used"] == sum(
        day >= datetime.date(1997, 10, 1) for own in visits.values() for day in own
    )
    assert (alerts["raised"] > np.datetime64("1997-10-01")).all()
    assert (alerts["since"] <= alerts["raised"]).all()
    lapsed = alerts["state"] == "LAPSED"
    assert (alerts["visits"][lapsed] == 0).all()
    for customer, since in zip(alerts["customer_id"][lapsed], alerts["since"][lapsed], strict=True):
        assert since.item() in visits[customer]
    # The clock of those without an alert so far, from their own days.
    r, alpha = mon.params_["r"], mon.params_["alpha"]
    untouched = ~np.isin(states["customer_id"], alerts["customer_id"])
    assert untouched.sum() > 23000
    for i in np.flatnonzero(untouched)[::7]:
        own = sorted(visits[int(states["customer_id"][i])])
        known = alpha + (own[-1] - own[0]).days
        silence = (datetime.date(1998, 6, 30) - own[-1]).days
        assert states["repeat_visits"][i] == len(own) - 1
        assert states["overdue_p"][i] == pytest.approx((known / (known + silence)) ** (r + len(own) - 1), rel=1e-10)
    # One-time buyers are judged by the population, whose silence p-value falls with the time since.
    single = states["repeat_visits"] == 0
    order = np.argsort(states["last_visit"][single])
    assert (np.diff(states["overdue_p"][single][order]) >= 0).all()


def test_regularity_and_season_are_learned_or_given() -> None:
    # Every fifth day to every ninth for each of 60 customers, give or take one: far more regular than at random.
    rng = np.random.default_rng(5)
    days = [np.cumsum(rng.integers(4 + i % 5, 7 + i % 5, 120)) for i in range(60)]
    table = {
        "customer_id": np.repeat(np.arange(60), 120),
        "time": np.datetime64("2021-01-01") + np.concatenate(days).astype("timedelta64[D]"),
    }
    mon = cv.DefectionMonitor().fit(table, baseline_until="2022-01-01")
    assert mon.params_["k"] > 5
    assert len(mon.season_) == 0
    random = cv.DefectionMonitor(k=1, season=None).fit(table, baseline_until="2022-01-01")
    assert random.params_["k"] == 1
    assert random.standard_errors_["k"] == 0
    # The regular clock is alarmed by a shorter silence.
    assert mon.states(as_of="2022-03-01")["overdue_p"].max() < random.states(as_of="2022-03-01")["overdue_p"].min()
    lively = np.where(np.arange(800) // 50 % 2, 1.5, 0.5)
    told = cv.DefectionMonitor(r=2, alpha=14, k=3, season=("2021-01-01", lively)).fit(
        table, baseline_until="2022-01-01"
    )
    assert told.params_ == {"r": 2.0, "alpha": 14.0, "k": 3.0}
    assert told.season_["index"] == pytest.approx(lively)
    assert told.season_["day"][0] == np.datetime64("2021-01-01")
    with pytest.raises(ValueError, match="season"):
        cv.DefectionMonitor(season="summer").fit(table, baseline_until="2022-01-01")
    with pytest.raises(ValueError, match="positive"):
        cv.DefectionMonitor(season=("2021-01-01", [1.0, 0.0])).fit(table, baseline_until="2022-01-01")
    with pytest.raises(ValueError, match="k must lie"):
        cv.DefectionMonitor(k=100).fit(table, baseline_until="2022-01-01")


def test_run_lengths() -> None:
    assert cv.average_run_length(0.0, 4.653960350157523) == pytest.approx(104, rel=1e-12)
    assert cv.threshold_for(0.0, 104) == pytest.approx(np.log(105), rel=1e-12)
    assert np.isnan(cv.average_run_length(1.0, 3.0))
    limit = cv.threshold_for(0.8, 500)
    assert limit == pytest.approx(2.6536, abs=5e-5)
    assert cv.average_run_length(0.8, limit, rate=0.8) == pytest.approx(83.40, abs=5e-3)


def test_repr_tells_the_state() -> None:
    mon = watch()
    assert repr(mon) == "DefectionMonitor(retained=(0, 0.5), false_alarms_per_year=0.1), not fitted"
    mon.fit(RECORDS, baseline_until="2023-01-01")
    assert repr(mon).endswith(": 4 customers, watched from 2023-01-01 until 2022-12-31")


def test_the_example_of_the_methods_page_runs() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "methods" / "defection.md"
    (example,) = re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, cv.Table] = {}
    exec(compile(example, str(page), "exec"), names)
    assert len(names["alerts"]) > 0
    assert len(names["states"]) == len(np.unique(names["states"]["customer_id"])) > 300


def test_value_at_risk() -> None:
    book = cv.simulate_shop(customers=300, seed=3)
    monitor = cv.DefectionMonitor().fit(book, baseline_until="2024-01-01")
    monitor.update(book)
    plain = monitor.states()
    assert "value_at_risk" not in plain
    worth = np.arange(len(plain)) + 1.0
    states = monitor.states(values=worth)
    alarmed = np.isin(states["state"].astype(str), ["PARTIAL", "LAPSED"])
    assert alarmed.any()
    expected = np.where(alarmed, worth * (1 - np.where(alarmed, plain["retained_ratio"], 1)), 0)
    np.testing.assert_allclose(states["value_at_risk"], expected)
    # A table is looked up by customer, whatever its order; who is not in it has no value.
    table = {"customer_id": plain["customer_id"][::-1][:-1], "value": worth[::-1][:-1]}
    looked_up = monitor.states(values=table)["value_at_risk"]
    np.testing.assert_allclose(looked_up[1:], expected[1:])
    assert np.isnan(looked_up[0])
    with pytest.raises(ValueError, match="values"):
        monitor.states(values=[1.0])
