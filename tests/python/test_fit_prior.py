"""Fits with priors against a posterior written down here, and what priors make of data that tell too little."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import clavis as cv

MODELS: list[Any] = [
    cv.BetaGeoNBD,
    cv.ModifiedBetaGeoNBD,
    lambda: cv.BetaGeoCNBD(k=1),
    cv.ParetoNBD,
    cv.GammaGompertzNBD,
    cv.NBD,
    cv.BetaGeoBetaBinomial,
    cv.ShiftedBetaGeo,
    cv.BetaDiscreteWeibull,
    cv.GammaGamma,
]
every_model = pytest.mark.parametrize("make", MODELS, ids=[type(m()).__name__ for m in MODELS])


def rows_for(model: Any, n: int = 150) -> cv.Summary:
    g = np.random.default_rng(8)
    ages = g.integers(10, 40, n).astype(float)
    if isinstance(model, (cv.ShiftedBetaGeo, cv.BetaDiscreteWeibull)):
        lost = g.geometric(g.beta(0.7, 2.0, n))
        return cv.contracts(np.minimum(lost, ages), lost <= ages)
    active = np.minimum(ages, g.exponential(40.0, n))
    counts = np.minimum(g.poisson(g.gamma(1.0, 0.1, n) * active), np.floor(active)).astype(int)
    last = np.where(counts > 0, np.maximum(np.floor(active), counts), 0.0)
    spend = np.where(counts > 0, g.gamma(4.0, 1.0, n) * g.gamma(8.0, 1.0, n), 0.0)
    return cv.Summary(counts, last, ages, monetary_value=spend, unit="week")


def names_of(model: Any) -> list[str]:
    return [name for name in model._core_type.names if name != "k"]


def scales(model: Any, s: cv.Summary) -> dict[str, float]:
    """What each parameter is divided by."""
    if isinstance(model, cv.GammaGamma):
        mean = s.monetary_value[s.frequency > 0].mean()
        return {"p": 1.0, "q": 1.0, "gamma": mean}
    powers = dict(zip(model._core_type.names, model._core_type.time_power, strict=True))
    return {name: float(s["T"].mean()) ** powers[name] for name in names_of(model)}


def log_density(kind: str, first: float, second: float, y: float) -> float:
    if kind == "gamma":
        return first * math.log(second) + first * y - second * math.exp(y) - math.lgamma(first)
    return -0.5 * ((y - first) / second) ** 2 - math.log(second * math.sqrt(2 * math.pi))


def log_posterior(model: Any, s: cv.Summary, priors: dict[str, Any], values: dict[str, float]) -> float:
    scale = scales(model, s)
    other = type(model)(**values, **({"k": 1} if isinstance(model, cv.BetaGeoCNBD) else {}))
    total = float(other.log_likelihood(s).sum())
    return total + sum(log_density(*priors[name], math.log(values[name] / scale[name])) for name in priors)


@every_model
@pytest.mark.parametrize("weak", [True, False])
def test_the_mode_of_the_posterior(make: Any, weak: bool) -> None:
    """Its value, no slope in any logarithm, curvature as the standard errors say."""
    model = make()
    s = rows_for(model)
    names = names_of(model)
    kinds = itertools.cycle([("gamma", 2.0, 1.5), ("lognormal", 0.3, 0.7)])
    priors: dict[str, Any] = {name: ("lognormal", 0.0, 2.0) if weak else next(kinds) for name in names}
    m = model.fit(s, prior="weak" if weak else priors)
    report = m.report_
    assert report.converged, report
    assert "mode of the posterior" in report.status
    assert len(report.priors) == len(names)
    found = {name: m.params_[name] for name in names}
    assert report.log_likelihood == pytest.approx(float(m.log_likelihood(s).sum()), rel=1e-11)
    top = log_posterior(m, s, priors, found)
    assert report.log_posterior == pytest.approx(top, rel=1e-11)

    def at(**steps: float) -> float:
        return log_posterior(m, s, priors, {n: v * math.exp(steps.get(n, 0.0)) for n, v in found.items()})

    h = 1e-3
    hessian = np.empty((len(names), len(names)))
    for (i, a), (j, b) in itertools.product(enumerate(names), repeat=2):
        if i == j:
            slope = (at(**{a: h}) - at(**{a: -h})) / (2 * h)
            hessian[i, i] = (at(**{a: h}) - 2 * top + at(**{a: -h})) / h**2
            assert abs(slope) < 1e-3 * max(1.0, -hessian[i, i])
        else:
            both = at(**{a: h, b: h}) - at(**{a: h, b: -h}) - at(**{a: -h, b: h}) + at(**{a: -h, b: -h})
            hessian[i, j] = both / (4 * h**2)
    errors = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    assert [report.standard_errors[n] / found[n] for n in names] == pytest.approx(errors, rel=2e-3)
    for way in np.random.default_rng(1).normal(size=(20, len(names))):
        assert at(**dict(zip(names, 0.3 * way, strict=True))) < top


def test_a_prior_means_the_same_in_any_unit() -> None:
    s = rows_for(cv.ParetoNBD())
    days = cv.Summary(s.frequency, 7 * s.recency, 7 * s["T"], unit="day")
    one, other = cv.ParetoNBD().fit(s, prior="weak"), cv.ParetoNBD().fit(days, prior="weak")
    for name, power in (("r", 0), ("alpha", 1), ("s", 0), ("beta", 1)):
        assert other.params_[name] == pytest.approx(one.params_[name] * 7.0**power, rel=1e-7)
    assert other.report_.log_prior == pytest.approx(one.report_.log_prior, rel=1e-8)


def test_many_customers_hardly_feel_a_weak_prior() -> None:
    from test_lifetime_models import draw

    s = draw(10_000, pareto=False)
    plain, weak = cv.BetaGeoNBD().fit(s), cv.BetaGeoNBD().fit(s, prior="weak")
    for name, error in plain.report_.standard_errors.items():
        assert abs(weak.params_[name] - plain.params_[name]) < 0.3 * error
    assert weak.report_.log_likelihood < plain.report_.log_likelihood
    assert plain.report_.priors == ()
    assert plain.report_.log_posterior == plain.report_.log_likelihood


@pytest.mark.parametrize("make", [cv.BetaGeoNBD, cv.ModifiedBetaGeoNBD, cv.ParetoNBD, cv.GammaGompertzNBD, cv.NBD])
def test_ridges_end(make: Any) -> None:
    """Nobody buys again; nobody leaves; one customer: open without priors, finite with them."""
    silent = cv.Summary(np.zeros(50, dtype=int), np.zeros(50), np.arange(10.0, 60.0))
    g = np.random.default_rng(4)
    ages = g.uniform(20.0, 60.0, 400)
    counts = g.poisson(g.gamma(2.0, 0.1, 400) * ages)
    last = np.where(counts > 0, ages * g.uniform(size=400) ** (1 / np.maximum(counts, 1)), 0.0)
    staying = cv.Summary(counts, last, ages)
    one = cv.Summary([3], [20.0], [30.0])
    for s in (silent, staying, one):
        m = make().fit(s, prior="weak")
        assert m.report_.converged, m.report_
        mean = float(s["T"].mean())
        for name, value in m.params_.items():
            power = {"alpha": 1, "b": -1 if make is cv.GammaGompertzNBD else 0}.get(name, 0)
            power = 1 if name == "beta" and make is cv.ParetoNBD else power
            assert 1e-5 < value / mean**power < 1e5
        assert all(math.isfinite(e) for e in m.report_.standard_errors.values())
    held = make(r=0.5).fit(one, prior="weak")
    assert held.params_["r"] == 0.5
    assert held.report_.converged


def test_saved_and_drawn_with_its_priors() -> None:
    one = cv.Summary([3], [20.0], [30.0], unit="week")
    m = cv.BetaGeoNBD().fit(one, prior="weak")
    back = cv.BetaGeoNBD.from_json(m.to_json())
    assert back.report_.priors == m.report_.priors
    assert back.report_.log_posterior == m.report_.log_posterior
    drawn = np.log(m.posterior(4_000, seed=3)["r"])
    assert drawn.mean() == pytest.approx(math.log(m.params_["r"]), abs=0.15)
    assert drawn.std() == pytest.approx(m.report_.standard_errors["r"] / m.params_["r"], rel=0.1)
    partly = cv.BetaGeoNBD().fit(one, prior={"r": ("lognormal", 0.0, 1.0)})
    assert not partly.report_.converged
    again = cv.BetaGeoNBD.from_json(partly.to_json())
    assert again.report_.condition == partly.report_.condition
    assert np.array_equal(again.report_.covariance, partly.report_.covariance, equal_nan=True)


def test_priors_that_are_none() -> None:
    s = rows_for(cv.BetaGeoNBD())
    for prior, words in [
        ("strong", '"strong" is not "weak"'),
        (3.0, '3.0 is not "weak"'),
        ({"weak": ("lognormal", 0, 1)}, "prior of weak"),
        ({"s": ("lognormal", 0, 1)}, 'no parameter "s"'),
        ({"r": ("normal", 0, 1)}, "prior of r"),
        ({"r": 3.0}, "prior of r"),
        ({"r": ("gamma", 1)}, "prior of r"),
        ({"r": ("gamma", "a", 1)}, "prior of r"),
        ({"r": ("gamma", -1.0, 1)}, "both must be positive"),
        ({"r": ("lognormal", 0, 0)}, "the deviation must be positive"),
        ({"r": ("lognormal", math.nan, 1)}, "the deviation must be positive"),
    ]:
        with pytest.raises(ValueError, match=words):
            cv.BetaGeoNBD().fit(s, prior=prior)
    with pytest.raises(ValueError, match="is held fixed"):
        cv.BetaGeoNBD(r=0.5).fit(s, prior={"r": ("lognormal", 0, 1)})
    k = cv.BetaGeoCNBD(k=1)
    with pytest.raises(ValueError, match='no parameter "k"'):
        k.fit(s, prior={"k": ("lognormal", 0, 1)})
