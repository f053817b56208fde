"""What early warning gains: how much sooner stops are found where complaints and life events are known.

    python bench/early_warning.py [customers] [seed]

A shop teaches the factors: its changes are those that a monitor dated in the first half-year watched, or those that
were planted. Another shop, of the next seed, scores them at weekly checks: the limit is set so that 10 % of its
unchanged customers reach it within 52 weeks, with the conditions and without; delays of stops in the first half-year
count at most 26 weeks. The same seed gives the same figures.
"""

from __future__ import annotations

import sys

import numpy as np

import clavis as cv

BEGIN, UNTIL = "2023-01-01", "2023-12-31"
KINDS = {"complaint": 60, "moving": 90, "job_change": 90, "marriage": 90, "birth": 90, "divorce": 90, "death": 90}
SHARE, LONGEST = 0.10, 26


def shop(customers: int, seed: int) -> cv.CustomerBook:
    return cv.simulate_shop(
        customers=customers,
        seed=seed,
        start="2021-01-01",
        days=1095,
        acquired_until="2021-12-31",
        changes_from=BEGIN,
        changes_until="2023-06-30",
        one_time_share=0.0,
        growth_share=0.0,
    )


def watched(book: cv.CustomerBook) -> cv.DefectionMonitor:
    return cv.DefectionMonitor().fit(book, baseline_until=BEGIN, time_zone="Europe/Berlin")


def main(customers: int = 8000, seed: int = 20263) -> None:
    past = shop(customers, seed)
    kinds = {*past.read("contacts")["kind"].tolist(), *past.read("life_events")["kind"].tolist()}
    conditions = {name: days for name, days in KINDS.items() if name in kinds}
    before = watched(past)
    before.update(past, as_of=UNTIL)
    warning = cv.EarlyWarning(conditions).fit(
        past, before.states(), first=BEGIN, last="2023-06-30", time_zone="Europe/Berlin"
    )
    factors = ", ".join(f"{name} {value:.2f}" for name, value in warning.factors_.items())
    print(f"factors learned from {int(warning.cells_['events'].sum()):,} changes as dated: {factors}")
    left = past.truth.take(np.isin(past.truth["change"].astype(str), ("stop", "halving")))
    exact = cv.EarlyWarning(conditions).fit(
        past,
        {"customer_id": left["customer_id"], "since": left["change_day"]},
        first=BEGIN,
        last="2023-06-30",
        time_zone="Europe/Berlin",
    )
    factors = ", ".join(f"{name} {value:.2f}" for name, value in exact.factors_.items())
    print(f"factors learned from {int(exact.cells_['events'].sum()):,} changes as planted: {factors}")

    now = shop(customers, seed + 1)
    watch = watched(now)
    truth = now.truth
    checks = np.arange(np.datetime64(BEGIN) + 7, np.datetime64(BEGIN) + 7 * 53, 7)
    ids = warning.multipliers(now, UNTIL)["customer_id"]
    row = np.searchsorted(truth["customer_id"], ids)
    group, change = truth["change"][row].astype(str), truth["change_day"][row].astype("datetime64[D]")
    known = watch.states()
    enough = np.isin(ids, known["customer_id"][known["repeat_visits"] >= 3])
    stops = enough & (group == "stop")
    unchanged = enough & (group == "none")
    contacts = now.read("contacts", time_zone="Europe/Berlin")
    events = now.read("life_events", time_zone="Europe/Berlin")
    complained = np.zeros(len(ids), dtype=bool)
    for table in (contacts, events):
        place = np.searchsorted(ids, table["customer_id"])
        place = np.minimum(place, len(ids) - 1)
        since = (change[place] - table["time"].astype("datetime64[D]")).astype(np.int64)
        inside = np.isin(table["kind"].astype(str), list(conditions)) & (ids[place] == table["customer_id"])
        np.logical_or.at(complained, place, inside & ~np.isnat(change[place]) & (since > 0) & (since <= 60))
    for name, model, on in (
        ("without conditions", warning, False),
        ("with conditions", warning, True),
        ("with conditions learned from the truth", exact, True),
    ):
        values = model.statistics(watch, now, checks, conditions=on, time_zone="Europe/Berlin")
        highest = np.sort(values[unchanged].max(axis=1))[::-1]
        limit = highest[int(SHARE * len(highest))]
        reached = np.maximum.accumulate(values > limit, axis=1)
        first = np.where(reached[:, -1], reached.argmax(axis=1), 10**6)
        weeks = (checks[np.minimum(first, len(checks) - 1)] - change).astype(np.int64) / 7
        delay = np.where(first < 10**6, np.minimum(weeks, LONGEST), LONGEST)
        fair = ~((first < 10**6) & (weeks < 0))
        print(
            f"{name}: limit {limit:.0f}; stops found after {delay[stops & fair].mean():.2f} weeks "
            f"({int((stops & fair).sum())}), within 60 days of a condition's begin "
            f"{delay[stops & fair & complained].mean():.2f} ({int((stops & fair & complained).sum())}); "
            f"within 8 weeks {100 * (delay[stops & fair] <= 8).mean():.1f} % and "
            f"{100 * (delay[stops & fair & complained] <= 8).mean():.1f} %"
        )


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3]))
