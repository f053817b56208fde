"""Never a wrong optimum: on simulated sets of every model the likelihood reached is at least that of the truth, and the
same from twenty starts spread over a factor of a hundred. CLAVIS_VERIFY=1 runs all 1,000 sets, the ordinary suite
22, two of each model, and those whose best optimum was once missed."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import pytest

import clavis as cv

SETS = max(22, round(1000 * float(os.environ.get("CLAVIS_VERIFY", "0"))))
STARTS = 20
#: Sets of the 1,000 whose highest peak was once missed.
MISSED = (578,)


def spread(g: np.random.Generator, low: float, high: float) -> float:
    """Even on the logarithm."""
    return float(np.exp(g.uniform(math.log(low), math.log(high))))


def size(g: np.random.Generator) -> int:
    """Mostly hundreds, at times up to 100,000."""
    most = g.choice([1_000, 10_000, 100_000], p=[0.85, 0.13, 0.02])
    return int(spread(g, 100, most))


def poisson_until(g: np.random.Generator, rates: Any, active: Any) -> tuple[Any, Any]:
    x = g.poisson(rates * active)
    return x, np.where(x > 0, active * g.uniform(size=len(x)) ** (1 / np.maximum(x, 1)), 0.0)


def by_gaps(g: np.random.Generator, rates: Any, chances: Any, T: Any, k: int, first: bool) -> tuple[Any, ...]:
    """Erlang-k gaps; after each purchase the customer leaves with its chance, at the first one too if ``first``."""
    n = len(T)
    x, last, logs, at = np.zeros(n, int), np.zeros(n), np.zeros(n), np.zeros(n)
    active = g.uniform(size=n) >= chances if first else np.ones(n, bool)
    for _ in range(20_000):
        if not active.any():
            break
        gap = g.gamma(k, 1 / np.maximum(rates, 1e-300))
        at = np.where(active, at + gap, at)
        bought = active & (at <= T)
        x += bought
        last = np.where(bought, at, last)
        logs = np.where(bought, logs + np.log(np.maximum(gap, 1e-300)), logs)
        active = bought & (g.uniform(size=n) >= chances)
    return x, last, logs


def purchases(g: np.random.Generator, kind: str) -> tuple[Any, cv.Summary]:
    """The true model and what its customers did, in days or weeks."""
    n = size(g)
    unit, age = ("day", 400.0) if g.random() < 0.5 else ("week", 60.0)
    T = g.uniform(0.1, 1.0, n) * age
    r, per = spread(g, 0.1, 3.0), spread(g, 0.5, 20.0) / age  # heavy buyers and rare ones
    if g.random() < 0.15:
        per *= 20
    alpha = r / per
    rates = g.gamma(r, 1 / alpha, n)
    stays = g.random() < 0.15  # hardly any churn
    logs = None
    if kind in ("BG", "MBG", "CNBD", "MCNBD"):
        a, b = spread(g, 0.3, 3.0), spread(g, 0.5, 8.0) * (300 if stays else 1)
        k = int(g.integers(2, 5)) if "CNBD" in kind else 1
        rates *= k
        x, last, logs = by_gaps(g, rates, g.beta(a, b, n), T, k, kind[0] == "M")
        more = {"k": k} if k > 1 else {}
        name = {"BG": cv.BetaGeoNBD, "MBG": cv.ModifiedBetaGeoNBD, "CNBD": cv.BetaGeoCNBD}
        make = name.get(kind, cv.ModifiedBetaGeoCNBD)
        truth = make(r=r, alpha=alpha / k, a=a, b=b, unit=unit, **more)
    elif kind == "Pareto":
        s, beta = spread(g, 0.2, 3.0), spread(g, 0.1, 3.0) * age * (300 if stays else 1)
        active = np.minimum(T, g.exponential(1.0, n) / np.maximum(g.gamma(s, 1 / beta, n), 1e-300))
        x, last = poisson_until(g, rates, active)
        truth = cv.ParetoNBD(r=r, alpha=alpha, s=s, beta=beta, unit=unit)
    elif kind == "GGom":
        s, beta, rise = spread(g, 0.3, 3.0), spread(g, 0.3, 10.0) * (300 if stays else 1), spread(g, 0.5, 8.0) / age
        # P(stay beyond t) = (1 + (e^(rise t) - 1) / beta)^-s
        u = g.uniform(size=n)
        active = np.minimum(T, np.log1p(beta * np.expm1(-np.log(np.maximum(u, 1e-300)) / s)) / rise)
        x, last = poisson_until(g, rates, active)
        truth = cv.GammaGompertzNBD(r=r, alpha=alpha, b=rise, s=s, beta=beta, unit=unit)
    else:
        x, last = poisson_until(g, rates, T)
        truth = cv.NBD(r=r, alpha=alpha, unit=unit)
    if g.random() < 0.5 and logs is None:  # whole days or weeks, on which the model holds only roughly
        T = np.ceil(T)
        last = np.where(x > 0, np.ceil(last), 0.0)
    if kind in ("CNBD", "MCNBD"):
        return truth, cv.Summary(x, last, T, log_gap_sum=logs, unit=unit)
    return truth, cv.Summary(x, last, T, unit=unit)


def periods(g: np.random.Generator, kind: str) -> tuple[Any, cv.Summary]:
    n = size(g)
    due = g.integers(1, 13, n)
    if kind == "BGBB":
        p = {
            "alpha": spread(g, 0.3, 4),
            "beta": spread(g, 0.3, 4),
            "gamma": spread(g, 0.3, 4),
            "delta": spread(g, 1, 9),
        }
        buys, leaves = g.beta(p["alpha"], p["beta"], n), g.beta(p["gamma"], p["delta"], n)
        x, last, here = np.zeros(n, int), np.zeros(n), np.ones(n, bool)
        for t in range(1, 13):
            here &= g.uniform(size=n) >= leaves
            bought = here & (t <= due) & (g.uniform(size=n) < buys)
            x, last = x + bought, np.where(bought, t, last)
        return cv.BetaGeoBetaBinomial(**p, unit="year"), cv.Summary(x, last, due.astype(float), unit="year")
    a, b = spread(g, 0.4, 4.0), spread(g, 1.0, 9.0)
    c = 1.0 if kind == "sBG" else spread(g, 0.6, 1.8)
    chances = g.beta(a, b, n)
    # S(t) = (1 - theta)^(t^c)
    life = np.ceil((np.log(g.uniform(size=n)) / np.log1p(-chances)) ** (1 / c))
    truth = (
        cv.ShiftedBetaGeo(alpha=a, beta=b, unit="year")
        if kind == "sBG"
        else cv.BetaDiscreteWeibull(gamma=a, delta=b, c=c, unit="year")
    )
    lost = life <= due
    return truth, cv.contracts(np.where(lost, np.maximum(life, 1), due), lost)


def spend(g: np.random.Generator) -> tuple[Any, cv.Summary]:
    n = size(g)
    p, q, gamma = spread(g, 0.5, 20), spread(g, 1.2, 10), spread(g, 1, 100)
    x = g.poisson(g.gamma(1.0, 2.0, n))
    mean = g.gamma(p * np.maximum(x, 1), 1 / (g.gamma(q, 1 / gamma, n) * np.maximum(x, 1)))
    return cv.GammaGamma(p=p, q=q, gamma=gamma), cv.Summary(
        x, np.where(x > 0, 1.0, 0.0), np.full(n, 2.0), monetary_value=np.where(x > 0, np.maximum(mean, 1e-9), 0.0)
    )


KINDS = ["BG", "MBG", "Pareto", "NBD", "CNBD", "MCNBD", "GGom", "BGBB", "sBG", "BdW", "GG"]


def fit_from(model: Any, s: cv.Summary, start: list[float]) -> float:
    """The log-likelihood reached from one start."""
    rows, _ = model._rows(s) if hasattr(model, "_rows") else cv._estimator.rows_of(s, spend=True)
    _, report = model._core_type.fit(rows, model._fixed(), 0, None, [], [start])
    return float(report["log_likelihood"])


def check_set(number: int) -> str:
    """Empty, or what is wrong."""
    kind = KINDS[number % len(KINDS)]
    g = np.random.default_rng([4, number])
    truth, s = spend(g) if kind == "GG" else periods(g, kind) if kind in KINDS[7:10] else purchases(g, kind)
    fixed = {"k": truth.params_["k"]} if "k" in truth.params_ else {}
    model = type(truth)(**fixed)
    fitted = model.fit(s)
    report = fitted.report_
    at_truth = float(truth.log_likelihood(s).sum())
    slack = 1e-6 + 1e-10 * abs(at_truth)
    name = f"set {number}, {kind}, {len(s)} rows, truth {truth.params_}"
    if not report.log_likelihood >= at_truth - slack:
        return f"{name}: {at_truth - report.log_likelihood:.3g} below the truth; {fitted.params_} {report.status}"
    names = [n for n in type(truth)._core_type.names if n != "k"]
    for _ in range(STARTS):
        start = [truth.params_[n] * math.exp(g.uniform(-2.3, 2.3)) for n in names]
        reached = fit_from(model, s, start)
        # A fit that calls itself not converged lies on a ridge, of which there may be several of about one height.
        more = reached - report.log_likelihood
        if more > (slack if report.converged else 0.5) or more < -slack:
            return f"{name}: {more:.3g} more from {start}; {fitted.params_} {report.status}"
    return ""


@pytest.mark.parametrize("part", range(10))
def test_no_set_has_a_better_optimum(part: int) -> None:
    numbers = sorted({*range(part, SETS, 10), *(number for number in MISSED if number % 10 == part)})
    wrong = [text for number in numbers if (text := check_set(number))]
    assert not wrong, "\n".join(wrong)
