"""One customer's timeline is what the monitor saw, day by day."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import clavis as cv
from clavis.plotting import timeline_table
from test_defection import RECORDS, Log, watch
from test_defection_evidence import START, records, wallet
from test_defection_evidence import watch as watch_more

mpl.use("Agg")


def as_the_monitor(mon: cv.DefectionMonitor, table: Any, customer: str, **options: Any) -> Any:
    line = timeline_table(mon, table, customer, **options)
    states = mon.states()
    row = states["customer_id"].tolist().index(customer)
    assert line["state"][-1] == states["state"][row]
    assert line["statistic"][-1] == pytest.approx(states["statistic"][row], rel=1e-9)
    assert line.limit == mon.limit_
    assert str(line["day"][-1]) == str(mon.watched_until_)
    return line


def test_the_statistic_is_the_monitors_from_day_to_day() -> None:
    mon = watch(keep_events=32).fit(RECORDS, baseline_until="2023-01-01")
    alerts = mon.update(RECORDS, as_of="2024-06-30")
    for customer in ("steady", "stops", "thins"):
        line = as_the_monitor(mon, RECORDS, customer)
        assert len(line) == 547
        own = alerts["customer_id"] == customer
        assert line.alerts["sentence"].tolist() == alerts["sentence"][own].tolist()
        if own.any():
            raised = np.flatnonzero(line["day"] == alerts["raised"][own][0])[0]
            assert line["statistic"][raised - 1] < mon.limit_ <= line["statistic"][raised]
            assert line.alerts["since_low"][0] <= line.alerts["since"][0] <= line.alerts["since_high"][0]
    before = cv.DefectionMonitor.from_bytes(mon.to_bytes())
    np.testing.assert_array_equal(before.states()["statistic"], mon.states()["statistic"])


def test_who_joined_later_other_names_and_other_evidence_are_followed_too() -> None:
    late: Log = {name: np.copy(values) for name, values in RECORDS.items()}
    late["time"] = np.where(late["customer_id"] == "thins", late["time"] + 600, late["time"])
    names = {"customer": "who", "time": "on"}
    table = {"who": late["customer_id"], "on": late["time"]}
    mon = watch().fit(table, baseline_until="2023-01-01", **names)
    mon.update(table, as_of="2024-06-30")
    line = as_the_monitor(mon, table, "thins")
    assert str(line["day"][0]) == "2023-08-24"
    more = watch_more("spend", "category", "wallet").fit(records(), baseline_until=START, wallet=wallet())
    more.update(records(), as_of="2023-12-31", wallet=wallet())
    line = as_the_monitor(more, records(), "leaves tea", wallet=wallet())
    assert line.alerts["evidence"].tolist() == ["category"]
    assert 50 <= len(line) <= 54


def test_the_picture_shows_limit_alert_date_and_visits() -> None:
    mon = watch(keep_events=32).fit(RECORDS, baseline_until="2023-01-01")
    mon.update(RECORDS, as_of="2024-06-30")
    axes = cv.plot_timeline(mon, RECORDS, "stops")
    words = " ".join(text.get_text() for text in axes.texts)
    assert "LAPSED" in words
    assert "limit" in words
    last = RECORDS["time"][RECORDS["customer_id"] == "stops"].max()
    assert f"changed about {last}\n95 %: " in words
    assert axes.get_title(loc="left") == "Customer stops"
    assert axes.get_yscale() == "log"
    quiet = cv.plot_timeline(mon, RECORDS, "steady", until="2024-08-31", ax=axes.figure.subplots())
    assert "LAPSED" not in " ".join(text.get_text() for text in quiet.texts)
    with pytest.raises(ValueError, match="no purchase of customer 'nobody'"):
        cv.plot_timeline(mon, RECORDS, "nobody")
    with pytest.raises(ValueError, match="the watch begins after"):
        cv.plot_timeline(mon, RECORDS, "stops", until="2022-12-01")
