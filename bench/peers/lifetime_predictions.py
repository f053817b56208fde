"""Predictions for every customer from given parameters."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lifetime
import numpy as np

NAME = "Predictions of lifetime models"
DESCRIPTION = """
The customers of the fits, in fractional days so that every row is distinct, and the parameters they were simulated
from: P(alive) and expected purchases in the next 90 days of each. lifetimes works on arrays, pymc-marketing on its
frame and a posterior of one draw at these parameters (its predictions are means over draws).
"""
TOLERANCE = 1e-6
HORIZON = 90.0
PARAMETERS = {
    "bg": {"r": 0.243, "alpha": 30.898, "a": 0.793, "b": 2.426},
    "pareto": {"r": 0.553, "alpha": 74.046, "s": 0.606, "beta": 81.683},
}

prepare, input_bytes = lifetime.prepare, lifetime.input_bytes


def settings(options: argparse.Namespace) -> dict[str, Any]:
    return {"rows": int(options.rows), "model": options.variant or "bg", "weeks": False}


def title(settings: Mapping[str, Any]) -> str:
    return f"{lifetime.MODELS[settings['model']][0]}: P(alive) and purchases of {settings['rows']:,} customers"


def totals(alive: Any, purchases: Any) -> dict[str, float]:
    return {"P(alive), sum": float(np.sum(alive)), "purchases, sum": float(np.sum(purchases))}


class Clavis:
    name = "clavis"
    requirements: tuple[str, ...] = ()

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import clavis as cv

        columns = lifetime.load(data, settings)
        self.threads = threads
        self.summary = cv.Summary(columns["frequency"], columns["recency"], columns["T"], unit="day")
        self.model = getattr(cv, lifetime.MODELS[settings["model"]][2])(**PARAMETERS[settings["model"]], unit="day")

    version = lifetime.Clavis.version

    def run(self) -> dict[str, float]:
        alive = self.model.probability_alive(self.summary, threads=self.threads)
        purchases = self.model.expected_purchases(self.summary, HORIZON, threads=self.threads)
        return totals(alive, purchases)


class Lifetimes:
    name = "lifetimes"
    requirements = lifetime.Lifetimes.requirements

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import lifetimes
        import pandas as pd

        columns = lifetime.load(data, settings)
        self.rows = tuple(columns[name] for name in ("frequency", "recency", "T"))
        self.model = {"bg": lifetimes.BetaGeoFitter, "pareto": lifetimes.ParetoNBDFitter}[settings["model"]]()
        self.model.params_ = pd.Series(PARAMETERS[settings["model"]])

    version = lifetime.Lifetimes.version

    def run(self) -> dict[str, float]:
        alive = self.model.conditional_probability_alive(*self.rows)
        purchases = self.model.conditional_expected_number_of_purchases_up_to_time(HORIZON, *self.rows)
        return totals(alive, purchases)


class PymcMarketing:
    name = "pymc-marketing"
    requirements = lifetime.PymcMarketing.requirements

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import arviz
        import pandas as pd
        from pymc_marketing import clv

        columns = lifetime.load(data, settings)
        self.frame = pd.DataFrame({"customer_id": np.arange(len(columns["T"])), **columns})
        self.model = {"bg": clv.BetaGeoModel, "pareto": clv.ParetoNBDModel}[settings["model"]](data=self.frame)
        draw = {name: np.array([[value]]) for name, value in PARAMETERS[settings["model"]].items()}
        self.model.build_model()
        self.model.idata = arviz.from_dict(posterior=draw)

    version = lifetime.PymcMarketing.version

    def run(self) -> dict[str, float]:
        alive = self.model.expected_probability_alive(self.frame)
        purchases = self.model.expected_purchases(self.frame, future_t=HORIZON)
        return totals(alive, purchases)


CONTENDERS = (Clavis, Lifetimes, PymcMarketing)
