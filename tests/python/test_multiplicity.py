"""Lists one can trust: realised false discovery of the monitor's list, and the states that learn."""

from __future__ import annotations

import numpy as np
import pytest

import clavis as cv


@pytest.mark.parametrize("q", [0.05, 0.1, 0.2])
def test_the_monitors_list_is_wrong_as_rarely_as_stated(q: float) -> None:
    # Poisson customers of whom a fifth stop; many unchanged ones are slow or quick by the law the clock is told.
    rng = np.random.default_rng(int(1000 * q))
    customers, stops = 1500, 300
    rate = rng.gamma(2, 1 / 14, customers)  # a day
    wrong = found = 0.0
    for _ in range(2):
        ids, days = [], []
        for i in range(customers):
            own = np.unique(np.floor(np.cumsum(rng.exponential(1 / rate[i], int(6 + 900 * rate[i])))).astype(int))
            end = 364 + 100 if i < stops else 364 + 300
            own = own[own < end]
            ids.append(np.full(len(own), i))
            days.append(own)
        log = {
            "customer_id": np.concatenate(ids),
            "time": np.datetime64("2022-01-01") + np.concatenate(days).astype("timedelta64[D]"),
        }
        watch = cv.DefectionMonitor(r=2, alpha=14).fit(log, baseline_until="2022-12-31")
        watch.update(log, as_of="2023-10-26")
        listed = watch.listed(q)
        assert (listed["false_discovery_level"] <= q).all()
        assert (np.diff(listed["statistic"]) <= 0).all()
        wrong += float((listed["customer_id"] >= stops).mean()) / 2
        found += len(listed) / stops / 2
    assert wrong <= q
    assert found > 0.4
    assert len(watch.listed(1.0)) == len(watch)
    with pytest.raises(ValueError, match="q must lie"):
        watch.listed(0)


def test_levels_need_values_of_their_kind() -> None:
    assert np.isnan(cv.false_discovery_levels([np.nan, 0.5])[0])
    with pytest.raises(ValueError, match=r"row 1: .1\.5"):
        cv.false_discovery_levels([0.5, 1.5])
    with pytest.raises(ValueError, match="the rules are"):
        cv.false_discovery_levels([0.5], rule="holm")


def test_states_merge() -> None:
    rng = np.random.default_rng(3)
    scores, strata = rng.normal(size=200), rng.integers(0, 3, 200)
    whole = cv.ConformalScores().add(scores, strata)
    halves = cv.ConformalScores().add(scores[:70], strata[:70])
    halves.merge(cv.ConformalScores().add(scores[70:], strata[70:]))
    np.testing.assert_array_equal(whole.p_values(scores, strata), halves.p_values(scores, strata))
    assert whole.size(1) == (strata == 1).sum()
    assert cv.ConformalScores().add([np.nan]).missing_ == 1
    p = rng.uniform(size=500)
    came = rng.uniform(size=500) < p**2
    one = cv.IsotonicCalibration(20).add(p, came)
    two = cv.IsotonicCalibration(20).add(p[:9], came[:9]).merge(cv.IsotonicCalibration(20).add(p[9:], came[9:]))
    np.testing.assert_array_equal(one(p), two(p))
    assert one.count_ == 500
    with pytest.raises(ValueError, match="do not merge"):
        one.merge(cv.IsotonicCalibration(10))
    with pytest.raises(ValueError, match="must lie"):
        one.add([1.5], [1])
    level = cv.AdaptiveLevel(0.1, step=0.5)
    assert level.update(0.0) == pytest.approx(0.15)
    assert level.update(1.0) == 0
    with pytest.raises(ValueError, match="share of errors"):
        level.update(2)
    with pytest.raises(ValueError, match="target"):
        cv.AdaptiveLevel(2)
