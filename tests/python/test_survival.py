"""Survival curves, hazards and log-rank tests against R's survival, and on what cannot be used."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clavis as cv
from survival_reference import rows, values

R = values()
DATA = rows()
TIMES = R["times"]


CASES = {
    "log-log": {},
    "log": {"interval": "log"},
    "plain": {"interval": "plain"},
    "entry": {"entry": DATA["start"]},
    "weights": {"weights": DATA["weight"]},
    "entry.weights": {"entry": DATA["start"], "weights": DATA["weight"]},
}


@pytest.mark.parametrize("case", CASES)
def test_curves_are_those_of_r(case: str) -> None:
    options = dict(CASES[case])
    km = cv.KaplanMeier(interval=options.pop("interval", "log-log")).fit(DATA["stop"], DATA["event"], **options)
    table = km.survival_function_
    at = np.searchsorted(table["time"], TIMES, side="right") - 1
    for ours, theirs in (("survival", "survival"), ("se", "se"), ("low", "low"), ("high", "high")):
        np.testing.assert_allclose(table[ours][at], R[f"km.{case}.{theirs}"], rtol=1e-12)
    next_at = np.searchsorted(table["time"], TIMES)
    np.testing.assert_allclose(table["at_risk"][next_at], R[f"km.{case}.n"], rtol=1e-12)
    np.testing.assert_array_equal(km.predict(TIMES), table["survival"][at])


def test_quantiles_and_restricted_mean_are_those_of_r() -> None:
    km = cv.KaplanMeier().fit(DATA["stop"].astype(np.float32), DATA["event"].astype(bool))
    for p in (0.25, 0.5, 0.6):
        np.testing.assert_array_equal(km.quantile(p), R[f"km.quantile.{p}"])
    assert km.median_ == R["km.quantile.0.5"][0]
    np.testing.assert_allclose(km.restricted_mean(15)[:2], R["km.rmst.15"], rtol=1e-12)


def test_hazard_is_that_of_r() -> None:
    na = cv.NelsonAalen().fit(DATA["stop"], DATA["event"])
    table = na.cumulative_hazard_
    at = np.searchsorted(table["time"], TIMES, side="right") - 1
    np.testing.assert_allclose(na.predict(TIMES), R["na.hazard"], rtol=1e-12)
    np.testing.assert_allclose(table["se"][at], R["na.se"], rtol=1e-12)


def test_log_rank_is_that_of_r() -> None:
    plain = cv.log_rank(DATA["stop"], DATA["event"], DATA["group"])
    np.testing.assert_allclose(plain.statistic, R["logrank"], rtol=1e-12)
    np.testing.assert_allclose(plain.groups["observed"], R["logrank.observed"], rtol=1e-12)
    np.testing.assert_allclose(plain.groups["expected"], R["logrank.expected"], rtol=1e-12)
    strata = cv.log_rank(DATA["stop"], DATA["event"], DATA["group"], strata=DATA["stratum"])
    np.testing.assert_allclose(strata.statistic, R["logrank.strata"], rtol=1e-12)
    early = cv.log_rank(DATA["stop"], DATA["event"], DATA["group"], rho=1)
    np.testing.assert_allclose(early.statistic, R["logrank.rho"], rtol=1e-12)
    assert plain.degrees_of_freedom == 3 and 0 < plain.p_value < 1


def test_log_rank_with_late_entry_by_the_definition() -> None:
    start, stop, event, group = DATA["start"], DATA["stop"], DATA["event"], DATA["group"]
    difference, variance = np.zeros(4), np.zeros((4, 4))
    for time in np.unique(stop[event == 1]):
        at_risk = (start < time) & (stop >= time)
        dying = (stop == time) & (event == 1)
        n = np.bincount(group[at_risk], minlength=4)
        d, total = dying.sum(), at_risk.sum()
        share = n / total
        difference += np.bincount(group[dying], minlength=4) - d * share
        if total > 1:
            variance += d * (total - d) / (total - 1) * (np.diag(share) - np.outer(share, share))
    expected = difference[1:] @ np.linalg.solve(variance[1:, 1:], difference[1:])
    found = cv.log_rank(stop, event, group, entry=start)
    np.testing.assert_allclose(found.statistic, expected, rtol=1e-10)


def test_rossi(data: Callable[[str], Path]) -> None:
    table = np.genfromtxt(data("rossi.csv"), delimiter=",", names=True)
    km = cv.KaplanMeier().fit(table["week"], table["arrest"])
    np.testing.assert_allclose(
        km.predict([10, 20, 30, 40, 52]), [0.965278, 0.907407, 0.861111, 0.803241, 0.736111], atol=5e-7
    )
    assert km.survival_function_["se"][-1] == pytest.approx(0.0212051, abs=5e-8)
    assert np.isnan(km.median_)


def test_waltons() -> None:
    # Lifetimes of fruit flies that come with the package lifelines: R's medians with their intervals, and its log-rank.
    package = importlib.util.find_spec("lifelines")
    if package is None or package.origin is None:
        pytest.skip("the waltons data come with the package lifelines, which is not installed")
    file = Path(package.origin).parent / "datasets" / "waltons_dataset.csv"
    table = np.genfromtxt(file, delimiter=",", names=True, dtype=None, encoding="utf-8")
    found = cv.KaplanMeier(interval="log").fit(table["T"], table["E"], groups=table["group"])
    assert found.median_ == {"control": 58, "miR-137": 26}
    assert found.median_interval_ == {"control": (56, 60), "miR-137": (22, 29)}
    assert cv.log_rank(table["T"], table["E"], table["group"]).statistic == pytest.approx(122.2, abs=0.05)


def test_groups_are_curves_of_their_own() -> None:
    labels = np.array(["north", "south"])[DATA["y"]]
    both = cv.KaplanMeier().fit(DATA["stop"], DATA["event"], entry=DATA["start"], groups=labels)
    table = both.survival_function_
    for label in ("north", "south"):
        chosen = labels == label
        one = cv.KaplanMeier().fit(DATA["stop"][chosen], DATA["event"][chosen], entry=DATA["start"][chosen])
        part = table.take(table["group"] == label)
        for name in one.survival_function_.columns:
            np.testing.assert_array_equal(part[name], one.survival_function_[name])
        assert both.median_[label] == one.median_
    assert "north: " in repr(both)


def test_merged_shards_are_the_whole() -> None:
    whole = cv.KaplanMeier().fit(DATA["stop"], DATA["event"])
    parts = [cv.KaplanMeier().fit(DATA["stop"][a:b], DATA["event"][a:b]) for a, b in ((0, 31), (31, 32), (32, 180))]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    for name in whole.survival_function_.columns:
        np.testing.assert_array_equal(merged.survival_function_[name], whole.survival_function_[name])


def test_types_and_time_spans() -> None:
    days = cv.KaplanMeier().fit(DATA["stop"].astype("timedelta64[D]"), DATA["event"].astype(bool))
    hours = cv.KaplanMeier().fit((DATA["stop"] * 24).astype("timedelta64[h]"), list(DATA["event"]))
    np.testing.assert_array_equal(days.survival_function_["time"], hours.survival_function_["time"])
    np.testing.assert_array_equal(days.survival_function_["survival"], hours.survival_function_["survival"])


@pytest.mark.parametrize(
    ("durations", "events", "options", "words"),
    [
        ([1, -2], [1, 1], {}, 'row 1: "-2" is no duration'),
        ([1, np.nan], [1, 1], {}, 'row 1: "nan" is no duration'),
        ([1, 2], [1, 3], {}, 'row 1: "3" is neither 0'),
        ([1, 2], [1, np.nan], {}, 'row 1: "nan" is neither 0'),
        ([1, 2], [1, 1], {"entry": [0, 2]}, 'row 1: "2" is not before'),
        ([1, 2], [1, 1], {"weights": [1, -1]}, 'row 1: "-1" is no weight'),
        ([1, 2], [1], {}, "events has 1 rows"),
        ([[1, 2]], [1], {}, "one-dimensional"),
        (["a", "b"], [1, 1], {}, "numbers belong"),
        ([1, 2], [1, 1], {"groups": ["a", None]}, "groups, row 1: is missing"),
    ],
)
def test_what_cannot_be_used_is_named(durations: list, events: list, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cv.KaplanMeier().fit(durations, events, **options)


def test_few_rows() -> None:
    empty = cv.KaplanMeier().fit([], [])
    assert len(empty.survival_function_) == 0 and np.isnan(empty.median_)
    censored = cv.KaplanMeier().fit([3, 4], [0, 0])
    assert censored.predict(3) == 1 and np.isnan(censored.predict(5)) and np.isnan(censored.median_)
    with pytest.raises(ValueError, match="observation ends at 4"):
        censored.restricted_mean(5)
    assert cv.KaplanMeier().fit([2]).median_ == 2
    with pytest.raises(ValueError, match="call fit first"):
        cv.KaplanMeier().predict(1)
    with pytest.raises(ValueError, match="two groups or more"):
        cv.log_rank([1, 2], [1, 1], ["a", "a"])
