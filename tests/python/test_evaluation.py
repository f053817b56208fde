"""Alarm rules compared at equal false alarms, by name and of one's own."""

from __future__ import annotations

import numpy as np
import pytest

import clavis as cv


def test_a_callable_scores_as_the_rule_of_that_name() -> None:
    def gap_z(check: cv.RuleCheck) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (check.silence - check.mean_gap) / check.sd_gap

    def overdue(check: cv.RuleCheck) -> np.ndarray:
        gaps = check.visits - 1
        return (check.r + gaps) * np.log1p(check.silence / (check.alpha + check.gap_sum))

    def ratio(check: cv.RuleCheck) -> dict[str, np.ndarray]:
        before = (check.visits - check.recent(12)) / (check.week - 12)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {"score": -check.recent(12) / (12 * before), "since": check.last, "since_low": check.last - 1}

    own = {"z": gap_z, "p": overdue, "ratio": ratio}
    named = {"z": "gap_z", "p": "overdue_p", "ratio": "trailing_ratio"}
    mine = cv.evaluate_rules(rules=own, customers=1500, seed=4)
    theirs = cv.evaluate_rules(rules=named, customers=1500, seed=4, threads=1)
    assert mine["rule"].tolist() == ["z", "p", "ratio"]
    for column in (
        "false_alarms",
        "second_year",
        "stops_13",
        "drops_26",
        "drops_52",
        "stops_delay",
        "false_alarms_decile_3",
    ):
        np.testing.assert_allclose(mine[column], theirs[column], atol=1e-12, err_msg=column)
    np.testing.assert_allclose(mine["limit"], theirs["limit"], rtol=1e-6)
    assert mine["dated"].tolist()[:2] == [0, 0]
    assert mine["dated"][2] > 100
    assert mine["false_alarms"] == pytest.approx(0.1, abs=0.002)


def test_recorded_visits_with_their_truth() -> None:
    shop = cv.simulate_shop(customers=800, seed=5)
    table = cv.evaluate_rules(
        shop, rules=["sr_mixture", "fixed_silence"], watched_from="2024-01-01", watched_weeks=60, false_alarms=0.2
    )
    assert (table["unchanged"] > 100).all()
    assert (table["stops"] > 5).all()
    assert table["drops_52"][0] > table["drops_52"][1]
    assert np.isfinite(table["limit"]).all()
    truth = shop.truth
    with pytest.raises(ValueError, match="truth is needed"):
        cv.evaluate_rules(shop.transactions, watched_from="2024-01-01")
    with pytest.raises(ValueError, match="watched_from"):
        cv.evaluate_rules(shop.transactions, truth)
    again = cv.evaluate_rules(
        shop.transactions,
        truth,
        rules=["fixed_silence"],
        watched_from="2024-01-01",
        watched_weeks=60,
        false_alarms=0.2,
        r=1,
        alpha=10,
    )
    assert again["limit"][0] == table["limit"][1]


def test_what_a_rule_may_not_tell() -> None:
    def short(check: cv.RuleCheck) -> np.ndarray:
        return check.silence[:-1]

    def fortune(check: cv.RuleCheck) -> dict[str, np.ndarray]:
        return {"score": check.silence, "horoscope": check.silence}

    with pytest.raises(ValueError, match="rule short: score has shape"):
        cv.evaluate_rules(rules={"short": short}, customers=30)
    with pytest.raises(ValueError, match="horoscope is nothing a rule may tell"):
        cv.evaluate_rules(rules={"fortune": fortune}, customers=30)
    with pytest.raises(ValueError, match='no rule "nonsense"'):
        cv.evaluate_rules(rules=["nonsense"], customers=30)
    with pytest.raises(ValueError, match="none to compare"):
        cv.evaluate_rules(rules=[], customers=30)
    with pytest.raises(ValueError, match="at no limit"):
        cv.evaluate_rules(rules={"silent": lambda check: check.silence * np.nan}, customers=30)
    with pytest.raises(ValueError, match="false_alarms must lie"):
        cv.evaluate_rules(rules=["cusum"], customers=30, false_alarms=0)
    assert "sr_mixture" in cv.ALARM_RULES
