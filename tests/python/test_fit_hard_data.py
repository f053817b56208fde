"""What other packages get wrong, and data that tell too little: the right answer, an error in words, or a fit that says
it has not converged; never NaN, and never "converged" where it is not."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import clavis as cv

PURCHASES: list[Any] = [
    cv.BetaGeoNBD,
    cv.ModifiedBetaGeoNBD,
    lambda: cv.BetaGeoCNBD(k=2),
    lambda: cv.ModifiedBetaGeoCNBD(k=1),
    cv.ParetoNBD,
    cv.GammaGompertzNBD,
    cv.NBD,
]
PERIODS: list[Any] = [cv.BetaGeoBetaBinomial, cv.ShiftedBetaGeo, cv.BetaDiscreteWeibull]
EVERY: list[Any] = [*PURCHASES, *PERIODS, cv.GammaGamma]
NAMES = [type(m()).__name__ for m in EVERY]

every_model = pytest.mark.parametrize("make", EVERY, ids=NAMES)
purchase_models = pytest.mark.parametrize("make", PURCHASES, ids=NAMES[: len(PURCHASES)])


def is_contract(model: Any) -> bool:
    return isinstance(model, (cv.ShiftedBetaGeo, cv.BetaDiscreteWeibull))


def table(frequency: Any, recency: Any, T: Any, **more: Any) -> dict[str, Any]:
    """Rows as they are: nothing checks them before the fit."""
    x = np.asarray(frequency)
    more.setdefault("monetary_value", np.where(x != 0, 20.0 + np.arange(len(x)), 0.0))
    return {"frequency": x, "recency": np.asarray(recency, float), "T": np.asarray(T, float), **more}


def equal_gaps(s: cv.Summary) -> cv.Summary:
    """With the column that models of regular gaps read."""
    x = np.maximum(s.frequency, 1)
    gaps = np.where(s.frequency > 0, s.frequency * np.log(np.maximum(s.recency, 1e-9) / x) - 1e-6, 0.0)
    return cv.Summary(s.frequency, s.recency, s["T"], log_gap_sum=gaps, unit="day")


def expect_honest(model: Any, s: Any) -> None:
    """Finite and positive whatever happened; if it says converged, no parameter moves up from there."""
    report = model.report_
    values = model.params_
    assert all(math.isfinite(v) and v > 0 for v in values.values()), values
    assert math.isfinite(report.log_likelihood)
    assert report.iterations >= 0
    assert all(math.isnan(e) or e >= 0 for e in report.standard_errors.values())
    assert report.status.startswith("converged") == report.converged
    if not report.converged:
        assert report.status.startswith("not converged: ")
        return
    assert all(math.isfinite(e) for e in report.standard_errors.values()), report
    weights = s["weights"] if "weights" in (s.columns if isinstance(s, cv.Summary) else s) else 1.0
    top = float((model.log_likelihood(s) * weights).sum())
    assert top == pytest.approx(report.log_likelihood, rel=1e-10, abs=1e-8)
    for name, value in values.items():
        if name == "k":
            continue
        for factor in (0.98, 1 / 0.98, 0.5, 2.0):
            other = type(model)(**{**values, name: value * factor})
            there = float((other.log_likelihood(s) * weights).sum())
            assert there <= top + 1e-9 * (1 + abs(top)), (name, factor)


def expect_usable(model: Any, s: Any) -> None:
    if isinstance(model, cv.GammaGamma):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an infinite mean is said in words
            assert not np.isnan(model.expected_spend(s)).any()
        return
    ahead = model.expected_purchases(s, 50.0)
    assert np.isfinite(ahead).all()
    assert (ahead >= 0).all()
    alive = model.probability_alive(s)
    assert ((alive >= 0) & (alive <= 1)).all()


@every_model
@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (table([1, 2], [3.0, 9.0], [5.0, 8.0]), "later than T"),
        (table([1, -2], [3.0, 4.0], [5.0, 8.0]), "negative"),
        (table([1.0, 2.5], [3.0, 4.0], [5.0, 8.0]), "not a whole number"),
        (table([1, 2], [3.0, math.nan], [5.0, 8.0]), "recency"),
        (table([1, 2], [3.0, -4.0], [5.0, 8.0]), "recency"),
        (table([1, 2], [3.0, 4.0], [5.0, math.inf]), 'column "T"'),
        (table([1, 2], [3.0, 4.0], [5.0, -8.0]), "row 1"),
        (table([1, 0], [3.0, 4.0], [5.0, 8.0]), "row 1"),
        (table([1.0, math.nan], [3.0, 4.0], [5.0, 8.0]), "frequency"),
        (table([1.0, math.inf], [3.0, 4.0], [5.0, 8.0]), "frequency"),
        (table([1, 2], [3.0, 4.0], [5.0, 8.0], weights=np.array([1.0, -1.0])), "weights"),
        (table([1, 2], [3.0, 4.0], [5.0, 8.0], weights=np.array([1.0, math.nan])), "weights"),
        (table([], [], []), "no row|is missing"),
    ],
    ids=lambda v: v if isinstance(v, str) else "rows",
)
def test_rows_no_model_can_use(make: Any, rows: dict[str, Any], words: str) -> None:
    model = make()
    about_time = words in ("later than T", "recency", 'column "T"') or words == "row 1"
    if isinstance(model, cv.GammaGamma) and about_time:
        pytest.skip("a model of spend does not read times")
    if is_contract(model) and words == "weights":  # a renewal is a purchase, one a period
        rows = {**rows, "frequency": rows["recency"].astype(int)}
    with pytest.raises(ValueError, match=words):
        model.fit(rows)


@every_model
@pytest.mark.parametrize(
    ("rows", "unknown"),
    [
        (table([0] * 40, [0.0] * 40, np.arange(40.0)), True),  # nobody buys again
        (table([0] * 40, [0.0] * 40, [0.0] * 40), True),  # nobody has been seen for any time
        (table([0, 1, 2] * 9, [0.0, 0.0, 0.0] * 9, [0.0, 0.0, 0.0] * 9), True),  # T = 0, bought again at once
        (table([3], [20.0], [30.0]), True),
        (table([3, 0], [20.0, 0.0], [30.0, 30.0]), False),
        (table([4] * 50, [20.0] * 50, [20.0] * 50, monetary_value=np.full(50, 10.0)), True),  # all the same
        (table([1, 0, 0, 0, 0, 0], [7.0, 0, 0, 0, 0, 0], [10.0] * 6), False),
        (table([100_000, 1, 0, 3], [3649.0, 3.0, 0.0, 40.0], [3650.0, 90.0, 40.0, 60.0]), False),
        (table([1, 2, 0, 5], [1.0, 3.0, 0.0, 9.0], [5.0, 8.0, 4.0, 9.0], weights=np.full(4, 1e-9)), False),
        (table([1, 2, 0, 5], [1.0, 3.0, 0.0, 9.0], [5.0, 8.0, 4.0, 9.0], weights=np.full(4, 1e9)), False),
    ],
    ids=["silent", "unseen", "no_time", "one", "two", "same", "one_of_six", "huge", "light", "heavy"],
)
def test_data_that_tell_too_little(make: Any, rows: dict[str, Any], unknown: bool) -> None:
    model = make()
    if is_contract(model):  # a contract has one history: renewals made, and lost or not
        made = np.minimum(rows["recency"], 40.0)
        rows = {**rows, "frequency": made.astype(int), "recency": made, "T": np.minimum(rows["T"], made + 1)}
    try:
        fitted = model.fit(rows)
    except ValueError as error:
        assert len(str(error)) > 20  # a sentence  # noqa: PT017
        return
    if fitted.params_.get("k", 1) == 1:  # without the gaps there is no log-likelihood of rows for k above 1
        expect_honest(fitted, rows)
    expect_usable(fitted, rows)
    if isinstance(model, cv.GammaGamma):
        unknown = len(set(rows["monetary_value"].tolist())) == 1
    if unknown and not is_contract(model):
        assert not fitted.report_.converged
        assert fitted.report_.warnings


@pytest.mark.parametrize("amounts", [[10.0] * 12, [0.0] * 12, [-5.0] * 12, [10.0, 0.0, -3.0] * 4, [1e-12, 1e12] * 6])
def test_spend_that_tells_too_little(amounts: list[float]) -> None:
    rows = table([3] * 12, [5.0] * 12, [9.0] * 12, monetary_value=np.array(amounts))
    if max(amounts) <= 0:
        with pytest.raises(ValueError, match="no row has a repeat purchase"):
            cv.GammaGamma().fit(rows)
        return
    g = cv.GammaGamma().fit(rows)
    assert all(math.isfinite(v) and v > 0 for v in g.params_.values())
    left = sum(v <= 0 for v in amounts)
    assert g.report_.left_out == left
    if min(amounts) == max(amounts) or left:
        assert not g.report_.converged
        assert g.report_.warnings
    else:
        expect_honest(g, rows)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="monetary_value"):
            cv.GammaGamma().fit({**rows, "monetary_value": np.array([*amounts[:-1], bad])})


def buyers(n: int, rates: Any, leaving: Any, ages: Any, seed: int, unit: str = "day") -> cv.Summary:
    g = np.random.default_rng(seed)
    active = np.minimum(ages, g.exponential(1.0, n) / np.maximum(leaving, 1e-300))
    counts = g.poisson(rates * active)
    last = np.where(counts > 0, active * g.uniform(size=n) ** (1 / np.maximum(counts, 1)), 0.0)
    return cv.Summary(counts, last, ages, unit=unit)


@purchase_models
@pytest.mark.parametrize("unit", ["day", "week"])
def test_heavy_buyers(make: Any, unit: str) -> None:
    """Two purchases a day for two years: overflow, NaN or a silent 1e294 elsewhere."""
    if isinstance(make(), (cv.GammaGompertzNBD, cv.BetaGeoCNBD)) and unit == "week":
        pytest.skip("in days already")
    n, g = 600, np.random.default_rng(11)
    rates, leaving, ages = g.gamma(2.0, 0.25, n), g.gamma(0.6, 1 / 80.0, n), g.uniform(365.0, 730.0, n)
    s = buyers(n, rates, leaving, ages, 12)
    if unit == "week":
        s = cv.Summary(s.frequency, s.recency / 7, s["T"] / 7, unit="week")
    s = s if unit == "week" else equal_gaps(s)
    m = make().fit(s)
    expect_honest(m, s)
    expect_usable(m, s)
    if isinstance(m, (cv.ParetoNBD, cv.BetaGeoNBD, cv.ModifiedBetaGeoNBD, cv.NBD)):
        assert m.report_.converged
    if isinstance(m, cv.ParetoNBD):
        scale = 7.0 if unit == "week" else 1.0
        truth = cv.ParetoNBD(r=2.0, alpha=4.0 / scale, s=0.6, beta=80.0 / scale, unit=unit)
        assert m.report_.log_likelihood >= truth.log_likelihood(s).sum()


@purchase_models
def test_nobody_leaves(make: Any) -> None:
    """2,000 rows, Gamma(0.5, 10), s = 50, beta = 1e7, T up to 100: ConvergenceError elsewhere."""
    n, g = 2000, np.random.default_rng(5)
    rates, leaving, ages = g.gamma(0.5, 0.1, n), g.gamma(50.0, 1e-7, n), g.uniform(1.0, 100.0, n)
    drawn = buyers(n, rates, leaving, ages, 6)
    s = equal_gaps(drawn)
    m = make().fit(s)
    expect_honest(m, s)
    expect_usable(m, s)
    if isinstance(m, cv.NBD):
        assert m.report_.converged
        return
    stay = cv.NBD().fit(s)
    if isinstance(m, (cv.ParetoNBD, cv.GammaGompertzNBD)):
        assert m.report_.log_likelihood >= stay.report_.log_likelihood - 1e-5
        assert m.params_["r"] == pytest.approx(stay.params_["r"], rel=0.05)


@pytest.mark.parametrize(
    "model",
    [
        cv.BetaGeoNBD(r=0.243, alpha=30.9, a=0.793, b=2.426),
        cv.ModifiedBetaGeoNBD(r=0.525, alpha=43.3, a=0.891, b=1.614),
        cv.ParetoNBD(r=0.553, alpha=74.0, s=0.606, beta=81.7),
        cv.GammaGompertzNBD(r=0.553, alpha=74.0, b=1e-3, s=0.606, beta=0.08),
    ],
    ids=lambda m: type(m).__name__,
)
def test_predictions_of_the_heaviest_buyers(model: Any) -> None:
    """NaN elsewhere from 105 purchases on, or at 100,000."""
    x = np.array([105, 149, 171, 1000, 100_000, 100_000])
    rows = {"frequency": x, "recency": np.full(6, 3640.0), "T": np.full(6, 3650.0)}
    rows["recency"][-1] = 1.0
    for values in (model.log_likelihood(rows), model.probability_alive(rows)):
        assert np.isfinite(values).all()
    unit = type(model)(**{**model.params_, "unit": "day"})
    ahead = unit.expected_purchases(rows, "1 year")
    assert np.isfinite(ahead).all()
    assert (ahead[:-1] > 0).all()
    assert (ahead <= (0.6 + x) / (30.9 + 3650.0) * 365.25 * 1.01).all()
