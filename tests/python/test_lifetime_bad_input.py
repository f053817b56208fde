"""Rows that cannot be give an error that names column, row and value; what cannot be known is said in the report."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import clavis as cv

PURCHASES = [cv.NBD, cv.BetaGeoNBD, cv.ModifiedBetaGeoNBD, cv.ParetoNBD, cv.GammaGompertzNBD]
MODELS = pytest.mark.parametrize("model", PURCHASES, ids=lambda model: model.__name__)


def rows(**changed: tuple[int, float]) -> dict[str, Any]:
    """Eight customers, of whom single values are changed: ``recency=(1, 99.0)`` is row 1."""
    table: dict[str, Any] = {
        "frequency": np.array([0.0, 2, 5, 1, 0, 3, 0, 1]),
        "recency": np.array([0.0, 10, 30.5, 4, 0, 22, 0, 7]),
        "T": np.array([38.0, 38.5, 36, 30, 31, 35, 12, 33]),
        "monetary_value": np.array([0.0, 22, 35, 12, 0, 17.5, 0, 50]),
        "weights": np.ones(8),
    }
    for name, (row, value) in changed.items():
        table[name][row] = value
    return table


BAD = [
    (rows(recency=(1, 99.0)), r'"recency", row 1: "99(\.0)?" is (later than T|above T)'),
    (rows(recency=(0, 3.0)), r'"recency", row 0: "3(\.0)?" is above 0'),
    (rows(recency=(1, np.nan)), r'"recency", row 1: "nan"'),
    (rows(recency=(1, -1.0)), r'"recency", row 1: "-1(\.0)?" is negative'),
    (rows(frequency=(1, -2.0)), r'"frequency", row 1: "-2.0" is negative'),
    (rows(frequency=(1, 2.5)), r'"frequency", row 1: "2.5" is not a whole number'),
    (rows(frequency=(1, np.nan)), r'"frequency", row 1: "nan" is not a whole number'),
    (rows(frequency=(1, 3e9)), r'"frequency", row 1: "3000000000.0" is too large'),
    (rows(T=(4, -1.0)), r'"T", row 4: "-1(\.0)?" is negative'),
    (rows(T=(1, np.inf)), r'"T", row 1: "inf" is'),
    (rows(T=(1, np.nan)), r'"frequency", row 1: "2" is above 0 where T is missing'),
    (rows(weights=(1, -1.0)), r'"weights", row 1: "-1(\.0)?" is'),
    (rows(weights=(1, np.nan)), r'"weights", row 1: "nan" is'),
]


@pytest.mark.parametrize(("table", "message"), BAD, ids=[message for _, message in BAD])
def test_rows_that_cannot_be(table: dict[str, Any], message: str) -> None:
    for model in (cv.BetaGeoNBD, cv.ParetoNBD):
        with pytest.raises(ValueError, match=message):
            model().fit(table)
    given = cv.ParetoNBD(r=0.5, alpha=10.0, s=0.6, beta=11.0, unit="week")
    if "weights" not in message:  # which predictions do not read
        with pytest.raises(ValueError, match=message):
            given.expected_purchases(table, 10)
    with pytest.raises(ValueError, match=message):
        cv.Summary(table["frequency"], table["recency"], table["T"], weights=table["weights"])


@MODELS
@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"frequency": [0] * 8, "recency": [0.0] * 8, "T": rows()["T"]}, "no customer bought again"),
        ({"frequency": [0] * 8, "recency": [0.0] * 8, "T": [0.0] * 8}, "no customer bought again"),
        ({"frequency": [2], "recency": [5.0], "T": [9.0]}, "one customer only"),
        ({"frequency": [3, 3, 3] * 9, "recency": [9.0] * 27, "T": [9.0] * 27}, "not identified"),
    ],
    ids=["nobody again", "no time", "one", "all alike"],
)
def test_what_cannot_be_known_is_said(model: type[Any], table: dict[str, Any], words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said in the report, not on the terminal
        fit = model().fit(table)
    report = fit.report_
    assert not report.converged
    assert report.status.startswith("not converged")
    assert any(words in text for text in report.warnings), report.warnings
    assert all(np.isfinite(value) and value > 0 for value in fit.params_.values())
    assert "not converged" in repr(fit) and "not converged" in fit._repr_html_()


def test_fewer_customers_than_parameters() -> None:
    two = {"frequency": [2, 5], "recency": [10.0, 30.5], "T": [38.5, 36.0], "monetary_value": [22.0, 35.0]}
    for model in (cv.BetaGeoNBD, cv.ParetoNBD, cv.GammaGamma):
        report = model().fit(two).report_
        assert not report.converged
        assert any("fewer customers than parameters: 2 for" in text for text in report.warnings)


@MODELS
def test_an_age_of_nothing_is_a_row_like_any_other(model: type[Any]) -> None:
    fit = model().fit({name: values for name, values in rows(T=(4, 0.0)).items() if name != "weights"})
    assert fit.report_.rows == 8
    assert np.isfinite(fit.report_.log_likelihood)
    assert np.isfinite(fit.expected_purchases(rows(T=(4, 0.0)), 10)).all()


@pytest.mark.parametrize("value", [0.0, -5.0])
def test_spend_that_nets_to_nothing_is_left_out_and_counted(value: float) -> None:
    table = rows(monetary_value=(1, value))
    fit = cv.GammaGamma(q=3.0).fit(table)
    assert fit.report_.left_out == 1
    assert "1 customer with repeat purchases left out: monetary_value is zero or negative" in fit.report_.warnings[0]
    assert np.isnan(fit.expected_spend(table)).tolist() == [row == 1 for row in range(8)]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_spend_that_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match=r'"monetary_value", row 1: ".*" is not a finite amount'):
        cv.GammaGamma().fit(rows(monetary_value=(1, value)))


def test_constant_spend() -> None:
    table = {**rows(), "monetary_value": np.full(8, 10.0)}
    fit = cv.GammaGamma().fit(table)
    assert not fit.report_.converged
    assert "every customer spends the same" in fit.report_.warnings[0]
    assert fit.expected_spend(table) == pytest.approx(10, rel=1e-3)


@MODELS
def test_nobody_at_all(model: type[Any]) -> None:
    empty = {"frequency": np.empty(0), "recency": np.empty(0), "T": np.empty(0)}
    with pytest.raises(ValueError, match="no row can be used"):
        model().fit(empty)
    unseen = {"frequency": np.zeros(2), "recency": np.full(2, np.nan), "T": np.full(2, np.nan)}
    with pytest.raises(ValueError, match="no row can be used: 2 rows are without any purchase"):
        model().fit(unseen)
