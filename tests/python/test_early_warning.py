"""Early warning: factors recovered, days counted exactly, and the monitor's own statistic where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

import clavis as cv


def simulated(seed: int, customers: int = 1500) -> tuple[cv.CustomerBook, dict[str, np.ndarray]]:
    """Customers who change at 0.3 a year, 6 times that in the 40 days after a complaint; praise does not matter."""
    random = np.random.default_rng(seed)
    begin = np.datetime64("2023-01-01").astype(int)
    ids = np.arange(customers)
    complaint = np.where(random.random(customers) < 0.5, begin + random.integers(0, 365, customers), 10**6)
    praise = begin + random.integers(0, 365, customers)
    since = np.full(customers, np.datetime64("NaT"), dtype="datetime64[D]")
    for i in range(customers):
        for day in range(begin, begin + 365):
            holds = complaint[i] < day <= complaint[i] + 40
            if random.random() < 0.3 / 365.25 * (6 if holds else 1):
                since[i] = np.datetime64(day, "D")
                break
    told = complaint < 10**6
    contacts = {
        "customer_id": np.concatenate([ids[told], ids]),
        "time": np.concatenate([complaint[told], praise]).astype("datetime64[D]"),
        "kind": np.array(["complaint"] * int(told.sum()) + ["praise"] * customers, dtype=object),
    }
    log = {"customer_id": ids, "time": np.full(customers, np.datetime64("2022-06-01"))}
    return cv.CustomerBook(log, contacts=contacts), {"customer_id": ids, "since": since}


def test_factors_are_recovered_and_multipliers_average_one() -> None:
    book, changes = simulated(3)
    warning = cv.EarlyWarning({"complaint": 40, "praise": 30}).fit(book, changes, first="2023-01-01", last="2023-12-31")
    assert warning.converged_
    errors = warning.standard_errors_
    assert abs(np.log(warning.factors_["complaint"] / 6)) < 3 * errors["complaint"]
    assert abs(np.log(warning.factors_["praise"])) < 3 * errors["praise"]
    assert warning.rate_ == pytest.approx(0.3, rel=0.25)
    cells = warning.cells_
    assert cells["events"].sum() == (~np.isnat(changes["since"])).sum()
    days = np.where(np.isnat(changes["since"]), 365, (changes["since"] - np.datetime64("2022-12-31")).astype(int))
    assert cells["exposure"].sum() == days.sum()
    today = warning.multipliers(book, "2023-07-01")
    contacts = book.read("contacts")
    lag = (np.datetime64("2023-07-01") - contacts["time"].astype("datetime64[D]")).astype(int)
    holding = contacts["customer_id"][(contacts["kind"] == "complaint") & (lag >= 1) & (lag <= 40)]
    np.testing.assert_array_equal(np.sort(holding), today["customer_id"][today["complaint"]])
    factors = warning.factors_
    product = np.where(today["complaint"], factors["complaint"], 1) * np.where(today["praise"], factors["praise"], 1)
    assert np.ptp(today["multiplier"] / product) < 1e-12
    # By brute force over days: the mean over all customer-days is one.
    total = 0.0
    for day in range(0, 365, 5):
        on = np.datetime64("2023-01-01") + day
        there = np.isnat(changes["since"]) | (changes["since"] >= on)
        total += warning.multipliers(book, on)["multiplier"][there].mean() / 73
    assert total == pytest.approx(1, abs=0.02)


def test_without_conditions_it_is_the_monitors_own_statistic_and_with_them_it_is_faster() -> None:
    shop = cv.simulate_shop(customers=2000, seed=12)
    watch = cv.DefectionMonitor(k=1.5).fit(shop, baseline_until="2024-01-01", time_zone="Europe/Berlin")
    begun = watch.states(as_of="2024-01-01")
    # Before the first alert and where nobody is overdue, both do the same.
    early = cv.DefectionMonitor.from_bytes(watch.to_bytes())
    early.update(shop, as_of="2024-02-15")
    states = early.states()
    left = shop.truth.take(np.isin(shop.truth["change"].astype(str), ("stop", "halving")))
    warning = cv.EarlyWarning({"complaint": 90}).fit(
        shop,
        {"customer_id": left["customer_id"], "since": left["change_day"]},
        first="2024-01-01",
        last="2024-12-30",
        time_zone="Europe/Berlin",
    )
    options = {"time_zone": "Europe/Berlin"}
    plain = warning.statistics(watch, shop, ["2024-02-15"], conditions=False, **options)[:, 0]
    ids = warning.multipliers(shop, "2024-02-15", **options)["customer_id"]
    row = np.searchsorted(ids, states["customer_id"])
    calm = np.isin(states["state"].astype(str), ("ACTIVE", "NEW", "WATCH"))
    calm &= np.isin(states["customer_id"], begun["customer_id"])
    assert calm.sum() > 150
    np.testing.assert_allclose(plain[row][calm], states["statistic"][calm], rtol=1e-5)
    warned = warning.statistics(watch, shop, ["2024-02-15"], **options)[:, 0]
    ratio = warned / plain
    assert ratio.min() < 1 < ratio.max()
    assert warning.factors_["complaint"] > 1
    with pytest.raises(ValueError, match="checks must ascend"):
        warning.statistics(watch, shop, ["2024-02-15", "2024-02-01"], **options)


def test_what_cannot_be_is_refused_in_words() -> None:
    book, changes = simulated(4, 40)
    with pytest.raises(ValueError, match="one to sixteen"):
        cv.EarlyWarning({})
    with pytest.raises(ValueError, match="must hold for 1 to 3660 days"):
        cv.EarlyWarning({"complaint": 0})
    with pytest.raises(ValueError, match="call fit first"):
        cv.EarlyWarning({"complaint": 5}).multipliers(book, "2023-07-01")
    bare = cv.CustomerBook({"customer_id": [1], "time": ["2023-01-01"]})
    with pytest.raises(ValueError, match="neither contacts nor life_events"):
        cv.EarlyWarning({"complaint": 5}).fit(bare, changes, first="2023-01-01", last="2023-12-31")
    with pytest.raises(ValueError, match="no change to learn from"):
        cv.EarlyWarning({"complaint": 5}).fit(book, changes, first="2022-07-01", last="2022-12-31")
    with pytest.raises(ValueError, match='a column "since" with dates'):
        cv.EarlyWarning({"complaint": 5}).fit(book, {"customer_id": [1]}, first="2023-01-01", last="2023-12-31")
