"""Survival curves and proportional hazards."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

NAME = "Survival"
DESCRIPTION = """
Exponential durations that depend on five standard normal covariates, censored uniformly within 300 days; as they are
(every time distinct) or rounded up to whole days (`ties`). `km`: the Kaplan-Meier curve with intervals, at all times;
all must agree on survival after 100 days. `cox`: Cox's model with its standard errors, ties Efron's way; all must agree
on the first coefficient. lifelines and scikit-survival with their defaults (ties Efron's way); clavis and
lifelines compute standard errors too, clavis the concordance as well.
"""
TOLERANCE = 1e-5


def settings(options: argparse.Namespace) -> dict[str, Any]:
    job, _, ties = (options.variant or "cox").partition("-")
    return {"rows": int(options.rows), "job": job, "ties": ties == "ties"}


def title(settings: Mapping[str, Any]) -> str:
    job = {"km": "Kaplan-Meier", "cox": "Cox with five covariates"}[settings["job"]]
    return f"{job}, {settings['rows']:,} rows, {'whole days' if settings['ties'] else 'distinct times'}"


def input_bytes(settings: Mapping[str, Any]) -> int:
    return int(settings["rows"]) * (9 if settings["job"] == "km" else 49)


def prepare(cache: Path, settings: Mapping[str, Any]) -> Path:
    size = settings["rows"]
    folder = cache / f"survival-{size}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([20261121, size, 3])
    X = random.standard_normal((size, 5))
    t = random.exponential(1.0, size) * 100 * np.exp(-X @ np.array([0.5, -0.3, 0.2, 0.0, 0.1]))
    c = random.uniform(0, 300, size)
    np.save(folder / "X.npy", X)
    np.save(folder / "duration.npy", np.minimum(t, c))
    np.save(folder / "event.npy", t <= c)
    (folder / "done").touch()
    return folder


class Data:
    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.X, self.duration, self.event = (np.load(data / f"{name}.npy") for name in ("X", "duration", "event"))
        if settings["ties"]:
            self.duration = np.ceil(self.duration)
        self.threads, self.settings = threads, settings


class Clavis(Data):
    name = "clavis"
    requirements: tuple[str, ...] = ()

    @staticmethod
    def version() -> str:
        import clavis

        return clavis.__version__

    def run(self) -> dict[str, float]:
        import clavis as cv

        if self.settings["job"] == "km":
            km = cv.KaplanMeier().fit(self.duration, self.event, threads=self.threads)
            return {"survival after 100": float(km.predict(100.0))}
        cox = cv.CoxPH().fit(self.X, self.duration, self.event, threads=self.threads)
        assert cox.report_.converged and len(cox.standard_errors_) == 5
        first = next(iter(cox.params_.values()))
        return {"first coefficient": first, "log-likelihood": cox.log_likelihood_, "concordance": cox.concordance_}


class Lifelines(Data):
    name = "lifelines"
    requirements = ("lifelines==0.30.3",)

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import pandas as pd

        super().__init__(data, threads, settings)
        self.frame = pd.DataFrame(self.X, columns=list("abcde")).assign(duration=self.duration, event=self.event)

    @staticmethod
    def version() -> str:
        import lifelines

        return str(lifelines.__version__)

    def run(self) -> dict[str, float]:
        import lifelines

        if self.settings["job"] == "km":
            km = lifelines.KaplanMeierFitter().fit(self.duration, self.event)
            return {"survival after 100": float(km.predict(100.0))}
        cox = lifelines.CoxPHFitter().fit(self.frame, "duration", "event")
        return {"first coefficient": float(cox.params_.iloc[0]), "log-likelihood": float(cox.log_likelihood_)}


class ScikitSurvival(Data):
    name = "scikit-survival"
    requirements = ("scikit-survival==0.28.0",)

    @staticmethod
    def version() -> str:
        import sksurv

        return str(sksurv.__version__)

    def run(self) -> dict[str, float]:
        from sksurv.linear_model import CoxPHSurvivalAnalysis
        from sksurv.nonparametric import kaplan_meier_estimator

        if self.settings["job"] == "km":
            time, survival, _ = kaplan_meier_estimator(self.event, self.duration, conf_type="log-log")
            return {"survival after 100": float(survival[np.searchsorted(time, 100.0, side="right") - 1])}
        y = np.array(list(zip(self.event, self.duration, strict=True)), dtype=[("event", bool), ("time", float)])
        cox = CoxPHSurvivalAnalysis(ties="efron").fit(self.X, y)
        return {"first coefficient": float(cox.coef_[0])}


CONTENDERS = (Clavis, Lifelines, ScikitSurvival)
