"""Pareto/GGG: its fit, what it takes for rows without gaps, and predictions against a plain simulation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import clavis as cv

PARAMETERS = {"t": 4.0, "gamma": 1.5, "r": 1.1, "alpha": 5.0, "s": 0.9, "beta": 20.0}
Values = npt.NDArray[np.float64]


def draw(n: int, *, seed: int = 1, ahead: float = 0.0) -> tuple[cv.Summary, Values, Values]:
    """Customers drawn gap by gap: a summary in weeks, purchases within `ahead` after T, and who is active at T."""
    g = np.random.default_rng(seed)
    T = g.uniform(20.0, 40.0, n)
    k = g.gamma(PARAMETERS["t"], 1 / PARAMETERS["gamma"], n)
    rate = g.gamma(PARAMETERS["r"], 1 / PARAMETERS["alpha"], n)
    life = g.exponential(1.0, n) / g.gamma(PARAMETERS["s"], 1 / PARAMETERS["beta"], n)
    x, recency, gaps, later = np.zeros(n, int), np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        t = 0.0
        while True:
            gap = g.gamma(k[i], 1 / (k[i] * rate[i]))
            t += gap
            if t > min(life[i], T[i] + ahead):
                break
            if t <= T[i]:
                x[i], recency[i] = x[i] + 1, t
                gaps[i] += math.log(gap)
            else:
                later[i] += 1
    return cv.Summary(frequency=x, recency=recency, T=T, log_gap_sum=gaps, unit="week"), later, life > T


def test_predicts_what_customers_do() -> None:
    s, later, active = draw(400, ahead=10.0)
    m = cv.ParetoGGG(**PARAMETERS, unit="week")
    expected, alive = m.expected_purchases(s, 10), m.probability_alive(s)
    assert abs((later - expected).sum()) < 4 * math.sqrt(((later - expected) ** 2).sum())
    assert abs((active - alive).sum()) < 4 * math.sqrt((alive * (1 - alive)).sum())
    pmf = m.purchase_pmf(s, 10, 4)
    for n in range(5):
        p = pmf[:, n]
        assert abs(((later == n) - p).sum()) < 4 * math.sqrt((p * (1 - p)).sum()), n
    np.testing.assert_allclose(pmf[:, 0], m.probability_no_purchase(s, 10), rtol=1e-9)
    assert (m.probability_alive(s, 10) < alive).all()


def test_fits_and_keeps_what_it_found(tmp_path: Path) -> None:
    s, _, _ = draw(420, seed=2)
    m = cv.ParetoGGG(s=0.9, beta=20.0).fit(s)
    assert m.report_.converged, m.report_.status
    for name in ("t", "gamma", "r", "alpha"):
        assert abs(m.params_[name] - PARAMETERS[name]) < 4 * m.report_.standard_errors[name], name
    assert m.log_likelihood(s).sum() == pytest.approx(m.report_.log_likelihood, rel=1e-9)
    assert m.report_.log_likelihood > cv.ParetoNBD(s=0.9, beta=20.0).fit(s).report_.log_likelihood
    m.save(tmp_path / "model.json")
    again = cv.load(tmp_path / "model.json")
    assert again.params_ == m.params_
    few = cv.Summary(frequency=[0, 3], recency=[0.0, 9.0], T=[30.0, 12.0], log_gap_sum=[0.0, 3.0], unit="week")
    np.testing.assert_array_equal(again.probability_alive(few), m.probability_alive(few))
    draws = m.posterior(50)
    assert draws["t"].std() > 0
    assert (draws["s"] == 0.9).all()


def test_silence_is_judged_by_the_customers_own_rhythm() -> None:
    m = cv.ParetoGGG(t=2.0, gamma=0.5, r=1.1, alpha=5.0, s=0.9, beta=20.0, unit="week")
    # The same counts and times, once in equal gaps and once in a cluster.
    even, uneven = 6 * math.log(3.0), 5 * math.log(0.5) + math.log(15.5)
    s = cv.Summary(
        frequency=[6, 6, 6], recency=[18.0] * 3, T=[26.0] * 3, log_gap_sum=[even, math.nan, uneven], unit="week"
    )
    alive = m.probability_alive(s)
    assert alive[0] < alive[1] < alive[2]


def test_rows_without_gaps_are_taken_for_what_they_tell() -> None:
    m = cv.ParetoGGG(**PARAMETERS, unit="week")
    rows = {"frequency": [0, 3, 3], "recency": [0.0, 9.0, 9.0], "T": [30.0, 12.0, 12.0]}
    bare = m.log_likelihood(rows)
    zero = m.log_likelihood({**rows, "log_gap_sum": [0.0, -math.inf, math.nan]})
    np.testing.assert_array_equal(bare, zero)
    with pytest.raises(ValueError, match='column "log_gap_sum"'):
        cv.ParetoGGG().fit(rows)
    with pytest.raises(ValueError, match="another unit"):
        m.log_likelihood({**rows, "log_gap_sum": [0.0, 30.0, 1.0]})


def test_nothing_hangs_on_the_unit_of_time() -> None:
    weeks = cv.ParetoGGG(**PARAMETERS, unit="week")
    days = cv.ParetoGGG(**{**PARAMETERS, "alpha": 35.0, "beta": 140.0}, unit="day")
    s = cv.Summary(frequency=[0, 3], recency=[0.0, 9.0], T=[30.0, 12.0], log_gap_sum=[0.0, 3.0], unit="week")
    for ask in ("expected_purchases", "probability_no_purchase", "probability_alive"):
        np.testing.assert_allclose(getattr(weeks, ask)(s, "8 weeks"), getattr(days, ask)(s, "8 weeks"), rtol=1e-8)
    np.testing.assert_allclose(weeks.log_likelihood(s), days.log_likelihood(s), rtol=1e-9)
    np.testing.assert_allclose(
        7 * weeks.next_purchase_quantile(s, 0.05), days.next_purchase_quantile(s, 0.05), rtol=1e-7
    )
    assert weeks.purchase_quantile(s, "8 weeks", 0.9).tolist() == days.purchase_quantile(s, "8 weeks", 0.9).tolist()


def test_values_and_new_customers() -> None:
    m = cv.ParetoGGG(**PARAMETERS, unit="week")
    s = cv.Summary(frequency=[0, 3], recency=[0.0, 9.0], T=[30.0, 12.0], log_gap_sum=[0.0, 3.0], unit="week")
    value = cv.lifetime_value(m, 10.0, s, horizon=None, annual_rate=0.1, interval=0.9)
    np.testing.assert_allclose(value["value"], 10 * m.discounted_expected_purchases(s, 0.1), rtol=1e-12)
    assert (value["low"] <= value["value"]).all()
    assert value["high"][1] > value["value"][1]
    # Of new customers, those that are drawn buy as often as foretold.
    made = m.simulate(4000, "10 weeks", seed=5)
    counts = np.bincount(np.asarray(made["customer_id"]))[1:] - 1
    assert counts.mean() == pytest.approx(m.expected_purchases_new_customer(10), abs=4 * counts.std() / math.sqrt(4000))
    pmf = m.purchase_pmf_new_customer(10, 2)
    assert (counts == 1).mean() == pytest.approx(pmf[1], abs=4 * math.sqrt(pmf[1] / 4000))
    with pytest.warns(RuntimeWarning, match="s <= 1"):
        assert np.isinf(m.expected_purchases(s, math.inf)).all()
    assert cv.ParetoGGG(**{**PARAMETERS, "t": 0.8}, unit="week").expected_purchases_new_customer(5) == math.inf
