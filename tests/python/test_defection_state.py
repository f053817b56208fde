"""Monitors saved, merged, late, and the intervals of their dates."""

from __future__ import annotations

import json

import numpy as np
import pytest

import clavis as cv
from test_defection import RECORDS, Log, days, rows, watch


def renamed(records: Log) -> Log:
    return {"who": records["customer_id"], "on": records["time"]}


def of(records: Log, *names: str) -> Log:
    chosen = np.isin(records["customer_id"].astype(str), names)
    return {name: values[chosen] for name, values in records.items()}


def test_a_saved_monitor_goes_on_as_if_it_had_never_stopped() -> None:
    columns = {"customer": "who", "time": "on"}
    whole = watch(keep_events=8).fit(renamed(RECORDS), baseline_until="2023-01-01", **columns)
    saved = cv.DefectionMonitor.from_bytes(whole.to_bytes())
    for as_of in ("2023-06-30", "2023-07-31", "2024-06-30"):
        expected = whole.update(renamed(RECORDS), as_of=as_of)
        found = saved.update(renamed(RECORDS), as_of=as_of)
        for name in ("customer_id", "state", "since", "sentence"):
            assert list(found[name]) == list(expected[name])
        assert saved.to_bytes() == whole.to_bytes()
        saved = cv.DefectionMonitor.from_bytes(saved.to_bytes(), threads=1)
    assert saved.params_ == whole.params_
    assert (saved.status_, saved.warnings_, saved.keep_events) == (whole.status_, whole.warnings_, 8)
    assert saved.limit_ == whole.limit_


def test_what_was_learned_is_saved() -> None:
    shop = cv.simulate_shop(customers=300, seed=4)
    mon = cv.DefectionMonitor(retained=(0, 0.25, 0.5)).fit(shop, baseline_until="2024-01-01")
    again = cv.DefectionMonitor.from_bytes(mon.to_bytes())
    assert again.params_ == mon.params_
    assert again.standard_errors_ == pytest.approx(mon.standard_errors_, nan_ok=True)
    assert again.retained == (0, 0.25, 0.5)
    assert again.visits_after_ == mon.visits_after_
    assert list(again.update(shop, as_of="2024-12-30")["sentence"]) == list(
        mon.update(shop, as_of="2024-12-30")["sentence"]
    )


def test_monitors_of_different_customers_merge() -> None:
    whole = watch().fit(RECORDS, baseline_until="2023-01-01")
    left = watch().fit(of(RECORDS, "once", "stops"), baseline_until="2023-01-01")
    right = watch().fit(of(RECORDS, "thins", "steady"), baseline_until="2023-01-01")
    assert left.merge(right) is left
    assert list(left.update(RECORDS, as_of="2024-06-30")["sentence"]) == list(
        whole.update(RECORDS, as_of="2024-06-30")["sentence"]
    )
    with pytest.raises(ValueError, match="is in both"):
        left.merge(left)
    other = cv.DefectionMonitor(r=3, alpha=14).fit(of(RECORDS, "once"), baseline_until="2023-01-01")
    with pytest.raises(ValueError, match="clocks differ"):
        left.merge(other)


def test_records_come_late_within_the_days_allowed() -> None:
    prompt, slow = of(RECORDS, "steady", "thins"), of(RECORDS, "stops", "once")
    punctual = watch().fit(RECORDS, baseline_until="2023-01-01")
    late = watch(reorder_days=10).fit(RECORDS, baseline_until="2023-01-01")
    expected: list[str] = []
    found: list[str] = []
    for day in days("2023-01-15", "2024-06-01", 5):
        expected += list(punctual.update(RECORDS, as_of=str(day - 10))["sentence"])
        # One shop's records are five days late.
        known = slow["time"] <= day - 5
        found += list(late.update(prompt, as_of=str(day))["sentence"])
        found += list(late.update({n: v[known] for n, v in slow.items()}, as_of=str(day))["sentence"])
        assert str(late.watched_until_) == str(day - 10)
    assert len(expected) == 2
    assert sorted(found) == sorted(expected)
    assert late.visits_waiting_ > 0


def test_intervals_come_with_the_events_kept() -> None:
    mon = watch(keep_events=16).fit(RECORDS, baseline_until="2023-01-01")
    alerts = rows(mon.update(RECORDS, as_of="2024-06-30"))
    for name, change in (("stops", "2023-04-01"), ("thins", "2023-03-01")):
        row = alerts[name]
        assert row["since_low"] <= row["since"] <= row["since_high"], name
        assert row["since_low"] <= np.datetime64(change) <= row["since_high"], name
    states = rows(mon.states())
    assert states["stops"]["since_high"] == alerts["stops"]["since_high"]
    assert np.isnat(states["steady"]["since_low"])


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"reading": {}, "learned": {}}', "[" * 60000, "NaN"])
def test_notes_of_strangers_are_refused(note: str) -> None:
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    with pytest.raises(ValueError, match="note that is none"):
        cv.DefectionMonitor.from_bytes(mon._fitted().to_bytes(note))


def test_a_note_of_other_types_is_refused() -> None:
    mon = watch().fit(RECORDS, baseline_until="2023-01-01")
    _, note = type(mon._fitted()).from_bytes(mon.to_bytes())
    for group, name, value in (
        ("learned", "params", {"r": "2"}),
        ("learned", "warnings", [1]),
        ("reading", "time", 3),
        ("learned", "customers", "4"),
    ):
        changed = json.loads(note)
        changed[group][name] = value
        with pytest.raises(ValueError, match="note that is none"):
            cv.DefectionMonitor.from_bytes(mon._fitted().to_bytes(json.dumps(changed)))
    assert json.loads(note)["learned"]["params"] == {"r": 2.0, "alpha": 14.0, "k": 1.0}


@pytest.mark.parametrize("data", [b"", b"CLVMON", b"CLVSUM" + bytes(40), bytes(100)])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="saved state"):
        cv.DefectionMonitor.from_bytes(data)
