"""Tier programmes."""

from __future__ import annotations

import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clavis as cv

SHOP: dict[str, Any] = {
    "name": "shop",
    "metric": "spend",
    "window": {"rolling_days": 365},
    "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 100}],
}
COLUMNS = ["customer_id", "tier", "since", "qualified_by", "keeps_until", "to_next", "reason"]
FIRST = datetime.date(2024, 1, 1)


def program(**changes: Any) -> cv.TierProgram:
    return cv.TierProgram.from_json({**SHOP, **changes})


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


def test_the_smallest_programme() -> None:
    log = {"customer_id": [1, 1, 2], "time": ["2024-01-05", "2024-03-01", "2024-02-01"], "amount": [60, 55, 20]}
    t = program().replay(log, as_of="2024-06-30")
    assert t.columns[:7] == COLUMNS
    assert t["customer_id"].tolist() == [1, 2]
    assert t["tier"].tolist() == ["Silver", "Base"]
    assert t["since"].tolist() == [datetime.date(2024, 3, 1), datetime.date(2024, 2, 1)]
    assert t["qualified_by"][0] == day("2024-03-01")
    assert np.isnat(t["qualified_by"][1])
    # The window of 2025-01-03 begins on 2024-01-05, that of the next day has lost the 60.
    assert t["keeps_until"][0] == day("2025-01-03")
    assert np.isnat(t["keeps_until"][1])
    assert np.isnan(t["to_next"][0])
    assert t["to_next"][1] == 80
    assert "spending 55.00 brought the last 365 days to 115.00; Silver needs 100.00" in t["reason"][0]
    assert "80.00 more reaches Silver" in t["reason"][1]
    assert program().replay(log)["tier"].tolist() == ["Silver", "Base"]  # as of the last day in the records


def test_the_window_holds_exactly_its_days() -> None:
    log = {"customer_id": ["a"], "time": ["2023-03-04"], "amount": [100.0]}
    tiers = {
        text: program().replay(log, as_of=text)["tier"].tolist()
        for text in ("2023-03-03", "2023-03-04", "2024-03-02", "2024-03-03")
    }
    assert tiers == {"2023-03-03": [], "2023-03-04": ["Silver"], "2024-03-02": ["Silver"], "2024-03-03": ["Base"]}


def test_amounts_are_exact() -> None:
    log = {"customer_id": [1] * 3, "time": ["2024-01-05"] * 3, "amount": [0.1, 0.1, 0.1]}
    for threshold in (0.3, "0.3", decimal.Decimal("0.30")):
        exact = program(tiers=[{"name": "Base"}, {"name": "Silver", "threshold": threshold}])
        assert exact.replay(log)["tier"].tolist() == ["Silver"]
    above = program(tiers=[{"name": "Base"}, {"name": "Silver", "threshold": "0.300001"}])
    assert above.replay(log)["tier"].tolist() == ["Base"]


def test_returns_orders_and_local_days() -> None:
    log = {
        "customer_id": [1, 1, 1],
        "time": ["2024-01-05", "2024-02-01", "2024-02-20"],
        "amount": [90.0, 20.0, -10.01],
    }
    t = program().replay(log, as_of="2024-02-20")
    assert t["tier"][0] == "Base"
    assert t["since"][0] == day("2024-02-20")
    assert t["to_next"][0] == pytest.approx(0.01, abs=1e-12)
    assert "a return took" in t["reason"][0]

    visits = {"customer_id": [1, 1], "time": ["2024-01-05", "2024-02-01"]}
    regular = program(metric="orders", tiers=[{"name": "Base"}, {"name": "Regular", "threshold": 2}])
    assert regular.replay(visits)["tier"].tolist() == ["Regular"]
    with pytest.raises(ValueError, match='no column "amount"'):
        program().replay(visits)

    night = {"customer_id": [1], "time": np.array(["2024-01-05T23:30"], "datetime64[s]"), "amount": [100]}
    assert program().replay(night, time_zone="Europe/Berlin")["since"][0] == day("2024-01-06")


def test_books_and_frames() -> None:
    frame = pd.DataFrame({"who": ["x", "y"], "at": pd.to_datetime(["2024-01-05", "2024-01-06"]), "paid": [120, 5]})
    names = {"customer_id": "who", "time": "at", "amount": "paid"}
    book = cv.CustomerBook(frame, columns={"transactions": names})
    direct = program().replay(frame, customer="who", time="at", amount="paid")
    for found in (
        program().replay(book),
        program().replay(frame.sample(frac=1, random_state=1), customer="who", time="at", amount="paid"),
    ):
        assert found["tier"].tolist() == direct["tier"].tolist() == ["Silver", "Base"]
    shop = cv.simulate_shop(customers=60, seed=4, days=300)
    assert set(program().replay(shop)["tier"]) <= {"Base", "Silver"}


Purchases = list[tuple[int, int, int]]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120), st.integers(-60, 90)), min_size=1, max_size=40),
    st.integers(1, 50),
    st.integers(0, 130),
)
@settings(max_examples=60, deadline=None)
def test_replay_is_a_recount_of_the_window(purchases: Purchases, length: int, at: int) -> None:
    purchases.append((0, 0, 1))
    rules = program(
        window={"rolling_days": length},
        tiers=[{"name": "0"}, {"name": "1", "threshold": 50}, {"name": "2", "threshold": 120}],
    )
    frame = pd.DataFrame(purchases, columns=["customer_id", "day", "amount"])
    frame["time"] = [FIRST + datetime.timedelta(days=offset) for offset in frame["day"]]

    def tier(customer: int, today: int) -> int:
        counted = [a for c, d, a in purchases if c == customer and today - length < d <= today]
        return 2 if sum(counted) >= 120 else 1 if sum(counted) >= 50 else 0

    t = rules.replay(frame, as_of=FIRST + datetime.timedelta(days=at))
    seen = sorted({c for c, d, _ in purchases if d <= at})
    assert t["customer_id"].tolist() == seen
    assert t["tier"].tolist() == [str(tier(customer, at)) for customer in seen]
    # What comes later is invisible, and so is the order of rows.
    past = frame[frame["day"] <= at].sample(frac=1, random_state=1)
    assert rules.replay(past, as_of=FIRST + datetime.timedelta(days=at))["reason"].tolist() == t["reason"].tolist()

    stays = rules.intervals(frame, until=FIRST + datetime.timedelta(days=at))
    for i in range(len(stays)):
        first = int((stays["from"][i] - np.datetime64(FIRST)).astype(int))
        last = at if np.isnat(stays["to"][i]) else int((stays["to"][i] - np.datetime64(FIRST)).astype(int))
        customer = int(stays["customer_id"][i])
        assert {tier(customer, today) for today in range(first, last + 1)} == {int(stays["tier"][i])}


def test_intervals_say_why() -> None:
    log = {"customer_id": [7, 7, 7], "time": ["2022-01-10", "2022-02-15", "2022-02-25"], "amount": [100, -50, 500]}
    balance = program(
        window={"lifetime": True},
        tiers=[{"name": "Basic"}, {"name": "Silver", "threshold": 100}, {"name": "Gold", "threshold": 500}],
    )
    t = balance.intervals(log)
    assert t.columns == ["customer_id", "from", "to", "tier", "cause", "metric", "threshold", "change"]
    assert t["tier"].tolist() == ["Silver", "Basic", "Gold"]
    assert t["cause"].tolist() == ["purchase", "return", "purchase"]
    assert t["metric"].tolist() == [100, 50, 550]
    assert t["threshold"].tolist() == [100, 100, 500]
    assert t["to"].tolist() == [datetime.date(2022, 2, 14), datetime.date(2022, 2, 24), None]


def test_keep_and_validity() -> None:
    log = {"customer_id": [1, 1], "time": ["2024-01-01", "2024-01-20"], "amount": [70, 40]}
    tiers = [{"name": "Base"}, {"name": "Silver", "threshold": 100, "keep": 40}]
    keep = program(window={"rolling_days": 30}, tiers=tiers)
    assert keep.replay(log, as_of="2024-02-10")["tier"].tolist() == ["Silver"]
    assert keep.replay(log, as_of="2024-02-10")["keeps_until"][0] == day("2024-02-18")
    valid = program(window={"rolling_days": 30}, tiers=tiers, validity={"days": 10})
    assert valid.replay(log, as_of="2024-02-10")["keeps_until"][0] == day("2024-02-28")


def test_documents(tmp_path: Path) -> None:
    path = tmp_path / "program.json"
    path.write_text(json.dumps(SHOP), encoding="utf-8")
    for source in (path, str(path), json.dumps(SHOP), SHOP):
        assert cv.TierProgram.from_json(source) == program()
    assert program().name == "shop"
    assert program().metric == "spend"
    assert program().tiers == ["Base", "Silver"]
    assert cv.TierProgram.from_json(program().to_json()) == program()
    assert repr(program()).startswith('TierProgram({"name":"shop"')

    path.write_bytes(b'{"name": "\xff"}')
    with pytest.raises(ValueError, match="not UTF-8"):
        cv.TierProgram.from_json(path)
    path.write_text(" " * (2 << 20), encoding="utf-8")
    with pytest.raises(ValueError, match="larger than 1 MB"):
        cv.TierProgram.from_json(path)
    with pytest.raises(TypeError, match="from_json"):
        cv.TierProgram(SHOP)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tiers": []}, "there is no tier"),
        ({"tiers": [{"name": "A"}, {"name": "B"}]}, r"tiers\[1\]: threshold is missing"),
        (
            {"tiers": [{"name": "A"}, {"name": "B", "threshold": "many"}]},
            r'tiers\[1\].threshold: "many" is not a number',
        ),
        ({"tiers": [{"name": "A"}, {"name": "B", "threshold": float("nan")}]}, "not JSON compliant"),
        ({"window": {"rolling_days": 0}}, "0 does not lie between 1 and 36500"),
        ({"metric": "love"}, '"love" is not one of spend, orders'),
        ({"colour": "red"}, 'unknown key "colour"'),
    ],
)
def test_bad_documents_are_refused_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        program(**changes)


def test_what_was_known_on_a_day_is_replayed() -> None:
    # The second purchase came to be known in April only.
    log = {
        "customer_id": [1, 1],
        "time": ["2024-01-05", "2024-02-05"],
        "amount": [60.0, 60.0],
        "known_time": ["2024-01-05", "2024-04-01"],
    }
    names = program().tiers
    of = [
        str(program().replay(log, as_of="2024-03-01", known_at=day)["tier"][0]) for day in ("2024-03-01", "2024-04-01")
    ]
    assert of == [names[0], names[1]]
    then = {name: values[:1] for name, values in log.items()}
    late = program().intervals(log, until="2024-03-01", known_at="2024-03-01")
    assert repr(late) == repr(program().intervals(then, until="2024-03-01"))


def test_bad_input_is_named() -> None:
    log: dict[str, Any] = {"customer_id": [1], "time": ["2024-01-05"], "amount": [1.0]}
    with pytest.raises(ValueError, match="all became known after known_at"):
        program().replay(log, known_at="2024-01-01")
    with pytest.raises(ValueError, match='column "amount", row 0'):
        program().replay({**log, "amount": ["much"]})
    with pytest.raises(ValueError, match="2024-02-30"):
        program().replay(log, as_of="2024-02-30")
