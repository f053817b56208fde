"""Summarizer states as bytes: the same for every split of the rows, and safe to read."""

from __future__ import annotations

import numpy as np
import pytest

import clavis as cv

NAMES = {"customer": "who", "time": "day", "amount": "paid"}


def log(seed: int, size: int, text: bool) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    ids = random.integers(0, 80, size)
    who = np.array([f"c{i}" for i in ids], dtype=object) if text else ids
    day = np.datetime64("2024-01-01") + random.integers(0, 400, size).astype("timedelta64[D]")
    return {"who": who, "day": day, "paid": np.round(random.normal(20, 15, size), 2)}


def part(table: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[rows] for name, values in table.items()}


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("shards", [1, 3, 64])
def test_any_split_gives_the_same_bytes(text: bool, shards: int) -> None:
    table = log(1, 3000, text)
    expected = cv.Summarizer(**NAMES).update(table)
    random = np.random.default_rng(shards)
    order = random.permutation(3000)
    cuts = np.sort(random.integers(0, 3000, shards - 1))
    states = [
        cv.Summarizer(**NAMES, threads=1 + i % 3).update(part(table, rows))
        for i, rows in enumerate(np.split(order, cuts))
    ]
    while len(states) > 1:
        states[0].merge(cv.Summarizer.from_bytes(states.pop().to_bytes()))
    assert states[0].to_bytes() == expected.to_bytes()
    assert isinstance(expected.to_bytes(), bytes)
    a, b = states[0].finish(), expected.finish()
    assert a.columns == b.columns
    for name in a.columns:
        np.testing.assert_array_equal(a[name], b[name])


def test_a_state_goes_on_after_bytes() -> None:
    table = log(2, 500, True)
    first, second = part(table, np.arange(200)), part(table, np.arange(200, 500))
    saved = cv.Summarizer(**NAMES, unit="day", observe_until="2025-12-31").update(first).to_bytes()
    state = cv.Summarizer.from_bytes(saved, **NAMES).update(second)
    whole = cv.summarize(table, **NAMES, unit="day", observe_until="2025-12-31")
    assert state.finish().unit == "day"
    np.testing.assert_array_equal(state.finish().T, whole.T)
    np.testing.assert_array_equal(state.finish().net_amount, whole.net_amount)


def test_amounts_go_on_under_their_usual_name() -> None:
    table = {"customer_id": [1, 2], "time": ["2024-01-01", "2024-01-02"], "amount": [1.0, 2.0]}
    for amount in ("amount", None):
        saved = cv.Summarizer(amount=amount).update(table).to_bytes()
        state = cv.Summarizer.from_bytes(saved).update(table)
        assert state.to_bytes() == cv.Summarizer(amount=amount).update(table).update(table).to_bytes()


def test_refused_rows_keep_counts_but_no_row_numbers() -> None:
    table = {"who": [1, 2, 3, 4], "day": ["2024-01-01"] * 4, "paid": ["1", "x", "y", "x"]}
    state = cv.Summarizer(**NAMES, on_bad_rows="refuse").update(table)
    read = cv.Summarizer.from_bytes(state.to_bytes(), **NAMES)
    assert read.quality.rows_read == 4
    assert read.quality.rows_used == 1
    assert sum(entry["count"] for entry in read._state.quality()["refused"]) == 3


def test_what_is_no_state_is_an_error() -> None:
    saved = cv.Summarizer(**NAMES).update(log(3, 50, False)).to_bytes()
    for bad in (
        b"",
        b"CLVSUM",
        saved[:-1],
        saved + b"\0",
        saved[:40] + bytes([saved[40] ^ 1]) + saved[41:],
        saved[::-1],
    ):
        with pytest.raises(ValueError, match="state"):
            cv.Summarizer.from_bytes(bad)
    with pytest.raises(ValueError, match="equal options"):
        cv.Summarizer(**NAMES, unit="day").merge(cv.Summarizer.from_bytes(saved))


def test_purchase_days_take_few_bytes() -> None:
    random = np.random.default_rng(4)
    customers, rows = 20_000, 200_000
    table = {
        "who": np.r_[np.arange(customers), random.integers(0, customers, rows - customers)],
        "day": np.datetime64("2022-01-01") + random.integers(0, 730, rows).astype("timedelta64[D]"),
        "paid": np.round(random.gamma(6.25, 4, rows) + 0.01, 2),
    }
    saved = cv.Summarizer(**NAMES).update(table).to_bytes()
    assert len(saved) / customers <= 48  # ten lines and ten days each


@pytest.mark.parametrize("collapse", ["none", "hour", "day"])
def test_shards_of_dates_and_of_instants_that_do_not_count(collapse: str) -> None:
    dates = {"customer_id": [1, 1], "time": ["2019-01-01", "2019-03-01"]}
    unattributed = {"customer_id": [None], "time": ["2020-01-01T18:54:19"]}

    def state(*batches: dict[str, list[object]]) -> cv.Summarizer:
        one = cv.Summarizer(collapse=collapse)
        for batch in batches:
            one.update(batch)
        return one

    whole = state(dates, unattributed).to_bytes()
    assert state(unattributed, dates).to_bytes() == whole
    assert state(dates).merge(state(unattributed)).to_bytes() == whole
    assert state(unattributed).merge(state(dates)).to_bytes() == whole
    assert cv.Summarizer.from_bytes(whole).finish().frequency.tolist() == [1]


def test_states_of_unequal_options_say_which_differ() -> None:
    with pytest.raises(ValueError, match="these differ: unit, include_first"):
        cv.Summarizer(unit="day").merge(cv.Summarizer(unit="week", include_first=True))
    log = {"customer_id": [1], "time": ["2024-01-01"]}
    with pytest.raises(ValueError, match="these differ: skip_late"):
        cv.Summarizer(skip_late=True).update(log).merge(cv.Summarizer().update(log))


def test_money_is_there_where_no_customer_is() -> None:
    found = cv.summarize({"customer_id": [None], "time": ["2024-01-01"], "amount": [1.0]}, amount="amount")
    assert len(found) == 0
    assert found.net_amount.dtype == np.float64
    assert found.quality.amount_without_customer == 1.0
