"""Whether hazards are proportional: R's cox.zph and its Schoenfeld residuals, rossi, and what cannot be asked."""

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
X = {name: DATA[name] for name in ("x", "y", "z")}
LATE = {"start": DATA["start"]}
ALL = {**LATE, "strata": DATA["stratum"], "weights": DATA["weight"]}

CASES: dict[str, dict[str, Any]] = {
    "efron": {},
    "breslow": {"ties": "breslow"},
    "weights": {"weights": DATA["weight"]},
    "weights.breslow": {"weights": DATA["weight"], "ties": "breslow"},
    "strata": {"strata": DATA["stratum"]},
    "entry": LATE,
    "entry.breslow": {**LATE, "ties": "breslow"},
    "all": ALL,
}


@pytest.mark.parametrize("case", CASES)
def test_statistics_are_those_of_r(case: str) -> None:
    options = dict(CASES[case])
    data = {"X": X, "durations": DATA["stop"], "events": DATA["event"]}
    cox = cv.CoxPH(ties=options.pop("ties", "efron")).fit(**data, **options)
    found = cox.test_proportionality(**data, **options)
    np.testing.assert_allclose(found["statistic"], R[f"cox.{case}.zph"], rtol=1e-8)
    assert found["column"].tolist() == ["x", "y", "z", "(all)"]
    assert found["degrees_of_freedom"].tolist() == [1, 1, 1, 3]


@pytest.mark.parametrize("time", ["km", "rank", "identity", "log"])
def test_every_function_of_time_is_that_of_r(time: str) -> None:
    cox = cv.CoxPH().fit(X, DATA["stop"], DATA["event"])
    found = cox.test_proportionality(X, DATA["stop"], DATA["event"], time=time)
    np.testing.assert_allclose(found["statistic"], R[f"cox.efron.zph.{time}"], rtol=1e-8)


@pytest.mark.parametrize(("case", "options"), [("efron", {}), ("all", ALL)])
def test_residuals_are_those_of_r(case: str, options: dict[str, Any]) -> None:
    cox = cv.CoxPH().fit(X, DATA["stop"], DATA["event"], **options)
    for scaled, name in ((False, ""), (True, ".scaled")):
        found = cox.schoenfeld_residuals(X, DATA["stop"], DATA["event"], scaled=scaled, **options)
        theirs = R[f"cox.{case}.schoenfeld{name}"].reshape(-1, 3)
        assert len(found) == len(theirs) == int(DATA["event"].sum())
        # R goes through strata and times as we do.
        np.testing.assert_allclose(np.column_stack([found[c] for c in X]), theirs, rtol=1e-8, atol=1e-9)
        np.testing.assert_array_equal(found["time"], DATA["stop"][found["row"]])


def test_rossi(data: Callable[[str], Path]) -> None:
    table = np.genfromtxt(data("rossi.csv"), delimiter=",", names=True)
    names = ("fin", "age", "race", "wexp", "mar", "paro", "prio")
    given = {"X": {name: table[name] for name in names}, "durations": table["week"], "events": table["arrest"]}
    found = cv.CoxPH().fit(**given).test_proportionality(**given)
    # cox.zph(f, terms = FALSE) of R's survival 3.5-3.
    statistic = [
        0.0624297500894, 5.97398166115, 2.06826538335, 4.2245956387, 1.01102156455, 0.0183832991358, 0.520584267006,
        17.694415296,
    ]  # fmt: skip
    p_value = [
        0.802696034694, 0.0145184627103, 0.150392488543, 0.0398421115894, 0.314658228112, 0.892149344057,
        0.470592556698, 0.0134275065763,
    ]  # fmt: skip
    np.testing.assert_allclose(found["statistic"], statistic, rtol=1e-8)
    np.testing.assert_allclose(found["p_value"], p_value, rtol=1e-8)


def test_a_coefficient_that_changes_is_found_and_one_that_stays_is_not() -> None:
    random = np.random.default_rng(11)
    size = 4000
    x, y = random.normal(size=(2, size))
    # The hazard is exp(x) up to time 1 and 1 after it: what is left of a unit exponential runs on.
    unit = random.exponential(size=size)
    stop = np.where(unit < np.exp(x), unit / np.exp(x), 1 + unit - np.exp(x))
    given = {"X": {"x": x, "y": y}, "durations": stop, "events": np.ones(size)}
    cox = cv.CoxPH().fit(**given)
    found = cox.test_proportionality(**given)
    assert found["p_value"][0] < 1e-10 and found["p_value"][1] > 1e-3
    residuals = cox.schoenfeld_residuals(**given, scaled=True)
    early = residuals["time"] <= 1
    assert residuals["x"][early].mean() == pytest.approx(1, abs=0.1)
    assert residuals["x"][~early].mean() == pytest.approx(0, abs=0.1)


def test_the_level_holds_where_hazards_are_proportional() -> None:
    random = np.random.default_rng(12)
    runs, rejected = 400, np.zeros(3)
    for _ in range(runs):
        x = random.normal(size=(120, 2))
        stop = random.exponential(size=120) * np.exp(-x @ [0.7, -0.3])
        seen = random.exponential(2.0, size=120)
        given = {"X": x, "durations": np.minimum(stop, seen), "events": stop <= seen}
        rejected += cv.CoxPH().fit(**given).test_proportionality(**given)["p_value"] < 0.05
    # Three standard errors of 400 runs.
    np.testing.assert_allclose(rejected / runs, 0.05, atol=3 * np.sqrt(0.05 * 0.95 / runs))


def test_what_cannot_be_tested_is_told() -> None:
    given = {"X": {**X, "one": np.ones(180)}, "durations": DATA["stop"], "events": DATA["event"]}
    cox = cv.CoxPH().fit(**given)
    found = cox.test_proportionality(**given)
    np.testing.assert_allclose(found["statistic"][[0, 1, 2, 4]], R["cox.efron.zph"], rtol=1e-8)
    assert np.isnan(found["statistic"][3]) and found["degrees_of_freedom"].tolist() == [1, 1, 1, 1, 3]
    with pytest.raises(ValueError, match="time is km, rank, identity or log"):
        cox.test_proportionality(**given, time="square")
    with pytest.raises(ValueError, match="not the rows that the model was fitted to"):
        cox.test_proportionality(**given, strata=DATA["stratum"])
    with pytest.raises(ValueError, match="call fit first"):
        cv.CoxPH().test_proportionality(**given)
    zero = {**given, "durations": np.maximum(DATA["stop"] - 1, 0)}
    early = cv.CoxPH().fit(**zero)
    with pytest.raises(ValueError, match="logarithm of time needs events after time 0"):
        early.test_proportionality(**zero, time="log")
    named = {**given, "X": {"time": X["x"]}}
    model = cv.CoxPH().fit(**named)
    with pytest.raises(ValueError, match="covariates called time"):
        model.schoenfeld_residuals(**named)
