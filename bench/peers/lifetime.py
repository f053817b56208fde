"""Maximum likelihood of the models of repeat purchases."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

NAME = "Fits of lifetime models"
DESCRIPTION = """
Customers of a BG/NBD or Pareto/NBD population, observed for one to two years: frequency, recency and age in days, as
fractions (every row distinct) or rounded up to whole weeks (`weeks`); for Gamma-Gamma the repeat buyers' mean spend.
Each package fits from its own start with its own defaults (lifetimes without penalty, at its default tolerance;
pymc-marketing by its MAP, whose weak default priors move the optimum a little). What each found is compared by one
log-likelihood, computed at its parameters by clavis; `short of the best` says how far each stayed below.
"""
TOLERANCE = 1e-3
#: What each is called, the process that makes its data, and clavis' class.
MODELS = {
    "bg": ("BG/NBD", "bgnbd", "BetaGeoNBD"),
    "mbg": ("MBG/NBD", "bgnbd", "ModifiedBetaGeoNBD"),
    "pareto": ("Pareto/NBD", "pnbd", "ParetoNBD"),
    "gg": ("Gamma-Gamma", "bgnbd", "GammaGamma"),
}


def settings(options: argparse.Namespace) -> dict[str, Any]:
    model, _, unit = (options.variant or "bg").partition("-")
    return {"rows": int(options.rows), "model": model, "weeks": unit == "weeks"}


def title(settings: Mapping[str, Any]) -> str:
    name = MODELS[settings["model"]][0]
    return f"{name}, {settings['rows']:,} customers, {'whole weeks' if settings['weeks'] else 'fractional days'}"


def input_bytes(settings: Mapping[str, Any]) -> int:
    return int(settings["rows"]) * (16 if settings["model"] == "gg" else 24)


def prepare(cache: Path, settings: Mapping[str, Any]) -> Path:
    """Frequency, recency, T and mean spend of customers simulated from the model."""
    size, process = settings["rows"], MODELS[settings["model"]][1]
    folder = cache / f"lifetime-{process}-{size}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([20261121, size, 1 if process == "pnbd" else 2])
    age = random.uniform(365.0, 730.0, size)
    if process == "pnbd":
        rate = random.gamma(0.553, 1 / 74.046, size)
        death = random.gamma(0.606, 1 / 81.683, size)
        lifetime = np.minimum(age, random.exponential(1.0, size) / death)
        frequency = random.poisson(rate * lifetime)
        recency = lifetime * random.uniform(size=size) ** (1 / np.maximum(frequency, 1))
    else:
        rate = random.gamma(0.243, 1 / 30.898, size)
        until_left = random.geometric(np.maximum(random.beta(0.793, 2.426, size), 1e-300))
        wished = random.poisson(rate * age)
        frequency = np.minimum(wished, until_left)
        recency = age * random.beta(np.maximum(frequency, 1), np.maximum(wished - frequency + 1, 1))
    recency = np.where(frequency > 0, recency, 0.0)
    spread = random.gamma(3.74, 1 / 15.44, size)
    count = np.maximum(frequency, 1)
    spend = np.where(frequency > 0, random.gamma(6.25 * count, 1 / (spread * count)), 0.0)
    for name, column in (("frequency", frequency), ("recency", recency), ("T", age), ("monetary_value", spend)):
        np.save(folder / f"{name}.npy", column)
    (folder / "done").touch()
    return folder


def load(data: Path, settings: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    columns = {name: np.load(data / f"{name}.npy") for name in ("frequency", "recency", "T", "monetary_value")}
    if settings["weeks"]:
        columns["T"] = np.ceil(columns["T"] / 7)
        columns["recency"] = np.minimum(np.ceil(columns["recency"] / 7), columns["T"])
    if settings["model"] == "gg":
        kept = columns["frequency"] > 0
        columns = {name: column[kept] for name, column in columns.items()}
    return columns


def judge(
    data: Path, settings: Mapping[str, Any], figures: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """One log-likelihood for all: at the parameters that each contender found."""
    import clavis as cv

    columns = load(data, settings)
    reached = {}
    for name, parameters in figures.items():
        model = getattr(cv, MODELS[settings["model"]][2])(**parameters)
        if settings["model"] == "gg":
            summary: Any = {name: columns[name] for name in ("frequency", "monetary_value")}
        else:
            summary = cv.Summary(
                columns["frequency"], columns["recency"], columns["T"], unit="week" if settings["weeks"] else "day"
            )
        reached[name] = float(model.log_likelihood(summary).sum())
    best = max(reached.values())
    return {name: {"log-likelihood": value, "short of the best": best - value} for name, value in reached.items()}


class Clavis:
    name = "clavis"
    requirements: tuple[str, ...] = ()

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import clavis as cv

        columns = load(data, settings)
        self.threads, self.settings = threads, settings
        self.summary = cv.Summary(**columns, unit="week" if settings["weeks"] else "day")

    @staticmethod
    def version() -> str:
        import clavis

        return clavis.__version__

    def run(self) -> dict[str, float]:
        import clavis as cv

        model = getattr(cv, MODELS[self.settings["model"]][2])().fit(self.summary, threads=self.threads)
        assert model.report_.converged
        return dict(model.params_)


class Lifetimes:
    name = "lifetimes"
    requirements = ("lifetimes==0.11.3", "numpy<2", "pandas<2", "scipy<1.12")

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.columns, self.settings = load(data, settings), settings

    @staticmethod
    def version() -> str:
        import lifetimes

        return str(lifetimes.__version__)

    def run(self) -> dict[str, float]:
        import lifetimes

        own, names = {
            "bg": (lifetimes.BetaGeoFitter, {}),
            "mbg": (lifetimes.ModifiedBetaGeoFitter, {}),
            "pareto": (lifetimes.ParetoNBDFitter, {}),
            "gg": (lifetimes.GammaGammaFitter, {"v": "gamma"}),
        }[self.settings["model"]]
        rest = ("monetary_value",) if self.settings["model"] == "gg" else ("recency", "T")
        fitted = own(penalizer_coef=0.0).fit(self.columns["frequency"], *(self.columns[name] for name in rest))
        return {names.get(name, name): float(value) for name, value in fitted.params_.items()}


class PymcMarketing:
    name = "pymc-marketing"
    requirements = ("pymc-marketing==0.19.2",)

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import pandas as pd

        columns = load(data, settings)
        self.settings = settings
        self.frame = pd.DataFrame({"customer_id": np.arange(len(columns["T"])), **columns})

    @staticmethod
    def version() -> str:
        import pymc_marketing

        return str(pymc_marketing.__version__)

    def run(self) -> dict[str, float]:
        from pymc_marketing import clv

        own, names = {
            "bg": (clv.BetaGeoModel, ("r", "alpha", "a", "b")),
            "mbg": (clv.ModifiedBetaGeoModel, ("r", "alpha", "a", "b")),
            "pareto": (clv.ParetoNBDModel, ("r", "alpha", "s", "beta")),
            "gg": (clv.GammaGammaModel, ("p", "q", "v")),
        }[self.settings["model"]]
        model = own(data=self.frame)
        model.fit(method="map", progressbar=False)
        values = model.fit_result
        return {{"v": "gamma"}.get(name, name): float(np.asarray(values[name]).ravel()[0]) for name in names}


CONTENDERS = (Clavis, Lifetimes, PymcMarketing)
