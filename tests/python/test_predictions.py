"""What every model of purchases foretells: units of time, quantiles, simulation, posterior, intervals of value."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import clavis as cv

USUAL: dict[type[Any], dict[str, float]] = {
    cv.BetaGeoNBD: {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
    cv.ModifiedBetaGeoNBD: {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
    cv.BetaGeoCNBD: {"k": 3, "r": 0.85, "alpha": 1.45, "a": 0.79, "b": 2.42},
    cv.ModifiedBetaGeoCNBD: {"k": 2, "r": 0.85, "alpha": 1.45, "a": 0.79, "b": 2.42},
    cv.ParetoNBD: {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669},
    cv.GammaGompertzNBD: {"r": 0.6, "alpha": 9.0, "b": 0.05, "s": 0.8, "beta": 1.7},
    cv.NBD: {"r": 0.385, "alpha": 12.07},
    cv.BetaGeoBetaBinomial: {"alpha": 1.204, "beta": 0.750, "gamma": 0.657, "delta": 2.783},
    cv.ShiftedBetaGeo: {"alpha": 0.668, "beta": 3.806},
    cv.BetaDiscreteWeibull: {"gamma": 0.455, "delta": 0.779, "c": 1.283},
}
MODELS = pytest.mark.parametrize("model", USUAL, ids=lambda model: model.__name__)
CONTRACTS = (cv.ShiftedBetaGeo, cv.BetaDiscreteWeibull)
DISCRETE = (*CONTRACTS, cv.BetaGeoBetaBinomial)
WEEKS = {"hour": 168.0, "day": 7.0, "week": 1.0, "year": 7.0 / 365.25}


def usual(model: type[Any]) -> Any:
    return model(**USUAL[model], unit="week")


def rows(model: type[Any], unit: str = "week") -> cv.Summary:
    x = np.array([0, 2, 26, 7, 1, 0, 3])
    tx = np.array([0.0, 30.0, 30.0, 12.0, 1.0, 0.0, 40.0])
    T = np.array([39.0, 39.0, 31.0, 60.0, 2.0, 0.0, 52.0])
    if model in CONTRACTS:
        x = tx.astype(int)
    gaps = np.where(x > 0, x * np.log(WEEKS[unit]) - 1.5 * x, 0.0)
    return cv.Summary(
        frequency=x,
        recency=tx * WEEKS[unit],
        T=T * WEEKS[unit],
        monetary_value=np.where(x > 0, 20.0 + x, 0.0),
        log_gap_sum=gaps,
        unit=unit,
    )


@MODELS
@pytest.mark.parametrize("unit", ["hour", "day", "year"])
@pytest.mark.parametrize("of", ["rows", "model", "both"])
def test_nothing_hangs_on_the_unit_of_time(model: type[Any], unit: str, of: str) -> None:
    spend = cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    first, second = usual(model), usual(model)
    factor = 1.0
    if of != "rows":
        core = model._core_type
        factor = WEEKS[unit]
        powers = dict(zip(core.names, core.time_power, strict=True))
        second = model(**{name: value * factor ** powers[name] for name, value in USUAL[model].items()}, unit=unit)
    if model in DISCRETE and of != "rows":
        return  # an opportunity a unit: another unit is another model
    s, t = rows(model), rows(model, "week" if of == "model" else unit)

    def predictions(m: Any, s: cv.Summary, scale: float) -> dict[str, Any]:
        return {
            "alive": m.probability_alive(s),
            "alive ahead": m.probability_alive(s, "26 weeks"),
            "expected": m.expected_purchases(s, "26 weeks"),
            "none": m.probability_no_purchase(s, "26 weeks"),
            "pmf": m.purchase_pmf(s, "26 weeks", 5),
            "median": m.purchase_quantile(s, "26 weeks", 0.5),
            "most": m.purchase_quantile(s, "26 weeks", 0.99),
            "wait": m.next_purchase_quantile(s, 0.3) * scale,
            "discounted": m.discounted_expected_purchases(s, 0.1),
            "discounted within": m.discounted_expected_purchases(s, 0.1, "52 weeks"),
            "new": m.expected_purchases_new_customer("52 weeks"),
            "new pmf": m.purchase_pmf_new_customer("52 weeks", 5),
            "value": cv.lifetime_value(m, spend, s, horizon="104 weeks", annual_rate=0.1, margin=0.3)["value"],
        }

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected, found = predictions(first, s, 1.0), predictions(second, t, 1.0 / factor)
    for name, values in expected.items():
        assert np.isfinite(values).all() or name == "wait", name
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-300, err_msg=name)
    # A density of purchase times is in the unit of its rows.
    shift = 0.0 if model in DISCRETE else s.frequency * math.log(WEEKS["week" if of == "model" else unit])
    if "CNBD" in model.__name__:
        shift = shift - (first.params_["k"] - 1) * 0.0
    np.testing.assert_allclose(second.log_likelihood(t) + shift, first.log_likelihood(s), rtol=1e-9, atol=1e-9)


@MODELS
def test_quantiles(model: type[Any]) -> None:
    m, s = usual(model), rows(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        wait = m.next_purchase_quantile(s, 0.2)
    below = np.cumsum(m.purchase_pmf(s, "13 weeks", 60), axis=1)
    for q in (0.1, 0.5, 0.95):
        n = m.purchase_quantile(s, "13 weeks", q).astype(int)
        assert (below[np.arange(len(s)), n] >= q - 1e-12).all()
        assert (below[np.arange(len(s)), np.maximum(n - 1, 0)][n > 0] < q + 1e-12).all()
    for i in np.flatnonzero(np.isfinite(wait)):
        none = m.probability_no_purchase(s, wait[i])[i]
        assert none == pytest.approx(0.8, rel=1e-9) if model not in DISCRETE else none <= 0.8 + 1e-12


def test_quantiles_without_end_say_so() -> None:
    m, s = usual(cv.BetaGeoNBD), rows(cv.BetaGeoNBD)
    with pytest.warns(RuntimeWarning, match=r"infinite for 7 of 7 rows: any number .* above 0"):
        assert np.isinf(m.purchase_quantile(s, "1 year", 1.0)).all()
    with pytest.warns(RuntimeWarning, match=r"the chance that they ever buy again is not above 0\.9"):
        assert np.isinf(m.next_purchase_quantile(s, 0.9)).any()
    with pytest.raises(ValueError, match=r"q is 1\.5 where a probability"):
        m.purchase_quantile(s, "1 year", 1.5)


@MODELS
def test_simulated_customers_are_as_foretold(model: type[Any]) -> None:
    """Means, distributions and the chance of silence of new customers, within four standard errors."""
    m, n = usual(model), 20_000
    log = m.simulate(n, "39 weeks", seed=11)
    assert log.columns == ["customer_id", "time"]
    repeat = np.bincount(log["customer_id"], minlength=n + 1)[1:] - 1
    assert (repeat >= 0).all()
    times = log["time"]
    assert times.min() == np.datetime64("2024-01-01")
    assert times.max() <= np.datetime64("2024-01-01") + np.timedelta64(39 * 7, "D")
    error = repeat.std() / math.sqrt(n)
    assert repeat.mean() == pytest.approx(m.expected_purchases_new_customer("39 weeks"), abs=4 * error)
    for count, chance in enumerate(m.purchase_pmf_new_customer("39 weeks", 6)):
        share = (repeat == count).mean()
        assert share == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / n) + 1e-12), count
    # The same whatever the threads, and the first customers whatever their number.
    again = m.simulate(1000, "39 weeks", seed=11, threads=1)
    np.testing.assert_array_equal(again["time"], times[: len(again)])


@pytest.mark.parametrize(
    "model",
    [cv.BetaGeoNBD, cv.ModifiedBetaGeoNBD, cv.ParetoNBD, cv.NBD, cv.BetaGeoCNBD, cv.BetaGeoBetaBinomial],
    ids=lambda model: model.__name__,
)
def test_what_is_planted_is_found_again(model: type[Any]) -> None:
    m, n = usual(model), 6000
    ages = 52.0 + np.arange(n) % 26
    log = m.simulate(n, ages, seed=5, start="2023-01-02")
    until = np.datetime64("2023-01-02") + np.timedelta64(int(ages.max()) * 7, "D")
    s = cv.summarize(log, customer="customer_id", time="time", collapse="none", observe_until=str(until))
    assert len(s) == n
    np.testing.assert_allclose(s.T, ages, atol=0.15)
    if model is cv.BetaGeoBetaBinomial:
        s = cv.Summary(frequency=s.frequency, recency=np.round(s.recency), T=np.round(s.T), unit="week")
    held = {"k": 3} if model is cv.BetaGeoCNBD else {}
    fitted = model(**held).fit(s)
    assert fitted.report_.converged
    for name, error in fitted.report_.standard_errors.items():
        assert fitted.params_[name] == pytest.approx(USUAL[model][name], abs=4 * error), name


@pytest.mark.parametrize("model", CONTRACTS, ids=lambda model: model.__name__)
def test_simulated_contracts_are_found_again(model: type[Any]) -> None:
    m, n = usual(model), 20_000
    log = m.simulate(n, 12, seed=5)
    made = np.bincount(log["customer_id"], minlength=n + 1)[1:] - 1
    fitted = model().fit(cv.contracts(T=np.where(made < 12, made + 1, 12), churned=made < 12, unit="week"))
    for name, error in fitted.report_.standard_errors.items():
        assert fitted.params_[name] == pytest.approx(USUAL[model][name], abs=4 * error), name


def test_simulated_amounts_and_arguments() -> None:
    m, g = usual(cv.ParetoNBD), cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    log = m.simulate(20_000, np.timedelta64(200, "D"), 3, spend=g, start="2020-02-29")
    assert log.columns == ["customer_id", "time", "amount"]
    first = np.unique(log["customer_id"], return_index=True)[1]
    amounts = log["amount"][first]
    assert amounts.mean() == pytest.approx(g.population_mean_, abs=4 * amounts.std() / math.sqrt(len(amounts)))
    ages = m.simulate(2, np.array([7, 14], dtype="timedelta64[D]"), 1)
    begin = ages["time"][np.unique(ages["customer_id"], return_index=True)[1]]
    assert begin.tolist() == np.array(["2024-01-08", "2024-01-01"], dtype="datetime64[us]").tolist()
    assert len(m.simulate(0, "1 week", 1)) == 0
    with pytest.raises(ValueError, match="n must be a whole number"):
        m.simulate(-1, "1 week", 1)
    with pytest.raises(ValueError, match="T must be one length of time or 2"):
        m.simulate(2, [1.0, 2.0, 3.0], 1)
    with pytest.raises(ValueError, match='column "T", row 0'):
        m.simulate(1, [-1.0], 1)
    with pytest.raises(ValueError, match="no unit of time"):
        cv.NBD(r=1.0, alpha=1.0).simulate(1, 1.0, 1)


def test_posterior() -> None:
    log = usual(cv.BetaGeoNBD).simulate(800, "52 weeks", seed=2)
    s = cv.summarize(log, customer="customer_id", time="time", collapse="none", observe_until="2024-12-30")
    m = cv.BetaGeoNBD().fit(s)
    draws = m.posterior(1000, seed=1)
    assert draws.columns == ["r", "alpha", "a", "b"]
    assert len(draws) == 1000
    np.testing.assert_array_equal(draws["a"], m.posterior(1000, seed=1, threads=1)["a"])
    assert (draws["a"] != m.posterior(1000, seed=2)["a"]).any()
    # With r, alpha and b held the posterior of a is one integral, here over a fine grid.
    held = cv.BetaGeoNBD(r=0.243, alpha=4.414, b=2.426).fit(s)
    one = held.posterior(4000, seed=3)
    assert set(one["r"]) == {0.243}
    grid = held.params_["a"] * np.exp(np.linspace(-1.5, 1.5, 301))
    logs = np.array(
        [cv.BetaGeoNBD(r=0.243, alpha=4.414, a=a, b=2.426, unit="week").log_likelihood(s).sum() for a in grid]
    )
    weight = np.exp(logs - logs.max())
    mean = (weight * grid).sum() / weight.sum()
    spread = math.sqrt((weight * (grid - mean) ** 2).sum() / weight.sum())
    assert one["a"].mean() == pytest.approx(mean, abs=5 * spread / math.sqrt(2000))
    assert one["a"].std() == pytest.approx(spread, rel=0.08)
    with pytest.raises(AttributeError, match="has not been fitted"):
        usual(cv.BetaGeoNBD).posterior(10, 1)


def test_posterior_of_spend() -> None:
    """With p and q held the posterior of gamma is one integral, here over a fine grid."""
    g = cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    log = usual(cv.NBD).simulate(800, "52 weeks", seed=2, spend=g)
    s = cv.summarize(log, customer="customer_id", time="time", amount="amount", collapse="none")
    fitted = cv.GammaGamma(p=6.25, q=3.74).fit(s)
    draws = fitted.posterior(4000, seed=1)
    assert set(draws["p"]) == {6.25}
    grid = fitted.params_["gamma"] * np.exp(np.linspace(-0.5, 0.5, 401))
    logs = np.array([cv.GammaGamma(p=6.25, q=3.74, gamma=v).log_likelihood(s).sum() for v in grid])
    weight = np.exp(logs - logs.max())
    mean = (weight * grid).sum() / weight.sum()
    spread = math.sqrt((weight * (grid - mean) ** 2).sum() / weight.sum())
    assert draws["gamma"].mean() == pytest.approx(mean, abs=5 * spread / math.sqrt(2000))
    assert draws["gamma"].std() == pytest.approx(spread, rel=0.08)


CALIBRATED = [cv.BetaGeoNBD, cv.ParetoNBD, cv.ModifiedBetaGeoCNBD, cv.GammaGompertzNBD, cv.BetaGeoBetaBinomial, cv.NBD]


@pytest.mark.parametrize("model", CALIBRATED, ids=lambda model: model.__name__)
def test_intervals_of_realised_value_hold(model: type[Any]) -> None:
    """Customers seen for a year and followed for another: how many end within their interval of 90 %."""
    n, rate = 8000 if model is cv.GammaGompertzNBD else 4000, 0.1
    m, g = usual(model), cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    log = m.simulate(n, 104, seed=21, spend=g)
    week = (log["time"] - np.datetime64("2024-01-01")) / np.timedelta64(7, "D")
    who, amount = log["customer_id"] - 1, log["amount"]
    seen = week <= 52
    x = np.bincount(who[seen], minlength=n) - 1
    recency = np.zeros(n)
    np.maximum.at(recency, who[seen], week[seen])
    repeat = seen & (week > 0)
    mean = np.bincount(who[repeat], amount[repeat], n) / np.maximum(x, 1)
    s = cv.Summary(frequency=x, recency=recency, T=np.full(n, 52.0), monetary_value=mean, unit="week")
    discount = np.exp(-math.log1p(rate) * (week - 52) * 7 / 365.25)
    realised = 0.3 * np.bincount(who[~seen], (amount * discount)[~seen], n)
    t = cv.lifetime_value(m, g, s, horizon="52 weeks", annual_rate=rate, margin=0.3, interval=0.9, draws=400, seed=4)
    assert t.columns == ["customer_id", "value", "low", "high"]
    inside = (t["low"] - 1e-9 <= realised) & (realised <= t["high"] + 1e-9)
    silent = m.probability_no_purchase(s, "52 weeks")
    # Where silence is likelier than the interval's level it is [0, 0], and holds as often as silence.
    lively = silent < 0.88
    assert lively.sum() > 500
    assert 0.88 <= inside[lively].mean() <= 0.92
    assert inside.mean() == pytest.approx(np.maximum(silent, 0.9).mean(), abs=0.02)
    # The value itself is the mean of what comes.
    assert realised.mean() == pytest.approx(t["value"].mean(), abs=5 * (realised - t["value"]).std() / math.sqrt(n))


def test_intervals_hang_on_nothing_else() -> None:
    m, g = usual(cv.BetaGeoNBD), cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    s = rows(cv.BetaGeoNBD)

    def ask(model: Any = m, summary: Any = s, **more: Any) -> Any:
        options = {"horizon": "1 year", "annual_rate": 0.1, "interval": 0.8, "draws": 300, **more}
        return cv.lifetime_value(model, g, summary, **options)

    t = ask()
    for column in ("low", "high"):
        np.testing.assert_array_equal(ask(threads=1)[column], t[column])
        backwards = {name: s[name][::-1] for name in ("frequency", "recency", "T", "monetary_value")}
        np.testing.assert_array_equal(ask(summary=backwards)[column][::-1], t[column])
        np.testing.assert_allclose(ask(summary=rows(cv.BetaGeoNBD, "day"))[column], t[column], rtol=1e-9)
    assert (t["low"] <= t["high"]).all()
    assert (ask(seed=2)["high"] != t["high"]).any()
    wider = ask(interval=0.95, draws=3000)["high"]
    assert (wider >= ask(interval=0.5, draws=3000)["high"]).all()
    # Parameters that were given are certain, so that the mean is too.
    sure = ask(kind="mean")
    np.testing.assert_allclose(sure["low"], sure["value"])
    with pytest.raises(ValueError, match="endless horizon needs a positive annual rate"):
        ask(horizon=None, annual_rate=0.0)
    with pytest.raises(ValueError, match="not a chance between 0 and 1"):
        ask(interval=90)
    with pytest.raises(ValueError, match="kind must be"):
        ask(kind="median")


def test_intervals_of_fitted_models_know_their_errors() -> None:
    m, g = usual(cv.ParetoNBD), cv.GammaGamma(p=6.25, q=3.74, gamma=15.44)
    log = m.simulate(400, "52 weeks", seed=9, spend=g)
    s = cv.summarize(
        log, customer="customer_id", time="time", amount="amount", collapse="none", observe_until="2024-12-30"
    )
    purchases, spend = cv.ParetoNBD().fit(s), cv.GammaGamma().fit(s)
    t = cv.lifetime_value(purchases, spend, s, horizon="1 year", annual_rate=0.1, interval=0.9, kind="mean")
    assert (t["low"] < t["value"]).all()
    assert (t["value"] < t["high"]).all()
    truth = cv.lifetime_value(m, g, s, horizon="1 year", annual_rate=0.1)["value"]
    assert ((t["low"] <= truth) & (truth <= t["high"])).mean() > 0.5


@pytest.mark.parametrize("model", CONTRACTS, ids=lambda model: model.__name__)
def test_contracts_have_a_value(model: type[Any]) -> None:
    """One price a renewal: the price times discounted renewals."""
    m = usual(model)
    s = rows(model)
    t = cv.lifetime_value(m, 12.0, s, horizon="52 weeks", annual_rate=0.1, margin=0.5, interval=0.9)
    np.testing.assert_allclose(t["value"], 6.0 * m.discounted_expected_purchases(s, 0.1, "52 weeks"))
    there = m.probability_alive(s) == 1
    assert (t["high"][there] > 0).all()
    assert (t["high"][~there] == 0).all()
    each = cv.lifetime_value(m, np.arange(7.0), s, horizon="52 weeks", annual_rate=0.1)
    np.testing.assert_allclose(each["value"], np.arange(7.0) * t["value"] / 6.0)
    with pytest.raises(ValueError, match="one amount or 7 of them"):
        cv.lifetime_value(m, [1.0, 2.0], s, horizon="52 weeks", annual_rate=0.1)
