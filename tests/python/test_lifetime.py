"""Models of purchases and spend, and lifetime value, on the CDNOW sample and on small tables."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

pd = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def cdnow(data: Callable[[str], Path]) -> cv.Summary:
    log = pd.read_csv(data("cdnow_sample.csv"))
    return cv.summarize(log, customer="sample_id", time="date", amount="amount", calibrate_until="1997-09-30")


@pytest.fixture(scope="module")
def fitted(cdnow: cv.Summary) -> cv.BetaGeoNBD:
    return cv.BetaGeoNBD().fit(cdnow)


@pytest.fixture
def small() -> cv.Summary:
    return cv.Summary(
        frequency=[0, 2, 5, 1, 0, 3, 0, 1],
        recency=[0.0, 10.0, 30.5, 4.0, 0.0, 22.0, 0.0, 7.0],
        T=[38.0, 38.5, 36.0, 30.0, 31.0, 35.0, 12.0, 33.0],
        monetary_value=[0.0, 22.0, 35.0, 12.0, 0.0, 17.5, 0.0, 50.0],
        customer_id=["a", "b", "c", "d", "e", "f", "g", "h"],
    )


def model(**more: object) -> cv.BetaGeoNBD:
    return cv.BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, **more)


class TestCdnow:
    """Published figures, and the optimum of independent code to more digits."""

    def test_beta_geo_nbd(self, cdnow: cv.Summary, fitted: cv.BetaGeoNBD) -> None:
        expected = {"r": 0.242594522, "alpha": 4.41360202, "a": 0.792922017, "b": 2.42590678}
        assert fitted.params_ == pytest.approx(expected, rel=2e-6)
        report = fitted.report_
        assert report.converged
        assert report.warnings == ()
        assert report.log_likelihood == pytest.approx(-9582.42920667, abs=1e-6)
        errors = {"r": 0.01256, "alpha": 0.3782, "a": 0.1857, "b": 0.7054}
        assert report.standard_errors == pytest.approx(errors, rel=1e-3)
        assert report.covariance.shape == (4, 4)
        assert np.sqrt(np.diag(report.covariance)) == pytest.approx(list(report.standard_errors.values()))
        assert fitted.log_likelihood(cdnow).sum() == pytest.approx(report.log_likelihood, abs=1e-7)

    def test_modified(self, cdnow: cv.Summary) -> None:
        m = cv.ModifiedBetaGeoNBD().fit(cdnow)
        assert m.params_ == pytest.approx({"r": 0.524843, "alpha": 6.183084, "a": 0.891359, "b": 1.614003}, rel=2e-6)
        assert m.expected_purchases(cdnow, 39).sum() == pytest.approx(1576.73, rel=5e-6)

    def test_predictions(self, cdnow: cv.Summary, fitted: cv.BetaGeoNBD) -> None:
        assert fitted.probability_alive(cdnow)[[0, 1515]] == pytest.approx([0.726620, 0.9688544], rel=1e-6)
        assert fitted.expected_purchases(cdnow, "52 weeks")[1515] == pytest.approx(25.757338, rel=1e-6)
        ahead = fitted.expected_purchases(cdnow, cdnow.duration_holdout.max())
        assert ahead.sum() == pytest.approx(1653.41, rel=5e-6)
        assert np.abs(ahead - cdnow.frequency_holdout).mean() == pytest.approx(0.78545, abs=1e-5)

    def test_spend(self, cdnow: cv.Summary) -> None:
        g = cv.GammaGamma().fit(cdnow)
        assert g.params_ == pytest.approx({"p": 6.249571, "q": 3.744225, "gamma": 15.443524}, rel=1e-6)
        assert g.report_.log_likelihood == pytest.approx(-4055.91769, abs=1e-5)
        assert g.report_.rows == 946
        assert g.population_mean_ == pytest.approx(35.17037, rel=1e-6)
        first = [24.653919, 18.910019, 35.170372, 35.170372, 35.170372, 71.464705, 18.910019, 35.170372, 27.281931]
        assert g.expected_spend(cdnow)[:9] == pytest.approx(first, rel=1e-6)

    def test_lifetime_value(self, cdnow: cv.Summary, fitted: cv.BetaGeoNBD) -> None:
        g = cv.GammaGamma().fit(cdnow)
        table = cv.lifetime_value(fitted, g, cdnow, horizon="1 year", annual_rate=0.15, margin=0.5)
        assert table.columns == ["customer_id", "value"]
        assert np.array_equal(table["customer_id"], cdnow.customer_id)
        purchases = fitted.discounted_expected_purchases(cdnow, 0.15, "1 year")
        assert table["value"] == pytest.approx(0.5 * g.expected_spend(cdnow) * purchases, rel=1e-12)
        undiscounted = fitted.expected_purchases(cdnow, "1 year")
        assert np.all(purchases < undiscounted)
        assert np.all(purchases > undiscounted / 1.15)


class TestHorizons:
    def test_text_timedelta_and_number_agree(self, small: cv.Summary) -> None:
        m = model(unit="week")
        expected = m.expected_purchases(small, 39)
        delta = datetime.timedelta(weeks=39)
        for horizon in ("39 weeks", "273 days", delta, np.timedelta64(delta), 39.0, np.int64(39)):
            assert m.expected_purchases(small, horizon) == pytest.approx(expected, rel=1e-14)

    def test_a_model_without_unit_takes_that_of_the_summary(self, small: cv.Summary) -> None:
        assert np.array_equal(model().expected_purchases(small, 39), model(unit="week").expected_purchases(small, 39))

    def test_a_summary_in_another_unit_is_converted(self, small: cv.Summary) -> None:
        days = cv.Summary(small.frequency, 7 * small.recency, 7 * small["T"], unit="day")
        m = model(unit="week")
        assert m.expected_purchases(days, 39) == pytest.approx(m.expected_purchases(small, 39), rel=1e-12)
        shift = small.frequency * math.log(7.0)  # a density per day, not per week
        assert m.log_likelihood(days) == pytest.approx(m.log_likelihood(small) - shift, rel=1e-12)

    def test_a_number_without_unit_is_an_error(self, small: cv.Summary) -> None:
        with pytest.raises(ValueError, match="neither the model nor the data say their unit"):
            model().expected_purchases_new_customer(39)
        with pytest.raises(ValueError, match="neither the model nor the data"):
            model().expected_purchases(small.to_dict(), 39)
        assert model().probability_alive(small.to_dict())[0] == 1.0

    def test_a_number_is_in_the_unit_of_the_rows_that_were_fitted(self, small: cv.Summary) -> None:
        named = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(small)
        nameless = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(small.to_dict())
        assert nameless.params_ == named.params_
        assert np.array_equal(nameless.expected_purchases(small.to_dict(), 39), named.expected_purchases(small, 39))
        with pytest.raises(ValueError, match="has a unit of time"):
            nameless.expected_purchases(small.to_dict(), "39 weeks")

    @pytest.mark.parametrize("horizon", [-1, math.nan, "soon", "-3 weeks"])
    def test_impossible_horizons(self, small: cv.Summary, horizon: object) -> None:
        with pytest.raises(ValueError, match=r"negative|soon|-3"):
            model(unit="week").expected_purchases(small, horizon)
        with pytest.raises(TypeError):
            model(unit="week").expected_purchases(small, [1, 2])

    def test_new_customer(self) -> None:
        m = model(unit="week")
        assert m.expected_purchases_new_customer("52 weeks") == m.expected_purchases_new_customer(52)
        curve = m.expected_purchases_new_customer([1, 4, 52])
        assert curve[2] == m.expected_purchases_new_customer(52)
        assert np.all(np.diff(curve) > 0)
        pmf = m.purchase_pmf_new_customer(39, 400)
        assert pmf[0] == pytest.approx(0.5737864, rel=1e-6)
        assert pmf @ np.arange(401) == pytest.approx(m.expected_purchases_new_customer(39), rel=1e-9)


class TestPredictions:
    def test_conditional_pmf_agrees_with_the_other_predictions(self, small: cv.Summary) -> None:
        for m in (model(unit="week"), cv.ModifiedBetaGeoNBD(r=0.5, alpha=6.0, a=0.9, b=1.6, unit="week")):
            pmf = m.purchase_pmf(small, 30, 200)
            assert pmf.shape == (8, 201)
            assert pmf.sum(axis=1) == pytest.approx(np.ones(8), rel=1e-9)
            assert pmf[:, 0] == pytest.approx(m.probability_no_purchase(small, 30), rel=1e-12)
            assert pmf @ np.arange(201.0) == pytest.approx(m.expected_purchases(small, 30), rel=1e-9)

    def test_alive_falls_with_time(self, small: cv.Summary) -> None:
        m = model(unit="week")
        now, later = m.probability_alive(small), m.probability_alive(small, at="26 weeks")
        assert np.all(later < now)

    def test_infinite_values_come_with_a_warning(self, small: cv.Summary) -> None:
        with pytest.warns(RuntimeWarning, match="infinite for 8 of 8 rows"):
            assert np.all(np.isinf(model(unit="week").expected_purchases(small, math.inf)))
        with pytest.warns(RuntimeWarning, match="mean spend is infinite"):
            cv.GammaGamma(p=6.0, q=0.9, gamma=15.0).expected_spend(small)
        finite = model(unit="week").discounted_expected_purchases(small, 0.1)
        assert np.all(np.isfinite(finite))
        assert np.all(finite > model(unit="week").discounted_expected_purchases(small, 0.1, "5 years"))

    def test_spend_that_nets_to_nothing_is_outside_the_model(self, small: cv.Summary) -> None:
        rows = small.to_dict()
        rows["monetary_value"] = np.where(rows["frequency"] == 2, -3.0, rows["monetary_value"])
        g = cv.GammaGamma(q=3.0).fit(rows)
        assert any("1 customer with repeat purchases left out" in text for text in g.report_.warnings)
        assert np.isnan(g.expected_spend(rows)).tolist() == [False, True, *[False] * 6]


class TestFit:
    def test_reads_any_table(self, small: cv.Summary) -> None:
        expected = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(small)
        pl = pytest.importorskip("polars")
        for table in (small.to_dict(), small.to_pandas(), pl.DataFrame(small.to_dict())):
            fit = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(table)
            assert fit.params_ == expected.params_

    def test_weights(self, small: cv.Summary) -> None:
        doubled = cv.Summary(*(np.tile(small[name], 2) for name in ("frequency", "recency", "T")))
        weighted = cv.Summary(small.frequency, small.recency, small["T"], weights=np.full(8, 2.0))
        one = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(doubled)
        other = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(weighted)
        assert one.params_ == other.params_

    def test_given_parameters_are_held_and_converted(self, small: cv.Summary) -> None:
        m = cv.BetaGeoNBD(alpha=30.0, a=0.8, b=2.5, unit="day").fit(small)
        assert m.params_["alpha"] == pytest.approx(30.0 / 7.0)
        assert m.params_["a"] == 0.8
        assert m.report_.standard_errors["a"] == 0.0
        assert m.report_.standard_errors["r"] > 0.0

    def test_what_cannot_be_known_is_said(self) -> None:
        silent = cv.Summary([0, 0, 0, 0, 0], [0.0] * 5, [10.0, 11.0, 12.0, 13.0, 14.0])
        m = cv.BetaGeoNBD().fit(silent)
        assert not m.report_.converged
        assert any("no customer bought again" in text for text in m.report_.warnings)
        assert "not converged" in repr(m)
        one = cv.BetaGeoNBD().fit(cv.Summary([2], [5.0], [9.0]))
        assert not one.report_.converged
        assert any("one customer only" in text for text in one.report_.warnings)

    def test_rows_that_cannot_be_used_are_named(self, small: cv.Summary) -> None:
        rows = small.to_dict()
        rows["recency"] = np.array([0.0, 99.0, *small.recency[2:]])
        with pytest.raises(ValueError, match='summary, column "recency", row 1: "99" is later than T'):
            cv.BetaGeoNBD().fit(rows)
        rows = {**small.to_dict(), "frequency": np.array([0, 2, 5, 1.5, 0, 3, 0, 1])}
        with pytest.raises(ValueError, match=r'column "frequency", row 3: "1\.5" is not a whole number'):
            cv.BetaGeoNBD().fit(rows)
        with pytest.raises(ValueError, match='no column "T"'):
            cv.BetaGeoNBD().fit({"frequency": [1], "recency": [1.0]})
        with pytest.raises(ValueError, match='no column "monetary_value"'):
            cv.GammaGamma().fit({"frequency": [1], "recency": [1.0], "T": [2.0]})

    def test_customers_without_purchase_are_counted(self, small: cv.Summary) -> None:
        rows = {name: np.append(small[name], np.nan) for name in ("frequency", "recency", "T")}
        m = cv.ModifiedBetaGeoNBD(a=0.8, b=2.5).fit(rows)
        assert m.report_.left_out == 1
        assert any("without any purchase" in text for text in m.report_.warnings)
        assert np.isnan(m.probability_alive(rows)).tolist() == [False] * 8 + [True]

    def test_progress_can_stop_a_fit(self, small: cv.Summary) -> None:
        stages: list[str] = []
        cv.BetaGeoNBD(a=0.8, b=2.5).fit(small, progress=lambda stage, done: stages.append(stage))
        assert stages
        with pytest.raises(cv.Cancelled):
            cv.BetaGeoNBD().fit(small, progress=lambda stage, done: False)

    def test_threads_do_not_change_a_bit(self, fitted: cv.BetaGeoNBD, cdnow: cv.Summary) -> None:
        order = np.random.default_rng(1).permutation(len(cdnow))
        again = cv.BetaGeoNBD().fit(cdnow.take(order), threads=2)
        assert again.params_ == fitted.params_
        assert again.report_.log_likelihood == fitted.report_.log_likelihood


class TestHabits:
    def test_get_and_set_params(self) -> None:
        m = cv.BetaGeoNBD(r=0.2)
        assert m.get_params() == {"r": 0.2, "alpha": None, "a": None, "b": None, "unit": None}
        assert type(m)(**m.get_params()).get_params() == m.get_params()
        assert m.set_params(alpha=4.0, a=0.8, b=2.4) is m
        assert m.params_ == {"r": 0.2, "alpha": 4.0, "a": 0.8, "b": 2.4}
        with pytest.raises(ValueError, match="no parameter 's'"):
            m.set_params(s=1.0)
        with pytest.raises(ValueError, match="alpha must be a positive number"):
            cv.BetaGeoNBD(alpha=-1.0)

    def test_before_the_fit(self, small: cv.Summary) -> None:
        m = cv.BetaGeoNBD()
        with pytest.raises(AttributeError, match="no parameters yet"):
            _ = m.params_
        with pytest.raises(AttributeError, match="no parameters yet"):
            m.expected_purchases(small, 39)
        with pytest.raises(AttributeError, match="has not been fitted"):
            _ = model().report_
        with pytest.raises(TypeError, match="in this order"):
            cv.lifetime_value(cv.GammaGamma(), m, small, horizon=1, annual_rate=0.1)  # type: ignore[arg-type]

    def test_reprs(self, fitted: cv.BetaGeoNBD) -> None:
        assert repr(cv.BetaGeoNBD()) == "BetaGeoNBD()"
        assert repr(model(unit="week")) == 'BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")'
        assert repr(fitted) == 'BetaGeoNBD(r=0.242595, alpha=4.4136, a=0.792922, b=2.42591, unit="week")'
        assert "converged" in repr(fitted.report_)
        page = fitted._repr_html_()
        assert "<td>alpha</td><td>4.4136</td><td>0.378</td>" in page
        assert cv.GammaGamma()._repr_html_() == "<p>GammaGamma()</p>"


def test_a_corner_of_one_parameter_leaves_the_others_their_errors() -> None:
    """Nobody leaves: the dropout is not identified, the rates are, at least as loosely as with the dropout held."""
    rng = np.random.default_rng(4)
    n = 3000
    ages = np.full(n, 100.0)
    counts = rng.poisson(rng.gamma(1.0, 1 / 10.0, n) * 100)
    last = np.where(counts > 0, 100 * rng.uniform(size=n) ** (1 / np.maximum(counts, 1)), 0.0)
    s = cv.Summary(frequency=counts, recency=last, T=ages)
    for model in (cv.BetaGeoNBD, cv.ModifiedBetaGeoNBD):
        free = model().fit(s)
        errors = free.report_.standard_errors
        assert not free.report_.converged
        assert free.report_.iterations > 0
        assert np.isnan(errors["a"]) or np.isnan(errors["b"])
        held = model(a=free.params_["a"], b=free.params_["b"]).fit(s)
        assert held.report_.converged
        for name in ("r", "alpha"):
            held_error = held.report_.standard_errors[name]
            assert held_error * 0.999 <= errors[name] < held_error * 3
