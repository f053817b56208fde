"""BG/CNBD-k and MBG/CNBD-k: k, the gaps it needs, and predictions against a plain simulation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

import clavis as cv

PARAMETERS = {"r": 1.2, "alpha": 1.5, "a": 0.8, "b": 2.4}
Values = npt.NDArray[np.float64]


def draw(
    n: int, k: int, *, modified: bool = False, seed: int = 1, longest: float = 52.0, ahead: float = 0.0
) -> tuple[cv.Summary, Values]:
    """Customers drawn gap by gap: a summary in weeks, and how many purchases each makes within `ahead` after T."""
    g = np.random.default_rng(seed)
    T = g.uniform(0.5, 1.0, n) * longest
    rate = g.gamma(PARAMETERS["r"], 1.0 / PARAMETERS["alpha"], n)
    leaving = g.beta(PARAMETERS["a"], PARAMETERS["b"], n)
    x, recency, gaps, later = np.zeros(n, int), np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        if modified and g.random() < leaving[i]:
            continue
        t = 0.0
        while True:
            gap = g.gamma(k, 1.0 / rate[i])
            t += gap
            if t > T[i] + ahead:
                break
            if t <= T[i]:
                x[i] += 1
                recency[i] = t
                gaps[i] += math.log(gap)
            else:
                later[i] += 1
            if g.random() < leaving[i]:
                break
    return cv.Summary(frequency=x, recency=recency, T=T, log_gap_sum=gaps, unit="week"), later


@pytest.mark.parametrize(("model", "k"), [(cv.BetaGeoCNBD, 3), (cv.ModifiedBetaGeoCNBD, 2)])
def test_finds_k_and_the_parameters(model: type[cv.BetaGeoCNBD], k: int) -> None:
    summary, later = draw(1500, k, modified=model is cv.ModifiedBetaGeoCNBD, ahead=10.0)
    m = model().fit(summary)
    assert m.report_.converged
    assert m.params_["k"] == k
    assert isinstance(m.params_["k"], int)
    assert list(m.params_) == ["r", "alpha", "a", "b", "k"]
    for name, truth in PARAMETERS.items():
        assert abs(m.params_[name] - truth) < 3.5 * m.report_.standard_errors[name]
    assert m.report_.standard_errors["k"] == 0.0
    assert m.report_.profile[k] == max(m.report_.profile.values()) == m.report_.log_likelihood
    assert set(m.report_.profile) == set(range(1, k + 4))
    assert m.log_likelihood(summary).sum() == pytest.approx(m.report_.log_likelihood, rel=1e-12)
    truth = model(k=k, **PARAMETERS, unit="week")
    assert truth.log_likelihood(summary).sum() <= m.report_.log_likelihood
    expected = truth.expected_purchases(summary, "10 weeks")
    error = later.std() / math.sqrt(len(later))
    assert abs(expected.mean() - later.mean()) < 4 * error
    none = truth.probability_no_purchase(summary, "10 weeks")
    assert abs(none.mean() - (later == 0).mean()) < 4 * 0.5 / math.sqrt(len(later))
    pmf = truth.purchase_pmf(summary, "10 weeks", 40)
    assert np.allclose(pmf.sum(axis=1), 1.0, atol=1e-6)
    assert np.allclose(pmf @ np.arange(41), expected, atol=1e-4)


def test_one_phase_is_the_model_without_regularity() -> None:
    summary, _ = draw(400, 1)
    for regular, plain in (
        (cv.BetaGeoCNBD(k=1, **PARAMETERS), cv.BetaGeoNBD(**PARAMETERS)),
        (cv.ModifiedBetaGeoCNBD(k=1, **PARAMETERS), cv.ModifiedBetaGeoNBD(**PARAMETERS)),
    ):
        assert np.allclose(regular.log_likelihood(summary), plain.log_likelihood(summary), rtol=1e-12)
        for name, arguments in {
            "probability_alive": (5,),
            "expected_purchases": (20,),
            "probability_no_purchase": (20,),
            "purchase_pmf": (20, 5),
        }.items():
            assert np.allclose(getattr(regular, name)(summary, *arguments), getattr(plain, name)(summary, *arguments))
        for horizon in (None, "1 year"):
            assert np.allclose(
                regular.discounted_expected_purchases(summary, 0.1, horizon),
                plain.discounted_expected_purchases(summary, 0.1, horizon),
                rtol=1e-10,
            )


def test_a_forecast_depends_on_that_customer_alone() -> None:
    summary, _ = draw(60, 3)
    m = cv.ModifiedBetaGeoCNBD(k=3, **PARAMETERS)
    together = m.expected_purchases(summary, 20)
    worth = m.discounted_expected_purchases(summary, 0.1)
    for i in (0, 17, 42):
        assert m.expected_purchases(summary.take([i]), 20)[0] == together[i]
        assert m.discounted_expected_purchases(summary.take([i]), 0.1)[0] == worth[i]


def test_regular_buyers_fall_silent_sooner() -> None:
    s = cv.Summary(frequency=[10], recency=[30.0], T=[37.0])
    assert cv.BetaGeoCNBD(k=4, r=2.0, alpha=1.5, a=0.8, b=2.4).probability_alive(s)[0] < 0.6
    assert cv.BetaGeoCNBD(k=1, r=2.0, alpha=6.0, a=0.8, b=2.4).probability_alive(s)[0] > 0.6


def test_the_gaps_of_a_log_give_k_and_any_unit_the_same() -> None:
    g = np.random.default_rng(5)
    customers, days = [], []
    for customer in range(400):
        rate = g.gamma(2.0, 0.15)
        t = g.uniform(0, 100)
        while t < 700:
            customers.append(customer)
            days.append(t)
            if g.random() < 0.15:
                break
            t += g.gamma(3, 1 / rate)
    time = np.datetime64("2022-01-01") + np.array(days).astype("timedelta64[D]")
    fits = {}
    for unit in ("week", "day"):
        s = cv.summarize(
            {"id": np.array(customers), "day": time}, customer="id", time="day", unit=unit, observe_until="2023-12-01"
        )
        fits[unit] = cv.ModifiedBetaGeoCNBD().fit(s)
        assert fits[unit].params_["k"] >= 2
        fits[unit, "ahead"] = fits[unit].expected_purchases(s, "30 days")
    assert fits["day"].params_["alpha"] / fits["week"].params_["alpha"] == pytest.approx(7, rel=1e-9)
    assert fits["day"].params_["r"] == pytest.approx(fits["week"].params_["r"], rel=1e-9)
    assert np.allclose(fits["day", "ahead"], fits["week", "ahead"], rtol=1e-8)


def test_without_gaps_k_must_be_given() -> None:
    rows = {"frequency": [0, 2, 5, 1, 0, 3], "recency": [0, 10, 30.5, 4, 0, 22], "T": [38, 38.5, 36, 30, 31, 35]}
    with pytest.raises(cv.InputError, match=r'column "log_gap_sum".*missing'):
        cv.BetaGeoCNBD().fit(rows)
    m = cv.BetaGeoCNBD(k=2).fit(rows)
    assert m.params_["k"] == 2
    assert any("leaves the gaps out" in text for text in m.report_.warnings)
    assert not m.report_.profile
    with pytest.raises(cv.InputError, match="log_gap_sum"):
        m.log_likelihood(rows)
    with pytest.raises(cv.InputError, match='"log_gap_sum", row 1: "9'):
        cv.BetaGeoCNBD().fit({**rows, "log_gap_sum": [0.0, 9.0, 1.0, 0.0, 0.0, 1.0]})


@pytest.mark.parametrize("k", [0, 2.5, 49, -1, math.nan, "3", True])
def test_k_is_a_whole_number(k: object) -> None:
    with pytest.raises(ValueError, match="k must be a whole number"):
        cv.BetaGeoCNBD(k=k)  # type: ignore[arg-type]


def test_habits_and_lifetime_value() -> None:
    m = cv.BetaGeoCNBD(3, **PARAMETERS, unit="week")
    assert m.get_params() == {"k": 3, **PARAMETERS, "unit": "week"}
    assert repr(m) == 'BetaGeoCNBD(r=1.2, alpha=1.5, a=0.8, b=2.4, k=3, unit="week")'
    assert "k" in m._repr_html_()
    s = cv.Summary(frequency=[0, 3, 40], recency=[0, 20, 39.5], T=[40, 40, 40], monetary_value=[0, 20, 30])
    g = cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    year = cv.lifetime_value(m, g, s, horizon="1 year", annual_rate=0.1)["value"]
    ever = cv.lifetime_value(m, g, s, horizon=None, annual_rate=0.1)["value"]
    assert np.all((0 < year) & (year < ever) & np.isfinite(ever))
    with pytest.warns(RuntimeWarning, match="a <= 1"):
        assert np.isinf(m.expected_purchases(s, math.inf)).all()
    assert m.purchase_pmf_new_customer("1 year", 400).sum() == pytest.approx(1.0, abs=1e-6)
