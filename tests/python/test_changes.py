"""Reasons that add up to the cent, and shares of wallet that move."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import pytest

import clavis as cv

BEFORE = ("2024-01-01", "2024-06-30")
AFTER = ("2024-07-01", "2024-12-31")


@functools.cache
def shop() -> cv.CustomerBook:
    return cv.simulate_shop(customers=1200, seed=23)


def test_effects_and_categories_add_up_for_every_customer() -> None:
    why = cv.explain_change(shop(), before=BEFORE, after=AFTER)
    lines = shop().transactions
    day = lines["time"].astype("datetime64[D]")
    cents = np.round(lines["amount"] * 100).astype(int)
    for period, name in ((BEFORE, "before"), (AFTER, "after")):
        inside = (day >= np.datetime64(period[0])) & (day <= np.datetime64(period[1]))
        exact = {int(one): Fraction(0) for one in why["customer_id"]}
        for customer, amount in zip(lines["customer_id"][inside].tolist(), cents[inside].tolist(), strict=True):
            exact[customer] += Fraction(amount, 100)
        np.testing.assert_allclose(
            why[name], [float(exact[int(one)]) for one in why["customer_id"]], rtol=1e-14, atol=1e-9
        )
    effects = sum(why[name] for name in ("visits", "items", "price", "returns"))
    scale = np.maximum(np.abs(why["before"]), np.abs(why["after"]))
    gross = np.where(why["kind"] == "RETURNING", 1e4, 0)
    assert (np.abs(effects - why["change"]) <= 1e-12 * (scale + gross)).all()
    by_customer = dict.fromkeys(why["customer_id"].tolist(), 0.0)
    for customer, change in zip(why.categories["customer_id"].tolist(), why.categories["change"].tolist(), strict=True):
        by_customer[customer] += change
    np.testing.assert_allclose(why["change"], list(by_customer.values()), atol=1e-8)
    assert {"CHANGED", "COMPLETE", "APPEARED"} <= set(why["kind"])
    gone = why["kind"] == "COMPLETE"
    assert (why["reason_1"][gone] == "COMPLETE").all()
    np.testing.assert_array_equal(why["visits"][gone], why["change"][gone])


def test_what_a_hand_made_customer_did() -> None:
    log = {
        "customer_id": [1, 1, 1, 1, 2, 2, 1],
        "time": ["2024-01-05", "2024-02-05", "2024-02-05", "2024-07-09", "2024-01-01", "2024-08-01", "2024-07-20"],
        "amount": [30.0, 20.0, 10.0, 20.0, 50.0, 200.0, -20.0],
        "quantity": [3, 2, 1, 1, 1, 1, 1],
        "category": ["tea", "tea", "cups", "tea", "tea", "tea", "tea"],
    }
    wallet = {"customer_id": [1, 1], "period": ["2024-Q1", "2024-Q4"], "competitor_spend": [0.0, 91.0]}
    contacts = {"customer_id": [1, 1], "time": ["2024-05-01", "2024-02-01"], "kind": ["complaint", "praise"]}
    book = cv.CustomerBook(log, wallet=wallet, contacts=contacts)
    why = cv.explain_change(book, [2, 1], BEFORE, AFTER, causes=["complaint", "praise"])
    assert why["customer_id"].tolist() == [2, 1]
    assert why["change"].tolist() == [150, -60]
    assert why["price"][0] == pytest.approx(150)  # one visit, one item, four times the price
    assert why["kind"].tolist() == ["CHANGED", "CHANGED"]
    assert why["returns"][1] == -60  # all that was bought came back
    assert why["competitors"][1] == pytest.approx(91 * 184 / 92)
    assert np.isnan(why["competitors"][0])
    assert why["reason_1"][1] in ("RETURNS", "COMPETITOR_GAIN")
    assert "EVENT:complaint" in [why[f"reason_{k}"][1] for k in (1, 2, 3)]
    assert why.reasons(2) == ["PRICE_PER_ITEM: +150.00 of +150.00"]
    tea = why.categories
    assert tea["change"][(tea["customer_id"] == 1) & (tea["category"] == "cups")].tolist() == [-10]
    with pytest.raises(ValueError, match="not asked about customer 9"):
        why.reasons(9)
    with pytest.raises(ValueError, match="must not overlap"):
        cv.explain_change(book, None, BEFORE, BEFORE)
    with pytest.raises(ValueError, match="before and after are needed"):
        cv.explain_change(book)
    with pytest.raises(ValueError, match="ends before it begins"):
        cv.explain_change(book, None, BEFORE[::-1], AFTER)


def test_planted_losses_of_share_are_found() -> None:
    moved = cv.share_changes(shop(), "2023-Q3", "2024-Q4")
    assert set(moved["direction"]) <= {"RISING", "FALLING", "FLAT", "UNDEFINED"}
    known = moved["direction"] != "UNDEFINED"
    assert moved.counts["undefined"] == (~known).sum()
    assert moved.parts["falling"] == pytest.approx(np.mean(moved["change"][known] < 0))
    assert moved.parts["significant_falling"] == pytest.approx(np.mean(moved["direction"][known] == "FALLING"))
    growing = moved["growing_but_losing_share"]
    assert (moved["own_after"] > moved["own_before"])[growing].all()
    wide = moved["change_high"][known] - moved["change_low"][known]
    assert (wide >= 0).all()
    # The wallet panel itself says what the share is.
    wallet = shop().wallet
    row = int(np.flatnonzero((wallet["period"] == "2024-Q4") & (wallet["category_spend"] > 0))[0])
    place = np.flatnonzero(moved["customer_id"] == wallet["customer_id"][row])[0]
    own = wallet["category_spend"][row] - wallet["competitor_spend"][row]
    assert moved["own_after"][place] == pytest.approx(own, abs=0.02 + 0.25 * wallet["category_spend"][row])
    with pytest.raises(ValueError, match="no table wallet"):
        cv.share_changes(cv.CustomerBook(shop().transactions))
    with pytest.raises(ValueError, match="no period '1999'"):
        cv.share_changes(shop(), "1999")


def test_the_waterfall_ends_where_spend_ends() -> None:
    pytest.importorskip("matplotlib")
    why = cv.explain_change(shop(), before=BEFORE, after=AFTER)
    ax = cv.plot_reasons(why)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights[0] == pytest.approx(why["before"].sum())
    assert sum(heights[:-1]) == pytest.approx(heights[-1])
    customer = why["customer_id"][5]
    assert f"customer {customer}" in cv.plot_reasons(why, customer, ax=ax).get_title(loc="left")
    with pytest.raises(ValueError, match="not asked about"):
        cv.plot_reasons(why, -1)


def test_events_are_looked_for_before_each_customers_own_change() -> None:
    visits = np.arange("2024-01-01", "2024-12-31", 7, dtype="datetime64[D]")
    log = {
        "customer_id": np.repeat(["early", "late", "unknown"], len(visits)).astype(object),
        "time": np.tile(visits, 3),
        "amount": np.full(3 * len(visits), 10.0),
    }
    # All complain on 1 February: 30 days before the first one's change, 151 days before the half-year.
    contacts = {
        "customer_id": ["early", "late", "unknown", "early"],
        "time": ["2024-02-01", "2024-02-01", "2024-02-01", "2024-03-03"],
        "kind": ["complaint", "complaint", "complaint", "praise"],
    }
    book = cv.CustomerBook(log, contacts=contacts)
    states = {
        "customer_id": np.array(["early", "early", "late", "stranger"], dtype=object),
        "since": np.array(["2023-01-01", "2024-03-02", "NaT", "2024-02-02"], dtype="datetime64[D]"),
    }
    names = ["early", "late", "unknown"]
    causes = ["complaint", "praise"]

    def events(**options: object) -> list[list[str]]:
        why = cv.explain_change(book, names, BEFORE, AFTER, causes=causes, **options)  # type: ignore[arg-type]
        told = [[why[f"reason_{k}"][i] for k in (1, 2, 3)] for i in range(3)]
        return [[reason for reason in one if reason and reason.startswith("EVENT")] for one in told]

    # 3 March is 120 days before July.
    assert events() == [[], [], []]
    assert events(states=states) == [["EVENT:complaint"], [], []]
    on_the_day = {"customer_id": np.array(["late"], dtype=object), "since": np.array(["2024-02-01"], "datetime64[D]")}
    assert events(states=on_the_day)[1] == ["EVENT:complaint"]
    long_after = {"customer_id": np.array(["late"], dtype=object), "since": np.array(["2024-05-02"], "datetime64[D]")}
    assert events(states=long_after)[1] == []
    with pytest.raises(ValueError, match='column "since" with dates'):
        events(states={"customer_id": names})
