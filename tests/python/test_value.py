"""RFM scores and segment maps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clavis as cv

Numbers = npt.NDArray[np.float64]


def table(days: Any, orders: Any, money: Any) -> dict[str, Any]:
    return {
        "recency": np.asarray(days, float),
        "frequency": np.asarray(orders, float),
        "monetary": np.asarray(money, float),
    }


@st.composite
def shops(draw: st.DrawFn) -> dict[str, Any]:
    size = draw(st.integers(1, 60))
    column = st.lists(st.integers(0, draw(st.integers(0, 40))), min_size=size, max_size=size)
    return table(draw(column), draw(column), draw(column))


@given(shops(), st.integers(1, 7), st.sampled_from(["low", "high", "midrank"]), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_scores_survive_units_bent_scales_and_row_order(s: dict[str, Any], bins: int, rule: str, kind: int) -> None:
    scores = cv.rfm(s, bins, rule=rule, quantile_type=kind)["score"]
    bent = table(np.sqrt(s["recency"]) / 7, np.exp(s["frequency"] / 10), s["monetary"] * 1.1 - 3)
    np.testing.assert_array_equal(cv.rfm(bent, bins, rule=rule, quantile_type=kind)["score"], scores)
    order = np.random.default_rng(1).permutation(len(scores))
    shuffled = {name: values[order] for name, values in s.items()}
    np.testing.assert_array_equal(cv.rfm(shuffled, bins, rule=rule, quantile_type=kind)["score"], scores[order])


@given(shops(), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_equal_values_score_equally_and_better_values_never_lower(s: dict[str, Any], bins: int) -> None:
    t = cv.rfm(s, bins)
    for axis, values in (("r", -s["recency"]), ("f", s["frequency"]), ("m", s["monetary"])):
        order = np.argsort(values)
        scores = t[axis][order]
        assert (np.diff(scores) >= 0).all()
        assert (np.diff(scores)[np.diff(values[order]) == 0] == 0).all()
        assert scores.min() >= 1
        assert scores.max() <= bins


def test_low_rule_is_qcut_where_breaks_are_apart() -> None:
    random = np.random.default_rng(3)
    money = random.gamma(2.0, 50.0, 1000)
    t = cv.rfm(table(random.gamma(2.0, 50.0, 1000), random.gamma(2.0, 50.0, 1000), money), bins=8)
    np.testing.assert_array_equal(t["m"], pd.qcut(money, 8, labels=False) + 1)
    np.testing.assert_allclose(t.breaks["m"], np.quantile(money, np.arange(1, 8) / 8), rtol=1e-14)


def test_uci_breaks_and_scores(data: Callable[[str], Path]) -> None:
    lines = pd.read_csv(data("online_retail.csv.gz"), dtype={"InvoiceNo": str, "StockCode": str})
    lines = lines[(lines["Quantity"] > 0) & (lines["UnitPrice"] > 0)]
    lines = lines.assign(amount=lines["Quantity"] * lines["UnitPrice"])

    def scored(until: str) -> cv.RfmTable:
        s = cv.summarize(
            lines, customer="CustomerID", time="InvoiceDate", amount="amount", order_id="InvoiceNo", observe_until=until
        )
        return cv.rfm(s)

    late, early = scored("2011-12-10"), scored("2011-12-09")
    assert len(late) == 4338
    np.testing.assert_allclose(late.breaks["r"], [13.8, 33, 72, 180], rtol=1e-14)
    np.testing.assert_allclose(early.breaks["r"], [12.8, 32, 71, 179], rtol=1e-14)
    np.testing.assert_array_equal(late["score"], early["score"])
    orders = lines.groupby("CustomerID")["InvoiceNo"].nunique().to_numpy()
    np.testing.assert_array_equal(late.breaks["f"], np.quantile(orders, [0.2, 0.4, 0.6, 0.8]))
    for order in np.unique(orders):
        assert len(np.unique(late["f"][orders == order])) == 1


def test_a_summary_made_from_columns_and_its_frame_score_alike() -> None:
    s = cv.Summary(
        frequency=[3, 1, 0, 7, 0],
        recency=[90 / 7, 43 / 7, 0, 80 / 7, np.nan],
        T=[100 / 7, 53 / 7, 80 / 7, 81 / 7, np.nan],
        monetary_value=[10, 20, 0, 5, np.nan],
    )
    t = cv.rfm(s, bins=3)
    assert t["r"][0] == t["r"][1]
    assert t["score"][4] == 111
    assert t.missing == {"r": 1, "f": 1, "m": 1}
    assert any("1 customer has no value" in note for note in t.notes)
    np.testing.assert_array_equal(cv.rfm(s.to_pandas(), bins=3)["score"], t["score"])
    np.testing.assert_array_equal(cv.rfm(s.to_arrow(), bins=3)["score"], t["score"])


def test_a_summary_without_amounts_scores_money_one() -> None:
    s = cv.summarize(
        {"who": ["b", "a", "b"], "day": ["2024-01-01", "2024-01-02", "2024-02-01"]}, customer="who", time="day"
    )
    t = cv.rfm(s, bins=2)
    assert t["customer_id"].tolist() == ["a", "b"]
    assert t["r"].tolist() == [1, 2]
    assert t["m"].tolist() == [1, 1]
    assert t.missing["m"] == 2


def test_named_columns_and_ids() -> None:
    frame = pd.DataFrame({"who": ["x", "y"], "gap": [1, 9], "n": [5, 1], "sum": [9.5, 1.5]})
    t = cv.rfm(frame, 2, recency="gap", frequency="n", monetary="sum", customer="who")
    assert t["customer_id"].tolist() == ["x", "y"]
    assert t["score"].tolist() == [222, 111]
    assert cv.rfm(frame, 2, recency="gap", frequency="n", monetary="sum", combine="mean")["score"].tolist() == [
        2.0,
        1.0,
    ]


def test_breaks_of_an_earlier_result_weighted_and_nested() -> None:
    random = np.random.default_rng(5)
    s = table(random.integers(0, 300, 400), random.integers(1, 20, 400), random.gamma(1.0, 100.0, 400))
    first = cv.rfm(s)
    np.testing.assert_array_equal(cv.rfm(s, breaks=first.breaks)["score"], first["score"])

    weighted = cv.rfm(s, breaks="weighted")
    sums = [s["monetary"][weighted["m"] <= score].sum() / s["monetary"].sum() for score in range(1, 5)]
    np.testing.assert_allclose(sums, [0.2, 0.4, 0.6, 0.8], atol=0.02)

    nested = cv.rfm(s, bins=3, nested=True)
    for r in (1, 2, 3):
        inside = nested["r"] == r
        part = {name: values[inside] for name, values in s.items()}
        np.testing.assert_array_equal(nested["f"][inside], cv.rfm(part, bins=3)["f"])


def test_segments() -> None:
    standard = cv.SegmentMap.standard()
    assert len(standard.names) == 10
    assert standard.check() == {"uncovered": [], "shadowed": [], "dead": []}
    german = standard.renamed({"champions": "Beste", "hibernating": "Schlafende"})
    s = table([1, 2, 300, 400], [9, 8, 1, 1], [900, 800, 10, 5])
    assert cv.rfm(s, segments=german)["segment"][0] == "Beste"

    holes = cv.SegmentMap({"top": (3, None, (2, 3)), "never": (3, 1, 3)}, bins=3)
    found = holes.check()
    assert (1, 1, 1) in found["uncovered"]
    assert found["shadowed"] == [1]
    assert found["dead"] == ["never"]
    t = cv.rfm(s, 3, segments=holes)
    assert set(t["segment"]) == {"top", None}
    assert any("without a name" in note for note in t.notes)
    assert "top: r 3, f 1 to 3, m 2 to 3" in repr(holes)
    with pytest.raises(ValueError, match="drawn on 3 bins"):
        cv.rfm(s, 5, segments=holes)
    with pytest.raises(ValueError, match="does not lie within 1 to 3"):
        cv.SegmentMap([("x", 4, None, None)], bins=3)
    with pytest.raises(ValueError, match="nobody"):
        standard.renamed({"nobody": "x"})


def test_degenerate_columns_are_flagged() -> None:
    t = cv.rfm(table([9, 9, 9], [2, 2, 2], [5, 5, 8]))
    assert t["r"].tolist() == [5, 5, 5]
    assert t["f"].tolist() == [1, 1, 1]
    assert all(t.degenerate.values())
    assert t.empty_bins["r"] == 4
    assert len(cv.rfm(table([], [], []))) == 0


@pytest.mark.parametrize(
    ("change", "keywords", "message"),
    [
        ({"monetary": [1, np.inf]}, {}, 'rfm, column "monetary", row 1: "inf" is not finite'),
        ({"recency": [-1, 1]}, {}, 'rfm, column "recency", row 0: "-1" is negative'),
        ({"frequency": ["a", "b"]}, {}, 'rfm, column "frequency", row 0: "a" is not a number'),
        ({}, {"frequency": "visits"}, 'there is no column "visits"'),
        ({}, {"bins": 0}, "0 bins"),
        ({}, {"rule": "best"}, '"best" is no score rule'),
        ({}, {"breaks": "jenks"}, '"jenks" is no kind of breaks'),
        ({}, {"breaks": {"r": [1]}}, "f, m missing"),
        ({}, {"breaks": {"r": [1], "f": [1], "m": [1]}}, "5 bins need 4"),
        ({}, {"quantile_type": 10}, "quantile type 10"),
        ({}, {"combine": "sum"}, "digits or mean"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], keywords: dict[str, Any], message: str) -> None:
    s: dict[str, Any] = {"recency": [1, 2], "frequency": [1, 2], "monetary": [1.0, 2.0], **change}
    with pytest.raises(ValueError, match=message):
        cv.rfm(s, **keywords)


def test_concentration() -> None:
    c = cv.concentration([541, 1463, 2445, 3438, 4437, 5401, 6392, 8304, 11904, 22261])
    assert c.gini == pytest.approx(0.4620911303, abs=5e-11)
    assert c.gini_unbiased == pytest.approx(0.5134345892, abs=5e-11)
    firms = cv.concentration([30, 30, 20, 20])
    assert firms.hhi == pytest.approx(0.26, rel=1e-14)
    assert firms.effective_n == pytest.approx(1 / 0.26, rel=1e-14)
    assert firms.top_share(0.3) == pytest.approx(0.36, rel=1e-14)
    assert firms.top_share(0.3, whole=True) == pytest.approx(0.6, rel=1e-14)
    assert firms.holders_of(0.45) == pytest.approx(0.375, rel=1e-14)
    assert repr(firms).startswith("Concentration(n=4, gini=0.1000")
    assert np.isnan(cv.concentration([]).gini)
    with pytest.raises(ValueError, match="row 1: is missing or not finite"):
        cv.concentration([1, np.nan])
    with pytest.raises(ValueError, match="between 0 and 1"):
        firms.top_share(20)


def test_concentration_of_uci(data: Callable[[str], Path]) -> None:
    lines = pd.read_csv(data("online_retail.csv.gz"), dtype={"InvoiceNo": str, "StockCode": str})
    s = cv.summarize(
        lines.assign(amount=lines["Quantity"] * lines["UnitPrice"]),
        customer="CustomerID",
        time="InvoiceDate",
        amount="amount",
    )
    c = cv.concentration(s["net_amount"])
    assert c.n == 4372
    assert c.negative == 41
    assert c.gini == pytest.approx(0.7092835734, abs=5e-11)
    assert c.top_share(0.2, whole=True) == pytest.approx(0.73847075, abs=5e-9)  # the largest 875
    sales = np.sort(s["net_amount"])[::-1]
    between = sales[:874].sum() + 0.4 * sales[874]  # a fifth of 4,372 is 874.4
    assert c.top_share(0.2) == pytest.approx(between / sales.sum(), rel=1e-12)
