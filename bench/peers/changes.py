"""Whose purchases changed, and when: clavis and change points by ruptures."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

NAME = "Changes in purchases"
DESCRIPTION = """
Customers with rates Gamma(2, 2 weeks) who buy at random times for 104 weeks. From a week between 60 and 85 on a third
of them buys half as often and a third no more; a third does not change. Everybody has bought three times in the first
52 weeks. Asked is who changed, and in which week. clavis learns from the first 52 weeks and watches the others at its
default budget (10 % a year), as it would have day by day. ruptures looks back at the whole of each customer's weekly
counts, divided by the root of their mean in the first 52 weeks, with the penalty 2 ln 104 that suits noise of
variance 1, segments of two weeks or more; of several breaks the deepest fall is taken. `KernelCPD` with a linear
kernel is its exact search in C, `Pelt` its Python search with the same cost at every fifth week (its default). These
are not the same job: the figures say what each found.
"""
TOLERANCE = 0.0
WEEKS, BASELINE = 104, 52


def settings(options: argparse.Namespace) -> dict[str, Any]:
    return {"customers": int(options.rows)}


def title(settings: Mapping[str, Any]) -> str:
    return f"Changes of {settings['customers']:,} customers in 104 weeks"


def input_bytes(settings: Mapping[str, Any]) -> int:
    return int(settings["customers"]) * WEEKS * 8


def prepare(cache: Path, settings: Mapping[str, Any]) -> Path:
    size = settings["customers"]
    folder = cache / f"changes-{size}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([20261121, size, 4])
    days, customers, change = [], [], np.full(size, np.nan)
    for customer in range(size):
        retained = (1.0, 0.5, 0.0)[customer % 3]
        at = random.uniform(60, 85)
        while True:
            rate = random.gamma(2.0, 0.5)
            week = np.sort(random.uniform(0, WEEKS, random.poisson(rate * WEEKS)))
            if (week < BASELINE).sum() >= 3:
                break
        week = week[(week < at) | (random.uniform(size=len(week)) < retained)]
        if retained < 1:
            change[customer] = at
        day = np.unique(np.floor(7 * week).astype(np.int64))
        days.append(day)
        customers.append(np.full(len(day), customer))
    np.save(folder / "day.npy", np.concatenate(days))
    np.save(folder / "customer.npy", np.concatenate(customers))
    np.save(folder / "change.npy", change)
    (folder / "done").touch()
    return folder


def scored(data: Path, found: Mapping[int, float], size: int) -> dict[str, float]:
    """What was found, customer to week, beside the truth."""
    change = np.load(data / "change.npy")
    week = np.array([found.get(customer, np.nan) for customer in range(size)])
    kind = np.arange(size) % 3
    said = ~np.isnan(week)
    error = np.abs(week - change)
    return {
        "customers": size,
        "unchanged but named, %": 100 * float(said[kind == 0].mean()),
        "halvings named, %": 100 * float(said[kind == 1].mean()),
        "stops named, %": 100 * float(said[kind == 2].mean()),
        "median error of their weeks": float(np.median(error[(kind == 2) & said])),
    }


class Clavis:
    name = "clavis"
    requirements: tuple[str, ...] = ()

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.data, self.threads, self.settings = data, threads, settings
        start = np.datetime64("2023-01-02")
        self.log = {"customer_id": np.load(data / "customer.npy"), "time": start + np.load(data / "day.npy")}

    @staticmethod
    def version() -> str:
        import clavis

        return clavis.__version__

    def run(self) -> dict[str, float]:
        import clavis as cv

        watch = cv.DefectionMonitor(threads=self.threads).fit(self.log, baseline_until="2024-01-01")
        alerts = watch.update(self.log, as_of="2024-12-30")
        week = (alerts["since"].astype("datetime64[D]") - np.datetime64("2023-01-02")).astype(float) / 7
        first: dict[int, float] = {}
        for customer, since in zip(alerts["customer_id"].tolist(), week.tolist(), strict=True):
            first.setdefault(customer, since)
        return scored(self.data, first, self.settings["customers"])


class Ruptures:
    name = "ruptures KernelCPD"
    requirements = ("ruptures==1.1.10",)

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.data, self.settings = data, settings
        size = settings["customers"]
        week = np.load(data / "day.npy") // 7
        self.counts = np.zeros((size, WEEKS))
        np.add.at(self.counts, (np.load(data / "customer.npy"), week), 1.0)

    @staticmethod
    def version() -> str:
        from importlib.metadata import version

        return version("ruptures")

    def search(self) -> Any:
        import ruptures

        return ruptures.KernelCPD(kernel="linear", min_size=2)

    def run(self) -> dict[str, float]:
        found: dict[int, float] = {}
        search, penalty = self.search(), 2 * np.log(WEEKS)
        scale = np.sqrt(self.counts[:, :BASELINE].mean(axis=1))
        for customer, counts in enumerate(self.counts / scale[:, None]):
            ends = search.fit(counts[:, None]).predict(pen=penalty)
            if len(ends) > 1:
                means = [counts[a:b].mean() for a, b in zip([0, *ends], ends, strict=False)]
                found[customer] = float(ends[int(np.argmin(np.diff(means)))])
        return scored(self.data, found, self.settings["customers"])


class RupturesPelt(Ruptures):
    name = "ruptures Pelt"

    def search(self) -> Any:
        import ruptures

        return ruptures.Pelt(model="l2", min_size=2)


def judge(data: Path, settings: Mapping[str, Any], found: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """All were asked about the same customers; what else they say is for the reader."""
    return found


CONTENDERS = (Clavis, Ruptures, RupturesPelt)
