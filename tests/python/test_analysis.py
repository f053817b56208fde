"""analyse: one row per customer with every score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

Data = Callable[[str], Path]

COLUMNS = {
    "customer_id", "orders", "frequency", "recency", "T", "net_amount", "r", "f", "m", "score", "segment",
    "expected_purchases", "probability_no_purchase", "expected_spend", "lifetime_value", "state", "overdue_p",
    "since", "value_at_risk", "tier", "tier_since", "tier_keeps_until", "tier_to_next", "tier_reason",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop() -> cv.Analysis:
    return cv.analyse(cv.simulate_shop(customers=600, seed=11))


def test_one_row_per_customer(shop: cv.Analysis) -> None:
    customers = shop.customers
    assert set(customers.columns) >= COLUMNS
    assert len(customers) == 600
    priced = (customers["frequency"] == 0) | (customers["monetary_value"] > 0)
    np.testing.assert_array_equal(np.isfinite(customers["lifetime_value"]), priced)
    assert (customers["probability_no_purchase"] >= 0).all() and (customers["probability_no_purchase"] <= 1).all()
    assert set(customers["state"]) <= {"NEW", "ACTIVE", "WATCH", "PARTIAL", "LAPSED", "RECOVERED"}
    alarmed = np.isin(customers["state"].astype(str), ["PARTIAL", "LAPSED"])
    assert alarmed.any()
    assert (customers["value_at_risk"][alarmed] > 0).all()
    assert (customers["value_at_risk"][~alarmed] == 0).all()
    assert not np.isnat(customers["since"][alarmed]).any()
    assert all(customers["tier_reason"])


def test_tables_agree_with_each_other(shop: cv.Analysis) -> None:
    customers, segments = shop.customers, shop.segments
    assert segments["customers"].sum() == len(customers)
    assert segments["customer_share"].sum() == pytest.approx(1)
    assert segments["net_amount"].sum() == pytest.approx(customers["net_amount"].sum())
    assert segments["lapsed"].sum() == (customers["state"] == "LAPSED").sum()
    metrics = dict(zip(shop.metrics["metric"], shop.metrics["value"], strict=True))
    assert metrics["customers"] == 600
    assert metrics["lapsed"] == (customers["state"] == "LAPSED").sum()
    assert set(shop.alerts["customer_id"]) <= set(customers["customer_id"])
    assert all(shop.alerts["sentence"])
    assert shop.fits["purchases"]["converged"]
    assert "customers 600" in repr(shop)


def test_row_order_and_threads_do_not_matter() -> None:
    book = cv.simulate_shop(customers=200, seed=5)
    lines = book.transactions.to_dict()
    order = np.random.default_rng(0).permutation(len(lines["customer_id"]))
    one = cv.analyse(book, threads=1)
    names = {"order_id": "order_id", "kind": "kind"}
    other = cv.analyse({name: values[order] for name, values in lines.items()}, threads=3, **names)
    for name in one.customers.columns:
        np.testing.assert_array_equal(one.customers[name], other.customers[name], err_msg=name)


def test_as_of_and_tiers() -> None:
    book = cv.simulate_shop(customers=100, seed=5)
    program = {
        "name": "shop",
        "metric": "orders",
        "window": {"rolling_days": 90},
        "tiers": [{"name": "Base"}, {"name": "Regular", "threshold": 3}],
    }
    a = cv.analyse(book, tiers=program, horizon="90 days", baseline_until="2024-01-01")
    assert set(a.customers["tier"]) <= {"Base", "Regular"}
    assert a.horizon == "90 days"
    assert a.baseline_until.isoformat() == "2024-01-01"
    early = cv.analyse(book, as_of="2023-06-30")
    assert early.as_of.isoformat() == "2023-06-30"
    assert early.quality.rows_late > 0 and early.quality.rows_refused == 0
    with pytest.raises(ValueError, match="all lie after"):
        cv.analyse(book, as_of="2001-01-01")
    assert len(early.customers) < 100


def test_records_without_amounts_and_with_one_customer() -> None:
    a = cv.analyse({"customer_id": [1, 1, 2], "time": ["2024-01-01", "2024-02-01", "2024-01-15"]}, amount=None)
    assert len(a.customers) == 2
    assert not {"net_amount", "expected_spend", "lifetime_value", "value_at_risk"} & set(a.customers.columns)
    assert any("no amounts" in note or "amount" in note for note in a.notes)
    one = cv.analyse({"customer_id": ["x"], "time": ["2024-01-01"], "amount": [10.0]})
    assert len(one.customers) == 1
    assert one.notes
    assert "nobody watched" in repr(one)


def test_cdnow(data: Data) -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.read_csv(data("cdnow_master.csv"), dtype={"customer_id": str})
    a = cv.analyse(frame, customer="customer_id", time="date", amount="amount")
    assert len(a.customers) == 23_570
    assert a.fits["purchases"]["converged"] and a.fits["spend"]["converged"]
    states, counts = np.unique(a.customers["state"].astype(str), return_counts=True)
    assert counts.sum() == 23_570
    assert {"NEW", "ACTIVE", "LAPSED"} <= set(states)
    # Some came back for free samples alone: no amount, no expected spend.
    priced = (a.customers["frequency"] == 0) | (a.customers["monetary_value"] > 0)
    np.testing.assert_array_equal(np.isfinite(a.customers["lifetime_value"]), priced)
