"""choose_model: scores against integrals over the customers' rates, ties, failures, and what is no holdout."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clavis as cv

pd = pytest.importorskip("pandas")
scipy_stats = pytest.importorskip("scipy.stats")
scipy_special = pytest.importorskip("scipy.special")


@pytest.fixture(scope="module")
def log(data: Callable[[str], Path]) -> Any:
    return pd.read_csv(data("cdnow_sample.csv"))


@pytest.fixture(scope="module")
def choice(log: Any) -> cv.ModelChoice:
    return cv.choose_model(log, customer="sample_id", time="date", amount="amount", calibrate_until="1997-09-30")


def row(choice: cv.ModelChoice, model: str) -> dict[str, Any]:
    (position,) = np.flatnonzero(choice["model"] == model)
    return {name: choice[name][position] for name in choice.columns}


@pytest.mark.parametrize(
    ("model", "expected", "error", "log_likelihood"),
    [
        ("BetaGeoNBD", 1653.41, 0.78545, -9582.42921),
        ("ParetoNBD", 1665.51, 0.75452, -9594.976179),
        ("ModifiedBetaGeoNBD", 1576.73, 0.76478, -9582.13572),
    ],
)
def test_known_figures(
    choice: cv.ModelChoice, model: str, expected: float, error: float, log_likelihood: float
) -> None:
    found = row(choice, model)
    assert found["expected_purchases"] == pytest.approx(expected, abs=0.006)
    assert found["mean_absolute_error"] == pytest.approx(error, abs=6e-6)
    assert found["holdout_purchases"] == 1882
    assert found["bias"] == pytest.approx(expected - 1882, abs=0.006)
    assert found["log_likelihood"] == pytest.approx(log_likelihood, abs=1e-5)
    assert found["fitted_parameters"] == 4
    assert found["aic"] == pytest.approx(8 - 2 * log_likelihood, abs=3e-5)
    assert found["bic"] == pytest.approx(4 * math.log(2357) - 2 * log_likelihood, abs=3e-5)
    assert found["converged"]


def counts_given_rate(s: cv.Summary, shape: float, scale: float, span: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """P(N = y) for Gamma-distributed rates, by customer and by length of time (a matrix)."""
    y = s.frequency_holdout[:, None]
    n = (shape + s.frequency)[:, None]
    return scipy_stats.nbinom.pmf(y, n, 1 / (1 + span / (scale + s["T"])[:, None]))


def test_log_score_of_pareto_by_an_integral_over_the_moment_of_leaving(choice: cv.ModelChoice) -> None:
    s, m = choice.summary, choice.models["ParetoNBD"]
    p, alive, t = m.params_, m.probability_alive(s), 39.0
    # Lomax distributed lifetime from now on: its quantiles turn the integral over it into one over (0, 1).
    nodes, weights = np.polynomial.legendre.leggauss(80)
    beta = (p["beta"] + s["T"])[:, None]
    stays = (beta / (beta + t)) ** p["s"]
    u = (1 - stays) * (nodes[None, :] + 1) / 2
    moment = beta * ((1 - u) ** (-1 / p["s"]) - 1)
    left = (counts_given_rate(s, p["r"], p["alpha"], moment) @ weights) / 2 * (1 - stays[:, 0])
    here = counts_given_rate(s, p["r"], p["alpha"], np.array([[t]]))[:, 0] * stays[:, 0]
    probability = alive * (left + here) + (1 - alive) * (s.frequency_holdout == 0)
    assert row(choice, "ParetoNBD")["holdout_log_score"] == pytest.approx(np.log(probability).sum(), rel=1e-9)


@pytest.mark.parametrize(("model", "more"), [("BetaGeoNBD", 0), ("ModifiedBetaGeoNBD", 1)])
def test_log_score_of_beta_geo_by_an_integral_over_the_chance_of_leaving(
    choice: cv.ModelChoice, model: str, more: int
) -> None:
    s, m = choice.summary, choice.models[model]
    p, alive, t = m.params_, m.probability_alive(s), 39.0
    y = s.frequency_holdout
    just = counts_given_rate(s, p["r"], p["alpha"], np.array([[t]]))[:, 0]
    n = p["r"] + s.frequency
    at_least = scipy_stats.nbinom.sf(y - 1, n, 1 / (1 + t / (p["alpha"] + s["T"])))
    here = np.empty(len(s))
    for x, count in {*zip(s.frequency.tolist(), y.tolist(), strict=True)}:
        nodes, weights = scipy_special.roots_jacobi(60, p["b"] + x + more - 1, p["a"] - 1)
        chance, weights = (nodes + 1) / 2, weights / weights.sum()
        stay = weights @ (1 - chance) ** count
        leave = weights @ (chance * (1 - chance) ** (count - 1)) if count else 0.0
        of_these = (s.frequency == x) & (y == count)
        here[of_these] = stay * just[of_these] + leave * at_least[of_these]
    probability = alive * here + (1 - alive) * (y == 0)
    assert row(choice, model)["holdout_log_score"] == pytest.approx(np.log(probability).sum(), rel=1e-9)


def test_order_ties_and_notes(choice: cv.ModelChoice) -> None:
    assert choice["rank"].tolist() == [1, 1, 3, 3, 5, 5, 7]
    assert (np.diff(choice["holdout_log_score"]) <= 1e-3).all()
    assert choice["model"][-1] == "NBD"
    assert choice["behind"][0] == 0
    assert choice["behind_error"][:2].tolist() == [0, 0]
    # The nested model and the one with a parameter more that turns into it: the smaller one comes first.
    assert choice["model"][:2].tolist() == ["ModifiedBetaGeoNBD", "ModifiedBetaGeoCNBD"]
    assert "tied with ModifiedBetaGeoNBD; k = 1" in row(choice, "ModifiedBetaGeoCNBD")["note"]
    ridge = row(choice, "GammaGompertzNBD")
    assert not ridge["converged"]
    assert "tied with ParetoNBD" in ridge["note"] and "b goes to 0" in ridge["note"]
    assert "not told apart from ModifiedBetaGeoNBD" in row(choice, "BetaGeoNBD")["note"]
    assert row(choice, "NBD")["note"] == ""
    assert type(choice.best) is cv.ModifiedBetaGeoNBD


def test_error_of_the_difference(choice: cv.ModelChoice) -> None:
    s = choice.summary
    scores = {}
    for name in ("ModifiedBetaGeoNBD", "ParetoNBD"):
        pmf = choice.models[name].purchase_pmf(s, "39 weeks", int(s.frequency_holdout.max()))
        scores[name] = np.log(pmf[np.arange(len(s)), s.frequency_holdout])
    difference = scores["ModifiedBetaGeoNBD"] - scores["ParetoNBD"]
    found = row(choice, "ParetoNBD")
    assert found["behind"] == pytest.approx(difference.sum(), rel=1e-9)
    assert found["behind_error"] == pytest.approx(math.sqrt(len(s)) * difference.std(ddof=1), rel=1e-9)
    actual = s.frequency_holdout
    squared = (choice.models["ParetoNBD"].expected_purchases(s, "39 weeks") - actual) ** 2
    assert found["root_mean_squared_error"] == pytest.approx(math.sqrt(squared.mean()), rel=1e-12)


@pytest.fixture(scope="module")
def made() -> cv.Summary:
    rng = np.random.default_rng(3)
    n = 2000
    rate, chance = rng.gamma(0.8, 1 / 8.0, n), rng.beta(1.2, 3.0, n)
    born = rng.integers(0, 84, n)
    customers, days = [np.arange(n)], [born]
    for i in range(n):
        at = float(born[i])
        while rng.uniform() > chance[i] or at == born[i]:
            at += 7 * rng.exponential(1 / max(rate[i], 1e-9))
            if at >= 728:
                break
            customers.append(np.array([i]))
            days.append(np.array([int(at)]))
    day = np.datetime64("2022-01-01") + np.concatenate(days)
    table = {"customer_id": np.concatenate(customers), "time": day}
    return cv.summarize(table, calibrate_until="2022-12-30", observe_until="2023-12-29")


def test_the_planted_model_is_not_beaten_by_more_than_chance(made: cv.Summary) -> None:
    found = cv.choose_model(made, candidates=[cv.BetaGeoNBD, cv.ParetoNBD, cv.NBD])
    planted = row(found, "BetaGeoNBD")
    assert planted["behind"] <= 2 * max(planted["behind_error"], 0.5)
    assert row(found, "NBD")["behind"] > 20


def test_candidates_of_every_kind(made: cv.Summary) -> None:
    given = cv.BetaGeoNBD(r=0.8, alpha=8.0, a=1.2, b=3.0, unit="week")
    held = cv.ParetoNBD(r=0.8)
    found = cv.choose_model(made, candidates=["NBD", given, held, cv.NBD])
    assert len(found) == 3
    fixed = row(found, repr(given))
    assert fixed["fitted_parameters"] == 0
    assert "nothing was fitted" in fixed["note"]
    assert fixed["aic"] == pytest.approx(-2 * given.log_likelihood(made).sum())
    partly = row(found, "ParetoNBD(r=0.8)")
    assert partly["fitted_parameters"] == 3
    assert found.models["ParetoNBD(r=0.8)"].params_["r"] == 0.8
    with pytest.raises(AttributeError, match="no parameters yet"):
        _ = held.params_  # a candidate is copied, not fitted
    assert type(cv.choose_model(made, candidates="NBD").best) is cv.NBD


def test_a_candidate_that_cannot_be_fitted_says_why(made: cv.Summary) -> None:
    bare = made._only([name for name in made.columns if name != "log_gap_sum"])
    found = cv.choose_model(bare, candidates=[cv.BetaGeoCNBD, cv.BetaGeoBetaBinomial, cv.NBD])
    assert found["model"].tolist() == ["NBD", "BetaGeoCNBD", "BetaGeoBetaBinomial"]
    assert found["rank"].tolist() == [1, 2, 2]
    assert "log_gap_sum" in row(found, "BetaGeoCNBD")["note"]
    assert "not a whole number of opportunities" in row(found, "BetaGeoBetaBinomial")["note"]
    assert np.isnan(found["holdout_log_score"]).tolist() == [False, True, True]
    assert found["converged"].tolist() == [True, False, False]
    assert list(found.models) == ["NBD"]
    nothing = cv.choose_model(bare, candidates=[cv.BetaGeoCNBD])
    with pytest.raises(ValueError, match="no candidate could be fitted"):
        _ = nothing.best


def test_whole_periods_take_in_bg_bb(log: Any) -> None:
    keywords = {"customer": "sample_id", "time": "date", "unit": "week", "collapse": "week"}
    few = log[log["sample_id"] <= 400]
    s = cv.summarize(few, calibrate_until="1997-09-28", observe_until="1998-06-28", skip_late=True, **keywords)
    found = cv.choose_model(s)
    assert "BetaGeoBetaBinomial" in found["model"]
    assert "compare with no other row" in row(found, "BetaGeoBetaBinomial")["note"]
    assert len(found) == 8


def test_weights_and_threads(made: cv.Summary) -> None:
    names = ("frequency", "recency", "T", "frequency_holdout", "duration_holdout")
    rows = {name: made[name][:500] for name in names}
    doubled = cv.Summary.__new__(cv.Summary)
    doubled._set({name: np.tile(values, 2) for name, values in rows.items()}, made._unit)
    weighted = cv.Summary.__new__(cv.Summary)
    weighted._set({**rows, "weights": np.full(500, 2.0)}, made._unit)
    one = cv.choose_model(doubled, candidates=["NBD", "ParetoNBD"], threads=1)
    other = cv.choose_model(weighted, candidates=["NBD", "ParetoNBD"], threads=2)
    for name in one.columns:
        if one[name].dtype.kind == "f":
            assert other[name] == pytest.approx(one[name], rel=1e-9), name
        else:
            assert other[name].tolist() == one[name].tolist(), name


def test_progress(made: cv.Summary) -> None:
    seen: list[tuple[str, float]] = []
    cv.choose_model(made, candidates=["NBD", "BetaGeoNBD"], progress=lambda stage, done: seen.append((stage, done)))
    assert {stage.split(":")[0] for stage, _ in seen} == {"NBD", "BetaGeoNBD"}
    assert all(0 <= done <= 1 for _, done in seen)
    with pytest.raises(cv.Cancelled):
        cv.choose_model(made, candidates=["BetaGeoNBD"], progress=lambda stage, done: False)


def test_what_is_no_holdout_and_no_candidate(made: cv.Summary) -> None:
    table = {"customer_id": [1, 1, 2], "time": ["2024-01-01", "2024-01-09", "2024-01-03"]}
    with pytest.raises(ValueError, match="calibrate_until is missing"):
        cv.choose_model(table)
    with pytest.raises(ValueError, match="no holdout: make it with calibrate_until"):
        cv.choose_model(cv.summarize(table))
    with pytest.raises(ValueError, match="cannot be applied to it"):
        cv.choose_model(made, calibrate_until="2022-12-31")
    with pytest.raises(ValueError, match="holdout has no length"):
        cv.choose_model(table, calibrate_until="2024-01-09")
    for wrong in ("Nothing", cv.GammaGamma, cv.ShiftedBetaGeo(), 3):
        with pytest.raises(ValueError, match="is no model of repeat purchases"):
            cv.choose_model(made, candidates=[wrong])
    with pytest.raises(ValueError, match="no candidates"):
        cv.choose_model(made, candidates=[])
    with pytest.raises(TypeError, match="custmer"):
        cv.choose_model(table, calibrate_until="2024-01-05", custmer="id")
