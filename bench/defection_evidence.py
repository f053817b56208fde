"""How far spend, categories and wallets go beyond visits: partial defectors planted in a simulated shop, and found.

    python bench/defection_evidence.py [customers] [seed]

Five years of the shop, the last two watched. Changes begin in the first half-year of the watch; a third of those who
do not change otherwise are made to trade down: their amounts halve. The budget of each set of evidence is set so that
the same share of unchanged customers (10 %) raise an alert in the first year. Customers with fewer than three repeat
visits before, and those alarmed before their change, are left out. The same seed gives the same table.
"""

from __future__ import annotations

import sys

import numpy as np

import clavis as cv

SETS = (
    ("visits",),
    ("visits", "spend"),
    ("visits", "category"),
    ("visits", "wallet"),
    ("visits", "spend", "category", "wallet"),
)
WEEKS = (13, 26, 52)
BEGIN, UNTIL = np.datetime64("2023-01-01"), np.datetime64("2024-12-30")
SHARE = 0.10


def shop(customers: int, seed: int) -> tuple[cv.CustomerBook, dict[str, np.ndarray]]:
    """The records, and each customer's group and day of change."""
    made = cv.simulate_shop(
        customers=customers,
        seed=seed,
        start="2020-01-01",
        days=1827,
        acquired_until="2021-12-31",
        changes_from=str(BEGIN),
        changes_until="2023-06-30",
        growth_share=0.15,
        losing_share=0.7,
        losing_ratio=0.5,
        one_time_share=0.0,
        dropped_category_share=0.5,
        wallet_panel_share=1.0,
    )
    truth = made.truth
    random = np.random.default_rng(seed)
    group = truth["change"].astype(str).astype(object)
    change = truth["change_day"].astype("datetime64[D]")
    dropped = np.array([one is not None and str(one) != "" for one in truth["dropped_category"]])
    group[(group == "halving") & dropped] = "halving, category dropped"
    group[(group == "growth") & (truth["share_ratio"] < 1)] = "growing, share falls"
    down = (group == "none") & (random.random(len(group)) < 1 / 3)
    group[down] = "amounts halve"
    change[down] = BEGIN + random.integers(0, 181, size=int(down.sum()))
    lines = made.transactions.to_dict()
    row = np.searchsorted(truth["customer_id"], lines["customer_id"])
    later = (group[row] == "amounts halve") & (lines["time"].astype("datetime64[D]") >= change[row])
    lines["amount"] = np.where(later, np.round(lines["amount"] / 2, 2), lines["amount"])
    used = ("customer_id", "time", "amount", "order_id", "category")
    wallet = {name: made.wallet[name] for name in ("customer_id", "period", "competitor_spend")}
    book = cv.CustomerBook({name: lines[name] for name in used}, wallet=wallet)
    first = lines["time"].astype("datetime64[D]")
    days = np.unique(np.stack([row, first.astype(np.int64)], axis=1)[(first < BEGIN) & (lines["amount"] > 0)], axis=0)
    visits = np.bincount(days[:, 0], minlength=len(group))
    return book, {"customer_id": truth["customer_id"], "group": group, "change": change, "known": visits >= 4}


def first_alerts(book: cv.CustomerBook, ids: np.ndarray, evidence: tuple[str, ...], budget: float) -> np.ndarray:
    watch = cv.DefectionMonitor(evidence=evidence, false_alarms_per_year=budget)
    alerts = watch.fit(book, baseline_until=str(BEGIN), time_zone="Europe/Berlin").update(book, as_of=str(UNTIL))
    raised = np.full(len(ids), np.datetime64("NaT"), dtype="datetime64[D]")
    row = np.searchsorted(ids, alerts["customer_id"])
    for i, day in zip(row[::-1], alerts["raised"][::-1], strict=True):
        raised[i] = day
    return raised


def main(customers: int = 6000, seed: int = 20261) -> None:
    book, truth = shop(customers, seed)
    ids, group, change, known = (truth[name] for name in ("customer_id", "group", "change", "known"))
    unchanged = known & (group == "none")
    print(f"{int(known.sum()):,} customers, of whom {int(unchanged.sum()):,} unchanged; seed {seed}\n")
    groups = ["halving", "halving, category dropped", "amounts halve", "growing, share falls", "stop"]
    print("| evidence | budget | at 10 %: false alarms of the default budget | " + " | ".join(groups) + " |")
    print("|---" * (3 + len(groups)) + "|")
    for evidence in SETS:

        def false_alarms(budget: float, evidence: tuple[str, ...] = evidence) -> tuple[float, np.ndarray]:
            raised = first_alerts(book, ids, evidence, budget)
            return float((raised[unchanged] < BEGIN + 365).mean()), raised

        low, high = np.log(0.005), np.log(1.0)
        default = false_alarms(0.10)[0]
        raised = false_alarms(1.0)[1]
        for _ in range(9):
            middle = (low + high) / 2
            share, found = false_alarms(float(np.exp(middle)))
            if share > SHARE:
                high = middle
            else:
                low, raised = middle, found
        cells = []
        for name in groups:
            own = known & (group == name) & ~(raised < change)
            alarmed = ~np.isnat(raised[own])
            delay = np.where(alarmed, (raised[own] - change[own]).astype(np.int64), 10**6)
            parts = [f"{100 * np.mean(delay <= 7 * weeks):.0f}" for weeks in WEEKS]
            cells.append(f"{' '.join(parts)} ({int(own.sum())})")
        print(
            f"| {' + '.join(evidence)} | {np.exp(low):.3f} | {100 * default:.1f} % | {' | '.join(cells)} |", flush=True
        )


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3]))
