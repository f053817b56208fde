"""The promise of the monitor where its model does not hold: rates that drift, and the gaps of real buyers.

The figures are printed for docs/methods/defection.md; ``CLAVIS_VERIFY=1`` runs them in full size, ``-s`` shows them.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import clavis as cv

Data = Callable[[str], Path]

VERIFY = float(os.environ.get("CLAVIS_VERIFY", "0") or 0)


def size(full: int, least: int) -> int:
    return max(least, int(full * VERIFY))


def alarms(
    visits: dict[str, np.ndarray], until: str, as_of: str, **options: object
) -> tuple[cv.DefectionMonitor, cv.Table]:
    monitor = cv.DefectionMonitor(**options).fit(visits, baseline_until=until, time="day", amount=None)
    return monitor, monitor.update(visits, as_of=as_of)


# A year of baseline, a year of watch.
START = np.datetime64("2023-01-02")
WATCH = "2024-01-01"
END = "2024-12-31"


def drifting(customers: int, drift: float, seed: int) -> dict[str, np.ndarray]:
    """Visits at random whose rates Gamma(2, 2 weeks) drift: their logarithms walk at random by ``drift`` a year."""
    random = np.random.default_rng(seed)
    days = 730
    rate = random.gamma(2.0, 1 / 14, customers)
    log_rate = np.zeros(customers)
    who, when = [], []
    for day in range(days):
        came = random.random(customers) < -np.expm1(-rate * np.exp(log_rate))
        who.append(np.flatnonzero(came))
        when.append(np.full(who[-1].size, day))
        log_rate += drift / np.sqrt(365.25) * random.standard_normal(customers)
    return {"customer_id": np.concatenate(who), "day": START + np.concatenate(when)}


def test_rates_that_drift() -> None:
    shares = []
    for drift in (0.0, 0.1, 0.25, 0.5):
        visits = drifting(size(20_000, 2_500), drift, 71)
        monitor, found = alarms(visits, WATCH, END, k=1, season=None)
        watched = len(monitor.states())
        share = np.unique(found["customer_id"]).size / watched
        error = np.sqrt(share * (1 - share) / watched)
        shares.append(share)
        print(f"[ measured ] drift {drift} a year: {share:.2%} alert in the first year (error {error:.2%})")
    assert shares[0] <= 0.10 + 3 * 0.006
    # A drift is a change; what it costs is measured, and the direction is known.
    assert shares[3] > shares[0]


@pytest.fixture(scope="module")
def gaps(data: Data) -> list[np.ndarray]:
    """Days between visits, customer by customer, of those with three visits or more in the log of a wholesaler."""
    import pandas as pd

    with gzip.open(data("online_retail.csv.gz")) as file:
        log = pd.read_csv(file, encoding="latin-1")
    log = log.dropna(subset=["CustomerID"])
    log = log[~log["InvoiceNo"].astype(str).str.startswith("C") & (log["Quantity"] > 0)]
    days = pd.to_datetime(log["InvoiceDate"]).dt.normalize().to_numpy().astype("datetime64[D]")
    frame = pd.DataFrame({"customer": log["CustomerID"].astype(int), "day": days}).drop_duplicates()
    return [
        np.diff(np.sort(group.to_numpy().astype("datetime64[D]"))).astype(int)
        for _, group in frame.groupby("customer")["day"]
        if len(group) >= 4
    ]


def replayed(gaps: list[np.ndarray], seed: int, retained: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Each buyer's own gaps in random order, over and over for two years, so that nobody changes but by plan.

    From a day of the first half year watched on, visits are kept with the chance ``retained``. Also that day.
    """
    random = np.random.default_rng(seed)
    who, when = [], []
    change = 365 + random.integers(0, 182, len(gaps))
    for i, own in enumerate(gaps):
        drawn = random.permutation(own)
        while drawn.sum() < 2 * 365 + own.max():
            drawn = np.concatenate([drawn, random.permutation(own)])
        days = np.cumsum(drawn) - random.integers(0, own.max())  # from an ordinary moment on, nearly
        days = days[(days >= 0) & (days < 730)]
        if retained < 1:
            days = days[(days < change[i]) | (random.random(days.size) < retained)]
        who.append(np.full(days.size, i))
        when.append(days)
    return {"customer_id": np.concatenate(who), "day": START + np.concatenate(when)}, change


def test_the_gaps_of_real_buyers(gaps: list[np.ndarray]) -> None:
    assert len(gaps) > 1000
    visits, _ = replayed(gaps, 72, 1.0)
    monitor, found = alarms(visits, WATCH, END)
    watched = len(monitor.states())
    share = np.unique(found["customer_id"]).size / watched
    error = np.sqrt(share * (1 - share) / watched)
    print(
        f"[ measured ] {watched} buyers of the log, gaps in random order: k {monitor.params_['k']:.2f}, "
        f"{share:.1%} alert in the first year (error {error:.1%}), long silences {monitor.long_silence_excess_:.2f}"
    )
    for warning in monitor.warnings_:
        print(f"[ measured ] {warning}")
    # Either the promise holds or the monitor has said beforehand that it will not.
    assert share <= 0.10 + 3 * error or monitor.warnings_

    first = {}
    for retained in (0.0, 0.5):
        visits, change = replayed(gaps, 73, retained)
        monitor, found = alarms(visits, WATCH, END)
        day = (found["raised"].astype("datetime64[D]") - START).astype(int)
        order = np.argsort(day, kind="stable")
        customers, at = np.unique(found["customer_id"][order], return_index=True)
        late = np.full(len(gaps), np.inf)
        late[customers] = day[order][at] - change[customers]
        still = late >= 0
        first[retained] = late[still]
        within = [np.mean(late[still] <= 7 * weeks) for weeks in (13, 26)]
        plan = "stops" if retained == 0 else "halvings"
        print(
            f"[ measured ] planted {plan}: {within[0]:.1%} found within 13 weeks, {within[1]:.1%} within 26, of "
            f"{still.sum()}; {np.mean(~still):.1%} had alarmed before"
        )
    assert np.mean(first[0.0] <= 26 * 7) > np.mean(first[0.5] <= 26 * 7) > share / 2
