"""What the monitor makes of spend, categories and wallets beside visits."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import clavis as cv
from test_defection import Log, days, rows

START, CHANGE = np.datetime64("2023-01-01"), np.datetime64("2023-04-01")


@functools.cache
def records() -> Log:
    """Forty customers who come weekly for three years; of each kind of change one."""
    random = np.random.default_rng(5)
    parts: list[tuple[object, np.datetime64, float, str]] = []
    for customer in range(40):
        name = ("trades down", "leaves tea", "stays")[customer] if customer < 3 else f"other {customer:02}"
        size = random.uniform(20, 60)
        week = days("2022-01-01", "2024-12-31", 7)
        for day in np.unique(week + random.integers(0, 10, size=len(week))):
            changed = day >= CHANGE
            amount = size * random.gamma(6) / 6 * (0.4 if changed and name == "trades down" else 1)
            parts.append((name, day, round(amount / 2, 2), "cups"))
            if random.random() < 0.6 and not (changed and name == "leaves tea"):
                parts.append((name, day, round(amount / 2, 2), "tea"))
    columns = list(zip(*parts, strict=True))
    return {
        "customer_id": np.array(columns[0], dtype=object),
        "time": np.array(columns[1], dtype="datetime64[D]"),
        "amount": np.array(columns[2]),
        "category": np.array(columns[3], dtype=object),
    }


def wallet(**options: object) -> dict[str, object]:
    """What everybody spends elsewhere by quarter; of one customer five times as much from the change on."""
    ids, period, spend = [], [], []
    for name in np.unique(records()["customer_id"].astype(str)):
        for k, text in enumerate(f"{year}-Q{q}" for year in (2022, 2023, 2024) for q in (1, 2, 3, 4)):
            ids.append(name)
            period.append(text)
            spend.append(500.0 * (5 if name == "stays" and k >= 5 else 1))
    return {"customer_id": np.array(ids, dtype=object), "period": np.array(period, dtype=object)} | (
        options or {"competitor_spend": np.array(spend)}
    )


def watch(*evidence: str, **options: object) -> cv.DefectionMonitor:
    return cv.DefectionMonitor(evidence=evidence, **options)  # type: ignore[arg-type]


def test_each_kind_of_evidence_names_its_customer_and_says_why() -> None:
    everything = watch("spend", "category", "wallet").fit(records(), baseline_until=START, wallet=wallet())
    alerts = rows(everything.update(records(), as_of="2024-06-30", wallet=wallet()))
    assert {name: (row["state"], row["evidence"]) for name, row in alerts.items()} == {
        "trades down": ("PARTIAL", "spend"),
        "leaves tea": ("PARTIAL", "category"),
        "stays": ("PARTIAL", "wallet"),
    }
    down, tea, wallets = alerts["trades down"], alerts["leaves tea"], alerts["stays"]
    assert abs(down["since"] - CHANGE) <= np.timedelta64(21, "D")
    assert down["retained_ratio"] == pytest.approx(0.4, abs=0.1)
    assert down["retained_ratio"] == pytest.approx(down["after"] / down["before"])
    assert f"{down['before']:.2f} were spent a visit until about {down['since']}" in down["sentence"]
    assert (tea["category"], tea["retained_ratio"]) == ("tea", 0)
    bought = (records()["customer_id"] == "leaves tea") & (records()["category"] == "tea")
    assert tea["since"] == records()["time"][bought].max()
    assert "purchases of tea were expected since the last on" in tea["sentence"]
    # By quarters, and one of them may be thin by chance.
    assert wallets["since"] in (np.datetime64("2023-01-01"), np.datetime64("2023-04-01"))
    assert wallets["after"] < 0.6 * wallets["before"]
    assert "% of the wallet was spent here" in wallets["sentence"]
    assert all("At most 10 % of unchanged customers" in row["sentence"] for row in alerts.values())
    states = rows(everything.states())
    assert {name for name, row in states.items() if row["state"] == "PARTIAL"} == set(alerts)
    assert {states[name]["evidence"] for name in alerts} == {"spend", "category", "wallet"}
    assert list(everything.states().columns)[:5] == [
        "customer_id",
        "state",
        "evidence",
        "growing_but_losing_share",
        "statistic",
    ]
    assert everything.params_.keys() >= {"spend_p", "category_r"}
    assert "evidence=('visits', 'spend', 'category', 'wallet')" in repr(everything)
    # Nobody comes less often: visits alone see nothing.
    assert len(watch().fit(records(), baseline_until=START).update(records(), as_of="2024-06-30")) == 0


def test_saved_cut_and_merged_they_say_the_same() -> None:
    kinds = ("spend", "category", "wallet")
    whole = watch(*kinds).fit(records(), baseline_until=START, wallet=wallet())
    expected = whole.update(records(), as_of="2024-06-30", wallet=wallet())["sentence"].tolist()
    pieces = watch(*kinds).fit(records(), baseline_until=START, wallet=wallet())
    found: list[str] = []
    for as_of in ("2023-03-31", "2023-08-15", "2023-08-16", "2024-06-30"):
        pieces = cv.DefectionMonitor.from_bytes(pieces.to_bytes())
        assert pieces.evidence == ("visits", *kinds)
        found += pieces.update(records(), as_of=as_of, wallet=wallet())["sentence"].tolist()
    assert found == expected
    np.testing.assert_array_equal(pieces.states()["statistic"], whole.states()["statistic"])
    twin = cv.DefectionMonitor.from_bytes(whole.to_bytes())
    with pytest.raises(ValueError, match="is in both"):
        whole.merge(twin)
    with pytest.raises(ValueError, match="options differ"):
        whole.merge(watch("spend").fit(records(), baseline_until=START))


def test_a_book_brings_its_own_wallet_and_growing_customers_may_lose_share() -> None:
    log = records()
    later = log["time"] >= START
    more = {**log, "amount": np.where(later & (log["customer_id"] == "stays"), 1.5 * log["amount"], log["amount"])}
    book = cv.CustomerBook(more, wallet=wallet())
    found = watch("wallet").fit(book, baseline_until=START)
    found.update(book, as_of="2024-06-30")
    states = found.states()
    assert states["customer_id"][states["growing_but_losing_share"]].tolist() == ["stays"]
    # All that is spent, of which own spend is a part, tells the same.
    own = cv.share_changes(book, "2024-Q1", "2024-Q2")
    assert len(own) == 40
    total = []
    quarter = more["time"].astype("datetime64[M]").astype(int) // 3
    told = wallet()
    for name, text, elsewhere in zip(
        told["customer_id"],
        told["period"],
        told["competitor_spend"],
        strict=True,  # type: ignore[call-overload]
    ):
        place = (int(text[:4]) - 1970) * 4 + int(text[-1]) - 1
        total.append(more["amount"][(more["customer_id"] == name) & (quarter == place)].sum() + elsewhere)
    by_total = cv.CustomerBook(more, wallet=wallet(category_spend=np.array(total)))
    again = watch("wallet").fit(by_total, baseline_until=START)
    again.update(by_total, as_of="2024-06-30")
    np.testing.assert_allclose(again.states()["statistic"], states["statistic"], rtol=1e-6)


def test_an_estimated_wallet_raises_no_alert() -> None:
    guessed = {**wallet(), "estimated": np.ones(len(wallet()["period"]))}  # type: ignore[arg-type]
    found = watch("wallet").fit(records(), baseline_until=START, wallet=guessed)
    assert len(found.update(records(), as_of="2024-06-30", wallet=guessed)) == 0
    assert rows(found.states())["stays"]["state"] == "WATCH"


def test_other_names_of_columns_are_kept() -> None:
    names = {"customer_id": "who", "time": "on", "amount": "paid", "category": "group"}
    log = {names[name]: values for name, values in records().items()}
    mon = watch("category", "spend").fit(
        log, baseline_until=START, customer="who", time="on", amount="paid", category="group"
    )
    mon = cv.DefectionMonitor.from_bytes(mon.to_bytes())
    assert set(mon.update(log, as_of="2024-06-30")["customer_id"]) == {"trades down", "leaves tea"}


def test_what_cannot_be_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="evidence must be of visits, spend, category, wallet, not 'mood'"):
        watch("mood")
    bare = {name: records()[name] for name in ("customer_id", "time")}
    with pytest.raises(ValueError, match="no day with a sale above 0"):
        watch("spend").fit(bare, baseline_until=START)
    with pytest.raises(ValueError, match='no column "category"'):
        watch("category").fit(bare, baseline_until=START)
    with pytest.raises(ValueError, match="wallet is asked for, but there is none"):
        watch("wallet").fit(bare, baseline_until=START)
    with pytest.raises(ValueError, match="reorder_days 5 cannot be had"):
        watch("category", reorder_days=5).fit(records(), baseline_until=START)
    mixed = {"customer_id": ["stays", "stays"], "period": ["2022", "2022-Q4"], "competitor_spend": [1.0, 2.0]}
    with pytest.raises(ValueError, match=r"periods of one length, not of \[3, 12\] months"):
        watch("wallet").fit(records(), baseline_until=START, wallet=mixed)
    named = {"customer_id": ["stays"], "period": ["spring"], "competitor_spend": [1.0]}
    with pytest.raises(ValueError, match='"spring" is none of'):
        watch("wallet").fit(records(), baseline_until=START, wallet=named)
