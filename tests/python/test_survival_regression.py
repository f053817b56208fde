"""Cox, Weibull, competing risks and scores: R's survival, brute force, extremes and what cannot be known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clavis as cv
from survival_reference import rows, values

R = values()
DATA = rows()
TIMES = R["times"]
X = {name: DATA[name] for name in ("x", "y", "z")}

CASES: dict[str, dict[str, Any]] = {
    "efron": {},
    "breslow": {"ties": "breslow"},
    "weights": {"weights": DATA["weight"], "robust": True},
    "weights.breslow": {"weights": DATA["weight"], "robust": True, "ties": "breslow"},
    "strata": {"strata": DATA["stratum"], "robust": True},
    "entry": {"start": DATA["start"], "robust": True},
    "entry.breslow": {"start": DATA["start"], "robust": True, "ties": "breslow"},
    "cluster": {"cluster": DATA["cluster"]},
    "all": {
        "start": DATA["start"],
        "strata": DATA["stratum"],
        "cluster": DATA["cluster"],
        "weights": DATA["weight"],
    },
}


def values_of(params: dict[str, float]) -> np.ndarray:
    return np.array(list(params.values()))


@pytest.mark.parametrize("case", CASES)
def test_cox_is_that_of_r(case: str) -> None:
    options = dict(CASES[case])
    ties = options.pop("ties", "efron")
    cox = cv.CoxPH(ties=ties).fit(X, DATA["stop"], DATA["event"], **options)
    theirs = {name.removeprefix(f"cox.{case}."): value for name, value in R.items() if name.startswith(f"cox.{case}.")}
    np.testing.assert_allclose(values_of(cox.params_), theirs["coef"], rtol=1e-9, atol=1e-12)
    robust = theirs["robust"] if len(theirs["robust"]) else theirs["se"]
    np.testing.assert_allclose(values_of(cox.standard_errors_), robust, rtol=1e-8)
    report = cox.report_
    assert report.converged and not report.warnings
    np.testing.assert_allclose([report.log_likelihood_null, report.log_likelihood], theirs["loglik"], rtol=1e-12)
    np.testing.assert_allclose(report.score, theirs["score"], rtol=1e-9)
    np.testing.assert_allclose(cox.concordance_, theirs["concordance"], rtol=1e-12)


def test_offset_is_that_of_r() -> None:
    cox = cv.CoxPH().fit({name: X[name] for name in ("x", "y")}, DATA["stop"], DATA["event"], offset=DATA["z"] / 10)
    np.testing.assert_allclose(values_of(cox.params_), R["cox.offset.coef"], rtol=1e-9)
    np.testing.assert_allclose(cox.log_likelihood_, R["cox.offset.loglik"][1], rtol=1e-12)


def test_baseline_and_predictions_are_those_of_r() -> None:
    cox = cv.CoxPH().fit(X, DATA["stop"], DATA["event"])
    new = {"x": [0.5], "y": [1], "z": [18.0]}
    np.testing.assert_allclose(cox.predict_survival(new, TIMES)[0], R["cox.efron.predict"], rtol=1e-9)
    baseline = cox.baseline_
    at = np.searchsorted(baseline["time"], TIMES, side="right") - 1
    # R leaves columns of 0 and 1 where they are; ours are all centred.
    theirs = dict(zip(X, R["cox.efron.means"], strict=True))
    shift = np.exp(sum(cox.params_[name] * (cox.means_[name] - theirs[name]) for name in X))
    np.testing.assert_allclose(baseline["cumulative_hazard"][at], R["cox.efron.basehaz"] * shift, rtol=1e-9)
    both = cox.predict_partial_hazard(new)[0]
    np.testing.assert_allclose(
        cox.predict_survival(new, TIMES)[0], np.exp(-baseline["cumulative_hazard"][at] * both), rtol=1e-12
    )
    whole = cv.CoxPH().fit(X, DATA["stop"], DATA["event"], **CASES["all"])
    table = whole.baseline_
    assert set(table["stratum"]) == {0, 1, 2}
    assert whole.predict_survival(new, [5.0], strata=[1]).shape == (1, 1)
    with pytest.raises(ValueError, match="name the one of each row"):
        whole.predict_survival(new, [5.0])


def test_rossi(data: Callable[[str], Path]) -> None:
    table = np.genfromtxt(data("rossi.csv"), delimiter=",", names=True)
    names = ("fin", "age", "race", "wexp", "mar", "paro", "prio")
    cox = cv.CoxPH().fit({name: table[name] for name in names}, table["week"], table["arrest"])
    expected = [-0.37942217, -0.05743774, 0.31389979, -0.14979570, -0.43370388, -0.08487108, 0.09149708]
    np.testing.assert_allclose(values_of(cox.params_), expected, atol=1e-8)
    assert cox.report_.log_likelihood_null == pytest.approx(-675.3806323, abs=1e-7)
    assert cox.log_likelihood_ == pytest.approx(-658.7476594, abs=1e-7)
    assert cox.concordance_ == pytest.approx(0.6403292, abs=5e-8)
    aft = cv.WeibullAFT().fit({name: table[name] for name in names}, table["week"], table["arrest"])
    assert aft.scale_ == pytest.approx(0.7124053, abs=5e-8)
    assert aft.log_likelihood_ == pytest.approx(-679.9165639, abs=1e-7)
    assert aft.params_["fin"] == pytest.approx(0.2721634, abs=5e-8)
    assert aft.params_["prio"] == pytest.approx(-0.0658169, abs=5e-8)


# The likelihood, its derivatives and the score residuals straight from their definitions: loops over events and rows.
def brute(beta: np.ndarray, efron: bool, start: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    matrix = np.column_stack(list(X.values()))
    stop, event = DATA["stop"], DATA["event"] == 1
    risk = weight * np.exp(matrix @ beta)
    value, score = 0.0, np.zeros_like(matrix)
    information = np.zeros((3, 3))
    for time in np.unique(stop[event]):
        at_risk, dying = (start < time) & (stop >= time), (stop == time) & event
        count = int(dying.sum())
        mean_weight = weight[dying].sum() / count
        value += (weight[dying] * (matrix[dying] @ beta)).sum()
        for k in range(count):
            share = np.where(dying, 1 - (k / count if efron else 0), at_risk.astype(float)) * risk
            total = share.sum()
            mean = share @ matrix / total
            value -= mean_weight * np.log(total)
            centred = matrix - mean
            information += mean_weight * (centred.T * share) @ centred / total
            score += (np.where(dying, weight / count, 0) - mean_weight * share / total)[:, None] * centred
    return value, score, information


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late", [False, True])
def test_likelihood_and_sandwich_by_their_definitions(ties: str, late: bool) -> None:
    start = DATA["start"].astype(float) if late else np.full(len(DATA["stop"]), -1.0)
    options = {"start": start} if late else {}
    cox = cv.CoxPH(ties=ties).fit(
        X, DATA["stop"], DATA["event"], weights=DATA["weight"], cluster=DATA["cluster"], **options
    )
    value, score, information = brute(values_of(cox.params_), ties == "efron", start, DATA["weight"])
    np.testing.assert_allclose(cox.log_likelihood_, value, rtol=1e-12)
    np.testing.assert_allclose(score.sum(axis=0), 0, atol=1e-7)
    clusters = np.zeros((40, 3))
    np.add.at(clusters, DATA["cluster"], score)
    bread = np.linalg.inv(information)
    np.testing.assert_allclose(cox.report_.covariance, bread @ clusters.T @ clusters @ bread, rtol=1e-8)


def test_order_and_threads_change_no_bit() -> None:
    options = dict(CASES["all"])
    one = cv.CoxPH().fit(X, DATA["stop"], DATA["event"], threads=1, **options)
    order = np.random.default_rng(5).permutation(len(DATA["stop"]))
    other = cv.CoxPH().fit(
        {name: column[order] for name, column in X.items()},
        DATA["stop"][order],
        DATA["event"][order],
        threads=3,
        **{name: column[order] for name, column in options.items()},
    )
    assert one.params_ == other.params_ and one.standard_errors_ == other.standard_errors_
    assert one.log_likelihood_ == other.log_likelihood_ and one.concordance_ == other.concordance_


def test_scales_and_offsets_of_columns_do_not_matter() -> None:
    plain = cv.CoxPH().fit(X, DATA["stop"], DATA["event"], start=DATA["start"])
    moved = {"x": X["x"] * 1e8, "y": X["y"] + 1e6, "z": X["z"] * 1e-8 - 3}
    cox = cv.CoxPH().fit(moved, DATA["stop"] * 1e-7, DATA["event"], start=DATA["start"] * 1e-7)
    factors = np.array([1e-8, 1, 1e8])
    np.testing.assert_allclose(values_of(cox.params_), values_of(plain.params_) * factors, rtol=2e-8)
    np.testing.assert_allclose(cox.log_likelihood_, plain.log_likelihood_, rtol=1e-11)


# One row with e^40 times the risk of the others, under observation for a while: after it has left, nothing of it may
# remain in the sums.
def test_a_huge_risk_leaves_no_trace() -> None:
    random = np.random.default_rng(8)
    size = 60
    x = random.normal(size=size)
    stop = np.arange(2.0, size + 2)
    start = np.zeros(size)
    huge = 40.0
    offset = np.append(np.zeros(size), huge)
    event = np.where(stop == 30, 0.0, 1.0)  # nobody ends while it is there
    long = cv.CoxPH().fit(
        {"x": np.append(x, 0.3)},
        np.append(stop, 30.5),
        np.append(event, 0),
        start=np.append(start, 29.5),
        offset=offset,
    )
    plain = cv.CoxPH().fit({"x": x}, stop, event, start=start)
    # The scales of the columns differ by the row, hence the last digits.
    assert long.params_["x"] == pytest.approx(plain.params_["x"], rel=1e-11)
    assert long.standard_errors_["x"] == pytest.approx(plain.standard_errors_["x"], rel=1e-11)
    direct = cv.CoxPH().fit({"x": x}, stop, event)
    assert direct.params_["x"] == pytest.approx(plain.params_["x"], rel=1e-12)


def test_what_cannot_be_known_is_told() -> None:
    columns = {**X, "same": 2 * X["x"] - X["z"], "one": np.full(180, 7.0)}
    cox = cv.CoxPH().fit(columns, DATA["stop"], DATA["event"])
    plain = cv.CoxPH().fit(X, DATA["stop"], DATA["event"])
    assert np.isnan(cox.params_["same"]) and np.isnan(cox.params_["one"])
    assert cox.report_.converged and cox.report_.degrees_of_freedom == 3
    assert cox.params_["x"] == pytest.approx(plain.params_["x"], rel=1e-10)
    warnings = " ".join(cox.report_.warnings)
    assert '"same" is a linear combination of "x", "z"' in warnings and '"one" is constant' in warnings
    np.testing.assert_allclose(cox.predict_partial_hazard(columns), plain.predict_partial_hazard(X), rtol=1e-9)

    stop = np.arange(1.0, 21)
    separated = cv.CoxPH().fit({"x": (stop <= 10).astype(float)}, stop, (stop <= 10).astype(int))
    assert not separated.report_.converged
    assert 'as the coefficient of "x" grows' in separated.report_.warnings[0]
    within = cv.CoxPH().fit({"x": [0, 0, 1, 1]}, [1, 2, 3, 4], [1, 1, 1, 1], strata=["a", "a", "b", "b"])
    assert np.isnan(within.params_["x"]) and "does not vary" in within.report_.warnings[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"durations": np.where(DATA["id"] == 5, -1, DATA["stop"])}, 'row 4: "-1" is no duration'),
        ({"events": np.where(DATA["id"] == 5, 2, DATA["event"])}, 'row 4: "2" is neither 0'),
        ({"events": np.zeros(180)}, "there are no events"),
        ({"start": DATA["stop"]}, "row 0: .* is not before the duration"),
        ({"X": {**X, "x": np.where(DATA["id"] == 5, np.nan, X["x"])}}, 'column "x", row 4: "nan" is no finite number'),
        ({"X": {**X, "x": np.where(DATA["id"] == 5, np.inf, X["x"])}}, 'column "x", row 4'),
        ({"X": np.zeros((179, 2))}, "179 rows where the durations have 180"),
        ({"weights": -DATA["weight"]}, "row 0: .* is no weight"),
        ({"X": np.zeros((0, 2)), "durations": [], "events": []}, "there are no rows"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], words: str) -> None:
    arguments = {"X": X, "durations": DATA["stop"], "events": DATA["event"], **change}
    with pytest.raises(ValueError, match=words):
        cv.CoxPH().fit(**arguments)


def test_frames_arrays_and_summary() -> None:
    import pandas as pd

    plain = cv.CoxPH().fit(X, DATA["stop"], DATA["event"])
    frame = pd.DataFrame({**X, "y": X["y"] == 1})
    assert cv.CoxPH().fit(frame, DATA["stop"], pd.Series(DATA["event"])).params_ == plain.params_
    array = cv.CoxPH().fit(np.column_stack(list(X.values())), DATA["stop"], DATA["event"])
    assert list(array.params_) == ["x0", "x1", "x2"]
    np.testing.assert_array_equal(values_of(array.params_), values_of(plain.params_))
    summary = plain.summary_
    np.testing.assert_allclose(summary["hazard_ratio"], np.exp(summary["coefficient"]))
    assert "concordance" in repr(plain) and repr(cv.CoxPH()) == "CoxPH(ties='efron')"


def test_weibull_is_that_of_r() -> None:
    aft = cv.WeibullAFT().fit(X, DATA["stop"], DATA["event"])
    np.testing.assert_allclose(values_of(aft.params_), R["weibull.coef"], rtol=1e-9)
    np.testing.assert_allclose(aft.scale_, R["weibull.scale"], rtol=1e-10)
    np.testing.assert_allclose(values_of(aft.standard_errors_), R["weibull.se"], rtol=1e-8)
    np.testing.assert_allclose(aft.log_likelihood_, R["weibull.loglik"][1], rtol=1e-12)
    weighted = cv.WeibullAFT().fit(X, DATA["stop"], DATA["event"], weights=DATA["weight"])
    np.testing.assert_allclose([*weighted.params_.values(), weighted.scale_], R["weibull.weights.coef"], rtol=1e-9)
    survival = aft.predict_survival(X, [1.0, 9.0])
    assert survival.shape == (180, 2) and np.all(survival[:, 0] > survival[:, 1])
    np.testing.assert_allclose(np.diag(aft.predict_survival(X, aft.predict_median(X))), 0.5, rtol=1e-12)
    with pytest.raises(ValueError, match="above 0"):
        cv.WeibullAFT().fit(X, DATA["stop"] * 0, DATA["event"])
    told = cv.WeibullAFT().fit({**X, "one": np.ones(180)}, DATA["stop"], DATA["event"])
    assert np.isnan(told.params_["one"]) and "constant" in told.warnings_[0]
    assert told.params_["x"] == pytest.approx(aft.params_["x"], rel=1e-9)


def test_competing_risks_are_those_of_r_and_of_the_formula() -> None:
    curves = cv.AalenJohansen().fit(DATA["stop"], DATA["cause"])
    for cause in (1, 2):
        np.testing.assert_allclose(curves.predict(cause, TIMES), R[f"aj.{cause}"], rtol=1e-12)
    table = curves.cumulative_incidence_
    total = sum(table["incidence"][table["cause"] == cause] for cause in (1, 2)) + curves.survival_["survival"]
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    # The variance written out, quadratic in the number of times (Andersen and others 1993).
    one = table.take(table["cause"] == 2)
    time = one["time"]
    n = one["at_risk"]
    d = np.array([((DATA["stop"] == t) & (DATA["cause"] > 0)).sum() for t in time])
    own = np.array([((DATA["stop"] == t) & (DATA["cause"] == 2)).sum() for t in time])
    before = np.concatenate([[1.0], curves.survival_["survival"][:-1]])
    f = one["incidence"]
    for k in range(len(time) - 1):
        use = slice(0, k + 1)
        rest = f[k] - f[use]
        variance = np.sum(
            rest**2 * d[use] / n[use] / (n[use] - d[use])
            + before[use] ** 2 * own[use] * (n[use] - own[use]) / n[use] ** 3
            - 2 * rest * before[use] * own[use] / n[use] ** 2
        )
        np.testing.assert_allclose(one["se"][k], np.sqrt(variance), rtol=1e-10)
    single = cv.AalenJohansen().fit(DATA["stop"], DATA["event"])
    km = cv.KaplanMeier().fit(DATA["stop"], DATA["event"])
    np.testing.assert_allclose(single.predict(1, TIMES), 1 - km.predict(TIMES), rtol=1e-12)
    np.testing.assert_allclose(single.cumulative_incidence_["se"], km.survival_function_["se"], rtol=1e-9)
    named = cv.AalenJohansen().fit([1, 2, 3], ["moved", None, "switched"])
    assert list(np.unique(named.cumulative_incidence_["cause"].astype(str))) == ["moved", "switched"]
    with pytest.raises(ValueError, match="no row ended by"):
        named.predict("stopped", 1)


def pairs(score: np.ndarray, start: np.ndarray | None = None) -> tuple[float, float, float]:
    stop, event = DATA["stop"], DATA["event"]
    counts = [0.0, 0.0, 0.0]
    for i in np.flatnonzero(event):
        longer = (stop > stop[i]) | ((stop == stop[i]) & (event == 0))
        if start is not None:
            longer &= start < stop[i]
        counts[0] += (score[longer] < score[i]).sum()
        counts[1] += (score[longer] > score[i]).sum()
        counts[2] += (score[longer] == score[i]).sum()
    return counts[0], counts[1], counts[2]


def test_concordance_is_that_of_r_and_of_all_pairs() -> None:
    score = DATA["x"] - 0.5 * DATA["y"]
    for_all = {"durations": DATA["stop"], "events": DATA["event"], "scores": score}
    assert cv.concordance_index(**for_all) == pytest.approx(R["concordance"][0], abs=1e-14)
    weighted = cv.concordance_index(**for_all, weights=DATA["weight"])
    assert weighted == pytest.approx(R["concordance.weights"][0], abs=1e-13)
    uno = cv.concordance_index(**for_all, censoring_weights=True, until=18)
    assert uno == pytest.approx(R["concordance.uno"][0], abs=1e-13)
    rounded = np.round(score)
    concordant, discordant, tied = pairs(rounded, DATA["start"])
    found = cv.concordance_index(DATA["stop"], DATA["event"], rounded, start=DATA["start"])
    assert found == pytest.approx((concordant + tied / 2) / (concordant + discordant + tied), abs=1e-14)
    assert np.isnan(cv.concordance_index([1, 2], [0, 0], [1, 2]))


def test_brier_by_its_definition() -> None:
    cox = cv.CoxPH().fit(X, DATA["stop"], DATA["event"])
    at = np.array([3.0, 8.0, 12.0])
    predicted = cox.predict_survival(X, at)
    score, integrated = cv.brier_score(DATA["stop"], DATA["event"], predicted, at)
    stop, event = DATA["stop"], DATA["event"]

    def censoring(t: float, before: bool) -> float:
        g = 1.0
        for u in np.unique(stop[event == 0]):
            if u < t or (u == t and not before):
                at_risk = (stop > u).sum() + ((stop == u) & (event == 0)).sum()
                g *= 1 - ((stop == u) & (event == 0)).sum() / at_risk
        return g

    for k, t in enumerate(at):
        total = 0.0
        for i in range(len(stop)):
            if stop[i] > t:
                total += (1 - predicted[i, k]) ** 2 / censoring(t, False)
            elif event[i]:
                total += predicted[i, k] ** 2 / censoring(stop[i], True)
        assert score[k] == pytest.approx(total / len(stop), rel=1e-12)
    assert integrated == pytest.approx(np.trapezoid(score, at) / 9, rel=1e-12)
