"""Models of whole periods: donations (BG/BB) and contracts (sBG, BdW)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]


@pytest.fixture(scope="module")
def donors(data: Callable[[str], Path]) -> cv.Summary:
    table = np.genfromtxt(data("donations_bgbb.csv"), delimiter=",", names=True)
    return cv.Summary(
        frequency=table["frequency"].astype(int),
        recency=table["recency"],
        T=table["periods"],
        weights=table["weights"],
        unit="year",
    )


def test_donors(donors: cv.Summary) -> None:
    m = cv.BetaGeoBetaBinomial().fit(donors)
    assert m.report_.converged
    assert m.report_.warnings == ()
    assert m.report_.customers == 11_104
    assert list(m.params_) == ["alpha", "beta", "gamma", "delta"]
    assert list(m.params_.values()) == pytest.approx([1.203522, 0.749716, 0.656718, 2.783441], rel=1e-6)
    assert m.report_.log_likelihood == pytest.approx(-33225.58127, abs=1e-5)
    assert (m.log_likelihood(donors) * donors.weights).sum() == pytest.approx(m.report_.log_likelihood, rel=1e-13)
    assert (m.expected_purchases(donors, "5 years") * donors.weights).sum() == pytest.approx(12884.2, abs=0.06)
    assert m.probability_alive(donors, 1)[[0, -1]] == pytest.approx([0.1081, 0.9304], abs=6e-5)
    assert m.expected_purchases_new_customer([1, 10]) == pytest.approx([0.4985, 3.179829], abs=5e-5)
    pmf = m.purchase_pmf(donors, 4, 4)
    assert pmf.sum(axis=1) == pytest.approx(np.ones(len(donors)))
    assert pmf @ np.arange(5) == pytest.approx(m.expected_purchases(donors, 4))
    assert m.probability_no_purchase(donors, 4) == pytest.approx(pmf[:, 0])
    with pytest.warns(RuntimeWarning, match="gamma <= 1"):
        assert np.isinf(m.expected_purchases(donors, math.inf)).all()


def test_discounted_donations() -> None:
    m = cv.BetaGeoBetaBinomial(alpha=1.2, beta=0.75, gamma=0.66, delta=2.78, unit="year")
    s = cv.Summary(frequency=[3, 6], recency=[4, 6], T=[6, 6], unit="year")
    assert m.discounted_expected_purchases(s, 0.1) == pytest.approx([1.621379, 5.89760], abs=6e-6)
    near, far = (m.discounted_expected_purchases(s, 0.1, h)[0] for h in ("365 days", "500 years"))
    assert near == pytest.approx(m.expected_purchases(s, 1)[0] / 1.1)
    assert far == pytest.approx(1.621379, abs=6e-6)
    g = cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    with_spend = cv.Summary(frequency=[3], recency=[4], T=[6], monetary_value=[20.0], unit="year")
    value = cv.lifetime_value(m, g, with_spend, horizon=None, annual_rate=0.1, margin=0.5)
    assert value["value"][0] == pytest.approx(0.5 * 1.621379 * g.expected_spend(with_spend)[0], rel=1e-6)


def test_opportunities_are_whole() -> None:
    m = cv.BetaGeoBetaBinomial(alpha=1.2, beta=0.75, gamma=0.66, delta=2.78, unit="week")
    halves = cv.Summary(frequency=[1, 1], recency=[1, 2.5], T=[3, 4], unit="week")
    for call in (m.probability_alive, cv.BetaGeoBetaBinomial().fit):
        with pytest.raises(ValueError, match=r'"recency", row 1: "2\.5" is not a whole number of opportunities'):
            call(halves)
    days = cv.Summary(frequency=[1], recency=[7], T=[28], unit="day")
    assert m.probability_alive(days) == m.probability_alive(cv.Summary([1], [1], [4], unit="week"))
    with pytest.raises(ValueError, match=r'row 0: "2" is more than the 1 opportunities'):
        m.probability_alive(cv.Summary([2], [1], [4], unit="week"))


@pytest.mark.parametrize(
    ("survivors", "plain", "weibull", "log_likelihoods"),
    [
        (REGULAR, (0.704077, 1.182043), (0.455614, 0.779326, 1.283451), (-1680.27, -1679.603)),
        (HIGH_END, (0.668088, 3.806095), (0.214253, 1.426575, 1.723565), (-1611.16, -1605.314)),
    ],
)
def test_cohorts(
    survivors: list[int],
    plain: tuple[float, ...],
    weibull: tuple[float, ...],
    log_likelihoods: tuple[float, float],
) -> None:
    s = cv.contracts_from_survivors(survivors)
    sbg, bdw = cv.ShiftedBetaGeo().fit(s), cv.BetaDiscreteWeibull().fit(s)
    assert list(sbg.params_) == ["alpha", "beta"]
    assert list(bdw.params_) == ["gamma", "delta", "c"]
    assert list(sbg.params_.values()) == pytest.approx(plain, rel=1e-6)
    assert list(bdw.params_.values()) == pytest.approx(weibull, rel=3e-6)
    for m, log_likelihood in zip((sbg, bdw), log_likelihoods, strict=True):
        assert m.report_.converged
        assert m.report_.customers == 1000
        assert m.report_.log_likelihood == pytest.approx(log_likelihood, abs=6e-3)
        curve = m.survival(np.arange(9))
        assert curve[0] == 1
        assert m.retention_rate(np.arange(1, 9)) == pytest.approx(curve[1:] / curve[:-1])
    nested = cv.BetaDiscreteWeibull(c=1).fit(s)
    assert nested.params_["gamma"] == pytest.approx(sbg.params_["alpha"], rel=1e-9)
    assert nested.report_.standard_errors["c"] == 0


def test_survival_of_the_holdout() -> None:
    s = cv.contracts_from_survivors(HIGH_END)
    assert cv.BetaDiscreteWeibull().fit(s).survival(12) == pytest.approx(0.4039, abs=6e-5)


def test_contracts_of_customers_and_of_cohorts_are_the_same_data() -> None:
    tenure = np.repeat(np.arange(1, 8), -np.diff(REGULAR))
    tenure = np.append(tenure, np.full(REGULAR[-1], 7))
    churned = np.arange(1000) < 1000 - REGULAR[-1]
    expected = cv.ShiftedBetaGeo().fit(cv.contracts_from_survivors(REGULAR)).params_
    assert cv.ShiftedBetaGeo().fit({"T": tenure, "churned": churned}).params_ == expected
    assert cv.ShiftedBetaGeo().fit({"T": tenure, "churned": churned.astype(int)}).params_ == expected
    assert cv.ShiftedBetaGeo().fit(cv.contracts(tenure, churned)).params_ == expected
    # Counted from 1, as elsewhere: the first period is the first.
    recency = np.where(churned, tenure, 8)
    T = np.full(1000, 8)
    other = cv.contracts(np.where(recency < T, recency, T - 1), recency < T)
    assert cv.ShiftedBetaGeo().fit(other).params_ == expected
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"T": tenure, "churned": churned})
    assert cv.ShiftedBetaGeo().fit(frame).params_ == expected
    pa = pytest.importorskip("pyarrow")
    assert cv.ShiftedBetaGeo().fit(pa.table({"T": tenure, "churned": churned})).params_ == expected
    m = cv.ShiftedBetaGeo(**expected, unit="year")
    alive = m.probability_alive(frame, "2 years")
    assert (alive[churned] == 0).all()
    assert alive[~churned] == pytest.approx(m.survival(9) / m.survival(7))


def test_value_of_contracts() -> None:
    m = cv.ShiftedBetaGeo(alpha=0.668088, beta=3.806095, unit="year")
    s = cv.contracts(T=[4, 4], churned=[False, True])
    assert m.discounted_expected_residual_lifetime(s, 0.1) == pytest.approx([6.8967082, 0], rel=1e-8)
    assert 1.1 * m.discounted_expected_purchases(s, 0.1)[0] == pytest.approx(6.8967082, rel=1e-8)
    rates = m.retention_rate([5, 6])
    assert m.discounted_expected_residual_lifetime(s, 0.1, 2)[0] == pytest.approx(rates[0] + rates.prod() / 1.1)
    assert m.expected_purchases(s, 2)[0] == pytest.approx(rates[0] + rates.prod())
    # A direct sum of the first million years.
    t = np.arange(1_000_000)
    log_s = np.concatenate([[0.0], np.cumsum(np.log((3.806095 + t[:-1]) / (0.668088 + 3.806095 + t[:-1])))])
    assert m.expected_lifetime(0.1) == pytest.approx(np.exp(log_s - t * np.log(1.1)).sum(), rel=1e-12)
    with pytest.warns(RuntimeWarning, match="alpha <= 1"):
        assert m.expected_lifetime() == math.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        light = cv.ShiftedBetaGeo(alpha=2.5, beta=3.0)
        assert light.expected_lifetime() == pytest.approx(1 + 3.0 / 1.5)
        assert cv.BetaDiscreteWeibull(gamma=2.5, delta=3.0, c=1.0).expected_lifetime() == pytest.approx(3.0)
    with pytest.raises(ValueError, match="unit of time"):
        light.expected_lifetime(0.1)
    monthly = cv.ShiftedBetaGeo(alpha=0.668088, beta=3.806095, unit="30 days")
    month = cv.contracts(T=[4], churned=[False], unit="30 days")
    d = 1.1 ** (30 / 365.25)
    assert monthly.discounted_expected_residual_lifetime(month, 0.1)[0] == pytest.approx(
        d * monthly.discounted_expected_purchases(month, 0.1)[0]
    )


def test_what_cannot_be_known() -> None:
    loyal = cv.ShiftedBetaGeo().fit(cv.contracts_from_survivors([100, 100, 100, 100]))
    assert not loyal.report_.converged
    assert "no sign of customers leaving" in " ".join(loyal.report_.warnings)
    assert loyal.survival(3) > 0.999
    gone = cv.BetaDiscreteWeibull().fit(cv.contracts_from_survivors([100, 0]))
    assert not gone.report_.converged
    assert "no contract was renewed" in " ".join(gone.report_.warnings)
    once = cv.ShiftedBetaGeo().fit(cv.contracts_from_survivors([100, 60]))
    assert not once.report_.converged
    assert once.survival(1) == pytest.approx(0.6)
    silent = cv.BetaGeoBetaBinomial().fit(cv.Summary([0] * 9, [0] * 9, [5] * 9, unit="year"))
    assert not silent.report_.converged
    assert "no customer bought again" in " ".join(silent.report_.warnings)


@pytest.mark.parametrize(
    ("T", "churned", "message"),
    [
        ([1, -1], [True, False], r'"T", row 1: "-1" is not a number'),
        ([1, np.nan], [True, False], r'"T", row 1: "nan" is not a number'),
        ([1.5, 1], [True, False], r'"T", row 0: "1.5" is not a whole number'),
        ([1, 0], [True, True], r'"T", row 1: "0" is below 1, although'),
        ([1, 2], [True, 2], r'"churned", row 1: "2" is not true or false'),
        ([1, 2, 3], [True, False], "3 values of T where churned has 2"),
    ],
)
def test_tables_that_are_no_contracts(T: list[float], churned: list[bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cv.contracts(T, churned)
    if len(T) == len(churned):
        with pytest.raises(ValueError, match=message):
            cv.ShiftedBetaGeo().fit({"T": T, "churned": churned})


def test_tables_of_other_kinds() -> None:
    with pytest.raises(ValueError, match=r"clavis\.contracts tells how"):
        cv.ShiftedBetaGeo().fit({"recency": [1, 2], "T": [2, 2]})
    with pytest.raises(ValueError, match=r'row 1: "1" is not the recency of 2'):
        cv.ShiftedBetaGeo().fit(cv.Summary([1, 1], [1, 2], [2, 3], unit="year"))
    for counts, message in (
        ([5], "two counts"),
        ([5, 6], r'row 1: "6" is above'),
        ([5, -1], r'row 1: "-1" is not a count'),
    ):
        with pytest.raises(ValueError, match=message):
            cv.contracts_from_survivors(counts)
    m = cv.ShiftedBetaGeo(alpha=1, beta=2)
    for t in (-1, 0.5, math.nan):
        with pytest.raises(ValueError, match="whole number of renewals"):
            m.survival(t)
    with pytest.raises(ValueError, match="from 1 on"):
        m.retention_rate(0)


def test_habits() -> None:
    m = cv.BetaDiscreteWeibull(c=1.5, unit="year")
    assert repr(m) == "BetaDiscreteWeibull(c=1.5, unit='year')"
    assert m.get_params() == {"gamma": None, "delta": None, "c": 1.5, "unit": "year"}
    with pytest.raises(AttributeError, match="no parameters yet"):
        m.survival(1)
    m.set_params(gamma=1.0, delta=2.0)
    assert m.params_ == {"gamma": 1.0, "delta": 2.0, "c": 1.5}
    assert repr(m) == 'BetaDiscreteWeibull(gamma=1, delta=2, c=1.5, unit="year")'
    with pytest.raises(ValueError, match="must be a positive number"):
        cv.ShiftedBetaGeo(alpha=-1)
