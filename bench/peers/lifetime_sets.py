"""Whose maximum likelihood is higher, over many small sets of customers."""

from __future__ import annotations

import argparse
import math
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lifetime
import numpy as np

NAME = "Optima of lifetime models on many sets"
DESCRIPTION = """
Sets of 100 to 10,000 customers simulated from BG/NBD, MBG/NBD, Pareto/NBD and Gamma-Gamma in turn, their parameters
spread over a factor of ten and more, in fractional days or whole weeks; in every seventh hardly anybody leaves, and in
every ninth customers buy twenty times as often. Each package fits every set from its own start with its own defaults
(pymc-marketing by its MAP, whose weak default priors move the optimum). A fit may take so much CPU time; what fails or
takes longer is not fitted. clavis computes one log-likelihood of each set at what each package found; its fits count
whether they say `converged` or not.
"""
TOLERANCE = 1e-9
#: A log-likelihood this far above another is better.
BETTER = 1e-4
SECONDS = 60.0


def settings(options: argparse.Namespace) -> dict[str, Any]:
    return {"sets": int(options.rows), "seconds": float(options.variant or SECONDS)}


def title(settings: Mapping[str, Any]) -> str:
    return f"{settings['sets']} sets, at most {settings['seconds']:g} s of CPU time a fit"


def input_bytes(settings: Mapping[str, Any]) -> int:
    return sum(24 * one["rows"] for one in sets_of(settings["sets"]))


def spread(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(math.log(low), math.log(high))))


def sets_of(count: int) -> list[dict[str, Any]]:
    """What `lifetime` calls settings, one a set."""
    models = list(lifetime.MODELS)
    random = np.random.default_rng([20261129, 60])
    return [
        {
            "rows": round(spread(random, 100, 10_000)),
            "model": models[i % len(models)],
            "weeks": bool(random.integers(2)),
        }
        for i in range(count)
    ]


def simulate(number: int, one: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Frequency, recency and T in days, and the mean spend."""
    random = np.random.default_rng([20261129, 61, number])
    size = one["rows"]
    age = random.uniform(60.0, 730.0, size)
    r, mean = spread(random, 0.1, 3.0), spread(random, 0.002, 0.05)
    stays = 300.0 if number % 7 == 6 else 1.0
    rate = random.gamma(r, mean * (20.0 if number % 9 == 8 else 1.0) / r, size)
    if one["model"] == "pareto":
        s, beta = spread(random, 0.2, 3.0), spread(random, 30.0, 900.0) * stays
        life = np.minimum(age, random.exponential(1.0, size) / np.maximum(random.gamma(s, 1 / beta, size), 1e-300))
        frequency = random.poisson(rate * life)
        recency = life * random.uniform(size=size) ** (1 / np.maximum(frequency, 1))
    else:
        a, b = spread(random, 0.3, 3.0), spread(random, 0.5, 8.0) * stays
        chance = np.maximum(random.beta(a, b, size), 1e-300)
        until_left = random.geometric(chance) - (1 if one["model"] == "mbg" else 0)
        wished = random.poisson(rate * age)
        frequency = np.minimum(wished, until_left)
        recency = age * random.beta(np.maximum(frequency, 1), np.maximum(wished - frequency + 1, 1))
    recency = np.where(frequency > 0, recency, 0.0)
    p, q, gamma = spread(random, 0.5, 20.0), spread(random, 1.2, 10.0), spread(random, 1.0, 100.0)
    many = np.maximum(frequency, 1)
    spend = random.gamma(p * many, 1 / (random.gamma(q, 1 / gamma, size) * many))
    spend = np.where(frequency > 0, np.maximum(spend, 1e-9), 0.0)
    return {"frequency": frequency, "recency": recency, "T": age, "monetary_value": spend}


def prepare(cache: Path, settings: Mapping[str, Any]) -> Path:
    folder = cache / f"lifetime-sets-{settings['sets']}"
    if (folder / "done").exists():
        return folder
    for number, one in enumerate(sets_of(settings["sets"])):
        (folder / str(number)).mkdir(parents=True, exist_ok=True)
        for name, column in simulate(number, one).items():
            np.save(folder / str(number) / f"{name}.npy", column)
    (folder / "done").touch()
    return folder


def judge(
    data: Path, settings: Mapping[str, Any], figures: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """How often each is the best, and how far above clavis at most."""
    sets = sets_of(settings["sets"])
    result = {
        name: {
            "sets": float(len(sets)),
            "fitted": 0.0,
            "within 1e-4 of the best": 0.0,
            "above clavis by more than 1e-4": 0.0,
        }
        for name in figures
    }
    most = dict.fromkeys(figures, -math.inf)
    for number, one in enumerate(sets):
        found: dict[str, dict[str, float]] = {}
        for name, own in figures.items():
            parameters = {key.split(" ")[1]: value for key, value in own.items() if key.split(" ")[0] == str(number)}
            if parameters and all(0.0 < value < math.inf for value in parameters.values()):
                found[name] = parameters
        reached = (
            {name: own["log-likelihood"] for name, own in lifetime.judge(data / str(number), one, found).items()}
            if found
            else {}
        )
        best = max(reached.values(), default=math.nan)
        for name, value in reached.items():
            result[name]["fitted"] += 1
            result[name]["within 1e-4 of the best"] += value >= best - BETTER
            if "clavis" in reached:
                result[name]["above clavis by more than 1e-4"] += value > reached["clavis"] + BETTER
                most[name] = max(most[name], value - reached["clavis"])
    for name, value in most.items():
        if name != "clavis":
            result[name]["most above clavis"] = value
    return result


class TakesTooLong(Exception):
    pass


def stop(*_: Any) -> None:
    raise TakesTooLong


class OnSets:
    requirements: tuple[str, ...] = ()
    fits: Any

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.data, self.threads, self.settings = data, threads, settings
        self.sets = sets_of(settings["sets"])
        self.warm = False
        signal.signal(signal.SIGPROF, stop)

    def run(self) -> dict[str, float]:
        found = {}
        # Warming up takes one set of each model.
        for number, one in enumerate(self.sets if self.warm else self.sets[: len(lifetime.MODELS)]):
            fit = self.fits(self.data / str(number), self.threads, one)
            signal.setitimer(signal.ITIMER_PROF, self.settings["seconds"])
            try:
                own = fit.run()
            except Exception as problem:
                print(f"set {number}, {one}: {type(problem).__name__}: {problem}"[:200])
                own = {}
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0.0)
            found.update({f"{number} {name}": value for name, value in own.items()})
        self.warm = True
        return found


class ClavisFit(lifetime.Clavis):
    def run(self) -> dict[str, float]:
        import clavis as cv

        return dict(getattr(cv, lifetime.MODELS[self.settings["model"]][2])().fit(self.summary).params_)


class Clavis(OnSets):
    name = "clavis"
    fits = ClavisFit
    version = staticmethod(lifetime.Clavis.version)


class Lifetimes(OnSets):
    name = "lifetimes"
    requirements = lifetime.Lifetimes.requirements
    fits = lifetime.Lifetimes
    version = staticmethod(lifetime.Lifetimes.version)


class PymcMarketing(OnSets):
    name = "pymc-marketing"
    requirements = lifetime.PymcMarketing.requirements
    fits = lifetime.PymcMarketing
    version = staticmethod(lifetime.PymcMarketing.version)


CONTENDERS = (Clavis, Lifetimes, PymcMarketing)
