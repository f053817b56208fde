"""Cohorts, flows, brackets and spells against data frames, on real logs and on made ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import clavis as cv


def log_of(customer: Any, time: Any, amount: Any) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customer, "time": pd.to_datetime(time), "amount": amount})


def cdnow(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    names = {name.lower(): name for name in table.columns}
    customer = names.get("sample_id", names.get("customer_id", table.columns[0]))
    time = names.get("date", names.get("time", table.columns[-3]))
    amount = names.get("amount", names.get("spend", table.columns[-1]))
    return log_of(table[customer], table[time].astype(str), table[amount].astype(float).round(2))


def retail(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, compression="gzip", encoding="latin-1").dropna(subset=["CustomerID"])
    spent = (table["Quantity"] * table["UnitPrice"]).round(2)
    return log_of(table["CustomerID"].astype(int), table["InvoiceDate"], spent)[lambda t: t["amount"] > 0]


def made(seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    size = 400
    day = np.datetime64("2022-12-20") + random.integers(0, 420, size)
    # Returns are too small to take a purchase back: that rule is the ledger's.
    amount = np.where(
        random.uniform(size=size) < 0.2, -0.01 * random.integers(1, 5, size), random.integers(4, 40, size)
    )
    return log_of(random.integers(0, 70, size), day, np.round(amount, 2))


def by_period(log: pd.DataFrame, period: str) -> pd.DataFrame:
    """Sales and returns by customer and period; what is before the first sale is left out."""
    frame = log.assign(day=log["time"].dt.normalize())
    first = frame[frame["amount"] >= 0].groupby("customer_id")["day"].min()
    frame = frame[frame["day"] >= frame["customer_id"].map(first)]
    frame["period"] = frame["day"].dt.to_period({"month": "M", "week": "W-SUN", "quarter": "Q"}[period])
    frame["sale"] = frame["amount"].clip(lower=0)
    done = frame.groupby(["customer_id", "period"]).agg(gross=("sale", "sum"), net=("amount", "sum"))
    done["bought"] = frame[frame["amount"] >= 0].groupby(["customer_id", "period"]).size()
    done = done.reset_index()
    done["bought"] = done["bought"].fillna(0) > 0
    done["cohort"] = done["customer_id"].map(first).dt.to_period(done["period"].dt.freq)
    done["age"] = (done["period"].astype("int64") - done["cohort"].astype("int64")).astype(int)
    return done


def check(log: pd.DataFrame, period: str) -> None:
    done = by_period(log, period)
    bought = done[done["bought"]]
    found = cv.cohorts(log, period=period).to_pandas().set_index(["cohort", "age"])
    sizes = bought[bought["age"] == 0].groupby("cohort").size()
    last_age = bought.groupby("customer_id")["age"].max()
    for cohort, size in sizes.items():
        part = found.loc[cohort.start_time]
        assert (part["customers"] == size).all()
        own = done[done["cohort"] == cohort]
        ages = range(len(part))
        active = own[own["bought"]].groupby("age").size().reindex(ages, fill_value=0)
        np.testing.assert_array_equal(part["active"], active)
        members = own["customer_id"].unique()
        later = [(last_age[members] >= age).sum() for age in ages]
        np.testing.assert_array_equal(part["active_later"], later)
        for column in ("gross", "net"):
            total = own.groupby("age")[column].sum().reindex(ages, fill_value=0.0)
            np.testing.assert_allclose(part[column], total, atol=1e-6)
    assert found["customers"].groupby(level=0).first().sum() == bought["customer_id"].nunique()

    flows = cv.retention_table(log, period=period)
    periods = pd.period_range(bought["period"].min(), pd.Period(log["time"].max(), bought["period"].dt.freq))
    sets = {one: set(bought.loc[bought["period"] == one, "customer_id"]) for one in periods}
    money = done.set_index(["customer_id", "period"])["net"]
    known: set[Any] = set()
    before: set[Any] = set()
    for row, one in enumerate(periods):
        now = sets[one]
        expected = {
            "active": len(now),
            "new": len(now - known),
            "retained": len(now & before),
            "reactivated": len((now & known) - before),
            "lapsed": len(before - now),
            "dormant": len((known | now) - now),
        }
        assert {name: int(flows[name][row]) for name in expected} == expected
        base = sum(money[customer, one - 1] for customer in before)
        kept = sum(money[customer, one] for customer in now & before)
        least = sum(max(0.0, min(money[customer, one], money[customer, one - 1])) for customer in now & before)
        np.testing.assert_allclose(
            [flows["base"][row], flows["net_retained"][row], flows["kept_of_base"][row]], [base, kept, least], atol=1e-5
        )
        known |= now
        before = now


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("period", ["month", "week", "quarter"])
def test_made_logs_by_data_frames(seed: int, period: str) -> None:
    check(made(seed), period)


def test_cdnow_by_data_frames(data: Callable[[str], Path]) -> None:
    check(cdnow(data("cdnow_sample.csv")), "month")


def test_online_retail_by_data_frames(data: Callable[[str], Path]) -> None:
    check(retail(data("online_retail.csv.gz")), "month")


def test_definitions() -> None:
    log = made(1)
    rolling = cv.cohorts(log, retention="rolling")
    classic = cv.cohorts(log, retention="classic")
    known = ~np.isnan(classic["rate"])
    assert np.all(rolling["rate"][known] >= classic["rate"][known])
    everybody = cv.cohorts(log, retention=cv.Retention("classic", among="cohort"))
    some = everybody["customers"] > 0
    assert np.isnan(classic["rate"][some]).any() and not np.isnan(everybody["rate"][some]).any()
    net = cv.cohorts(log, retention=cv.Retention(measure="net_revenue", among="cohort"))
    first = net["net"][net["age"] == 0]
    some = first[:-1] > 0
    np.testing.assert_allclose(net["rate"][net["age"] == 0][:-1][some], 1)
    second = net["age"] == 1
    np.testing.assert_allclose(net["rate"][second][some], net["net"][second][some] / first[:-1][some])
    asked = cv.Retention("bracket", days=(1, 30))
    bracket = cv.cohorts(log, retention=asked, until="2024-01-31")
    sales = log[log["amount"] >= 0]
    start = sales.groupby("customer_id")["time"].min()
    since = (sales["time"] - sales["customer_id"].map(start)).dt.days
    seen = start[start + pd.Timedelta(days=30) <= pd.Timestamp("2024-01-31")]
    came = set(sales.loc[(since >= 1) & (since <= 30), "customer_id"]) & set(seen.index)
    assert bracket["eligible"].sum() == len(seen) and bracket["returned"].sum() == len(came)
    assert "days 1 to 30" in str(asked)
    assert str(cv.Retention()) == "share of the customers who bought in the period, periods observed to their end alone"
    for wrong in (
        {"kind": "loose"},
        {"measure": "profit"},
        {"kind": "bracket"},
        {"days": (1, 2)},
        {"kind": "rolling", "measure": "net_revenue"},
        {"among": "all"},
    ):
        with pytest.raises(ValueError, match=r"kind|measure|among|days|retention"):
            cv.Retention(**wrong)
    with pytest.raises(ValueError, match="a period is day, week"):
        cv.cohorts(log, period="fortnight")
    with pytest.raises(ValueError, match="1 <= from"):
        cv.cohorts(log, retention=cv.Retention("bracket", days=(5, 2)))


def test_counts_of_disjoint_customers_add() -> None:
    log = made(2)
    until = "2024-02-20"
    whole = cv.retention_table(log, until=until)
    odd = log["customer_id"] % 3 == 1
    parts = [cv.retention_table(log[part], until=until) for part in (odd, ~odd)]
    for name in ("active", "new", "retained", "reactivated", "lapsed", "net", "kept_of_base"):
        total = np.zeros(len(whole))
        for part in parts:
            total[len(whole) - len(part) :] += part[name]
        np.testing.assert_allclose(total, whole[name], atol=1e-9)


def test_spells_by_their_definition() -> None:
    log = made(3)
    gap, until = 45, pd.Timestamp("2024-02-20")
    found = cv.spells(log, gap="45 days", until="2024-02-20")
    rows = []
    for customer, own in log[log["amount"] >= 0].groupby("customer_id"):
        days = sorted(set(own["time"].dt.normalize()))
        origin, spell = days[0], [days[0]]
        for day in [*days[1:], None]:
            if day is not None and (day - spell[-1]).days <= gap:
                spell.append(day)
                continue
            left = spell[-1] + pd.Timedelta(days=gap)
            stop = min(left, until)
            if stop > spell[0]:
                rows.append(
                    (customer, len(spell), (stop - spell[0]).days, int(left <= until), (spell[0] - origin).days)
                )
            spell = [day]
    theirs = zip(*(found[name] for name in ("customer_id", "purchases", "duration", "event", "start")), strict=True)
    assert [tuple(map(int, row)) for row in theirs] == rows
    km = cv.KaplanMeier().fit(found["duration"], found["event"])
    assert 0 < km.predict(60) < 1
    cox = cv.CoxPH().fit(
        {"again": (found["spell"] > 1).astype(float)},
        found["stop"],
        found["event"],
        start=found["start"],
        cluster=found["customer_id"],
    )
    assert cox.report_.converged


def test_projection_is_the_shifted_beta_geometric() -> None:
    survivors = [1000, 869, 743, 653, 593, 551, 517, 491]
    alive = np.repeat(np.arange(8), -np.diff([*survivors, 0]))  # ages of the last purchase
    start = np.datetime64("2020-01", "M")
    rows = [(customer, start + age) for customer, last in enumerate(alive) for age in range(last + 1)]
    log = log_of([row[0] for row in rows], [str(row[1]) + "-15" for row in rows], 1.0)
    table = cv.cohorts(log, retention="rolling", until="2020-08-31").projection(12)
    np.testing.assert_allclose(table["observed"][:8], np.array(survivors) / 1000)
    model = cv.ShiftedBetaGeo().fit(cv.contracts_from_survivors(survivors))
    np.testing.assert_allclose(table["expected"], [model.survival(age) for age in range(13)], rtol=1e-9)
    assert table["expected"][12] == pytest.approx(0.378, abs=5e-4)


def test_pictures() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    found = cv.spells(made(3), gap=45)
    km = cv.KaplanMeier().fit(found["duration"], found["event"], groups=np.minimum(found["spell"], 2))
    axes = cv.plot_survival(km, unit="days")
    assert len(axes.lines) == 2
    # Counts of those at risk at each tick of either curve, their labels, and a heading.
    assert len(axes.texts) == 2 * len(axes.get_xticks()) + 2 + 1
    axes = cv.plot_retention(cv.cohorts(made(3), period="quarter"))
    assert axes.images and axes.get_ylabel() == "Cohort (customers)"
    # Nobody began in the last months, which get no row, and every row ends with the records.
    log = {"customer_id": [1, 2, 3, 1], "time": ["2024-01-05", "2024-02-05", "2024-02-09", "2024-06-01"]}
    picture = cv.plot_retention(cv.cohorts(log, period="month", until="2024-06-30", amount=None)).images[0]
    assert picture.get_array().shape == (2, 6)
    with pytest.raises(ValueError, match="one rate a cohort"):
        cv.plot_retention(cv.cohorts(made(3), retention=cv.Retention("bracket", days=(1, 9))))
    plt.close("all")
