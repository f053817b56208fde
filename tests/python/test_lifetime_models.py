"""Models of purchases against optima found by independent code, on data drawn by numpy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

pd = pytest.importorskip("pandas")


def draw(n: int, *, pareto: bool, weeks: bool = False) -> cv.Summary:
    """Customers of Pareto/NBD or BG/NBD in days, observed for one to two years."""
    g = np.random.default_rng([20261121, n, 1 if pareto else 2])
    ages = g.uniform(365.0, 730.0, n)
    if pareto:
        rates = g.gamma(0.553, 1 / 74.046, n)
        leaving = g.gamma(0.606, 1 / 81.683, n)
        active = np.minimum(ages, g.exponential(1.0, n) / leaving)
        counts = g.poisson(rates * active)
        last = np.where(counts > 0, active * g.uniform(size=n) ** (1 / np.maximum(counts, 1)), 0.0)
    else:
        rates = g.gamma(0.243, 1 / 30.898, n)
        left = g.geometric(np.maximum(g.beta(0.793, 2.426, n), 1e-300))
        possible = g.poisson(rates * ages)
        counts = np.minimum(possible, left)
        last = np.where(counts > 0, ages * g.beta(np.maximum(counts, 1), np.maximum(possible - counts + 1, 1)), 0.0)
    if weeks:
        ages = np.ceil(ages / 7)
        last = np.minimum(np.ceil(last / 7), ages)
    return cv.Summary(frequency=counts, recency=last, T=ages, unit="week" if weeks else "day")


@pytest.fixture(scope="module")
def cdnow(data: Callable[[str], Path]) -> cv.Summary:
    log = pd.read_csv(data("cdnow_sample.csv"))
    return cv.summarize(log, customer="sample_id", time="date", amount="amount", calibrate_until="1997-09-30")


@pytest.mark.parametrize(
    ("n", "weeks", "parameters", "log_likelihood"),
    [
        (10_000, False, (0.53509172, 73.6408518, 0.612226838, 86.0099608), -108145.27924455),
        (10_000, True, (0.508657928, 10.5232699, 0.702426382, 17.3651585), -71916.59523272),
        # Where a random start with Nelder and Mead's method ends 840 below.
        (100_000, False, (0.555068753, 74.2956284, 0.606524178, 79.2153081), -1084403.10519451),
    ],
)
def test_pareto_reaches_the_optimum(n: int, weeks: bool, parameters: tuple[float, ...], log_likelihood: float) -> None:
    s = draw(n, pareto=True, weeks=weeks)
    assert s.frequency.sum() == {10_000: 18745, 100_000: 187879}[n]
    m = cv.ParetoNBD().fit(s)
    assert m.report_.converged
    assert m.report_.warnings == ()
    assert list(m.params_) == ["r", "alpha", "s", "beta"]
    assert list(m.params_.values()) == pytest.approx(parameters, rel=1e-6)
    assert m.report_.log_likelihood == pytest.approx(log_likelihood, rel=1e-10)


@pytest.mark.parametrize(
    ("n", "weeks", "parameters", "log_likelihood"),
    [
        (10_000, False, (0.245412596, 30.8398422, 0.822483292, 2.43717351), -108247.00286768),
        (10_000, True, (0.251585225, 4.77287383, 0.824730676, 2.50583376), -72594.72687429),
        (100_000, False, (0.245240919, 31.346134, 0.800485517, 2.44200978), -1081366.28763207),
    ],
)
def test_beta_geo_reaches_the_optimum(
    n: int, weeks: bool, parameters: tuple[float, ...], log_likelihood: float
) -> None:
    """In days BFGS has been seen to run to 1e294 without a word."""
    s = draw(n, pareto=False, weeks=weeks)
    assert s.frequency.sum() == {10_000: 18462, 100_000: 184448}[n]
    m = cv.BetaGeoNBD().fit(s)
    assert m.report_.converged
    assert list(m.params_.values()) == pytest.approx(parameters, rel=1e-6)
    assert m.report_.log_likelihood == pytest.approx(log_likelihood, rel=1e-10)


def test_pareto_on_cdnow(cdnow: cv.Summary) -> None:
    m = cv.ParetoNBD().fit(cdnow)
    expected = {"r": 0.553277047, "alpha": 10.5776835, "s": 0.606239989, "beta": 11.6687353}
    assert m.params_ == pytest.approx(expected, rel=2e-6)
    assert m.report_.log_likelihood == pytest.approx(-9594.97617894, abs=1e-6)
    assert m.expected_purchases(cdnow, "39 weeks").sum() == pytest.approx(1665.51, rel=5e-6)
    assert m.expected_purchases_new_customer("52 weeks") == pytest.approx(1.473434, rel=1e-6)
    alive = m.probability_alive(cdnow)
    assert (alive[cdnow.frequency == 0] < 1).all()
    assert (m.probability_alive(cdnow, "10 weeks") < alive).all()
    g = cv.GammaGamma().fit(cdnow)
    value = cv.lifetime_value(m, g, cdnow, horizon=None, annual_rate=0.15)
    assert np.isfinite(value["value"]).all()


def test_pareto_without_end() -> None:
    s = cv.Summary(frequency=[2], recency=[5.0], T=[20.0], unit="week")
    heavy = cv.ParetoNBD(r=0.553, alpha=10.578, s=0.606, beta=11.669, unit="week")
    with pytest.warns(RuntimeWarning, match="s <= 1"):
        assert heavy.expected_purchases(s, math.inf)[0] == math.inf
    light = cv.ParetoNBD(r=0.553, alpha=10.578, s=1.606, beta=11.669, unit="week")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 < light.expected_purchases(s, math.inf)[0] < 100
        assert 0 < heavy.discounted_expected_purchases(s, 0.1)[0] < 100
    held = cv.ParetoNBD(s=0.606, beta=11.669, unit="week").fit(draw(10_000, pareto=True, weeks=True))
    assert held.params_["s"] == 0.606
    assert held.params_["beta"] == 11.669
    assert held.report_.standard_errors["beta"] == 0


def test_the_ridge_to_pareto_is_named(cdnow: cv.Summary) -> None:
    m = cv.GammaGompertzNBD().fit(cdnow)
    assert list(m.params_) == ["r", "alpha", "b", "s", "beta"]
    assert not m.report_.converged
    assert any("b goes to 0" in text for text in m.report_.warnings)
    assert m.report_.log_likelihood >= cv.ParetoNBD().fit(cdnow).report_.log_likelihood - 1e-5
    given = cv.GammaGompertzNBD(r=0.55, alpha=10.6, b=0.05, s=0.6, beta=3.0, unit="week")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        endless = given.expected_purchases(cdnow, math.inf)
    assert (endless > given.expected_purchases(cdnow, "1 year")).all()
    in_days = cv.GammaGompertzNBD(r=0.55, alpha=74.2, b=0.05 / 7, s=0.6, beta=3.0, unit="day")
    one = given.discounted_expected_purchases(cdnow, 0.1, "2 years")
    assert in_days.discounted_expected_purchases(cdnow, 0.1, "2 years") == pytest.approx(one, rel=1e-11)


def test_nbd(cdnow: cv.Summary) -> None:
    m = cv.NBD().fit(cdnow)
    assert m.report_.converged
    assert m.report_.log_likelihood == pytest.approx(-9763.657615, abs=1e-6)
    assert (m.probability_alive(cdnow) == 1).all()
    with pytest.warns(RuntimeWarning, match="nobody leaves"):
        assert np.isinf(m.expected_purchases(cdnow, math.inf)).all()


@pytest.mark.parametrize("model", [cv.ParetoNBD, cv.GammaGompertzNBD, cv.NBD])
def test_hard_data_never_passes_for_converged(model: type[cv.ParetoNBD]) -> None:
    """Nobody buys again; one customer."""
    silent = cv.Summary(frequency=np.zeros(50, dtype=int), recency=np.zeros(50), T=np.arange(10.0, 60.0), unit="week")
    m = model().fit(silent)
    assert not m.report_.converged
    assert any("no customer bought again" in text for text in m.report_.warnings)
    assert m.expected_purchases(silent, "1 year") == pytest.approx(0, abs=0.05)
    one = cv.Summary(frequency=[3], recency=[20.0], T=[30.0], unit="week")
    m = model().fit(one)
    assert not m.report_.converged
    assert any("one customer only" in text for text in m.report_.warnings)
