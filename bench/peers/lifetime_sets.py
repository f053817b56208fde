"""Whose maximum likelihood is higher, over many small sets of customers."""

from __future__ import annotations

import argparse
import atexit
import json
import math
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lifetime
import numpy as np

NAME = "Optima of lifetime models on many sets"
DESCRIPTION = """
Sets of 100 to 10,000 customers simulated from BG/NBD, MBG/NBD, Pareto/NBD and Gamma-Gamma in turn, their parameters
spread over a factor of ten and more, in fractional days or whole weeks; in every seventh hardly anybody leaves, and in
every ninth customers buy twenty times as often. Each package fits every set by maximum likelihood from its own start
with the defaults of its optimizer: lifetimes without penalty; pymc-marketing by its MAP (L-BFGS-B) with the flat prior
`HalfFlat` of every parameter, so that its mode is the maximum likelihood, and PyTensor's default mode. A fit runs in a
process of its own, which is ended after so much CPU time (that of compilers does not count) or 45 times as much wall
time; what fails or takes longer is not fitted. clavis computes one log-likelihood of each set at what each package
found; its fits count whether they say `converged` or not. Times include the compilers that PyTensor calls for most sets
(the number of customers is written into its C), in a folder for compiled code that is new in each run.
"""
TOLERANCE = 1e-9
#: That of the fits is used in processes of their own.
MEMORY = False
#: A log-likelihood this far above another is better.
BETTER = 1e-4
SECONDS = 60.0
#: Wall time a fit may take for each second of its CPU time: it also waits for compilers and for a busy machine.
WAITS = 45.0


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


def apart(job: Callable[[], dict[str, float]], seconds: float) -> dict[str, float]:
    """What a job returns, in a forked process that ends with its compilers at the limits.

    The kernel ends it, because an exception from a signal may be caught on its way: PyTensor goes on after a rewrite
    that failed for whatever reason.
    """
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds), math.ceil(seconds) + 1))
            try:
                answer: dict[str, Any] = {"found": job()}
            except Exception as problem:
                answer = {"problem": f"{type(problem).__name__}: {problem}"[:200]}
            with os.fdopen(send, "w") as pipe:
                json.dump(answer, pipe)
            code = 0
        finally:
            os._exit(code)
    os.close(send)
    written, end = b"", time.monotonic() + WAITS * seconds
    with os.fdopen(receive, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0] and (part := pipe.read(65536)):
            written += part
    if written and not written.endswith(b"}"):
        written = b""
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
    _, status = os.waitpid(child, 0)
    if not written:
        raise TimeoutError(f"no result, ended by signal {os.WTERMSIG(status)}")
    answer = json.loads(written)
    if "problem" in answer:
        raise RuntimeError(answer["problem"])
    found: dict[str, float] = answer["found"]
    return found


class OnSets:
    requirements: tuple[str, ...] = ()
    fits: Any

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.data, self.threads, self.settings = data, threads, settings
        self.sets = sets_of(settings["sets"])
        self.warm = False

    def run(self) -> dict[str, float]:
        found = {}
        # Warming up takes one set of each model.
        for number, one in enumerate(self.sets if self.warm else self.sets[: len(lifetime.MODELS)]):
            fit = self.fits(self.data / str(number), self.threads, one)
            try:
                own = apart(fit.run, self.settings["seconds"])
            except Exception as problem:
                print(f"{self.fits.name}, set {number}, {one}: {problem}", file=sys.stderr, flush=True)
                continue
            found.update({f"{number} {name}": value for name, value in own.items()})
        self.warm = True
        return found


class ClavisFit(lifetime.Clavis):
    def run(self) -> dict[str, float]:
        import clavis as cv

        model = getattr(cv, lifetime.MODELS[self.settings["model"]][2])()
        return dict(model.fit(self.summary, threads=self.threads).params_)


class PymcMarketingFit(lifetime.PymcMarketing):
    def run(self) -> dict[str, float]:
        from pymc_extras.prior import Prior
        from pymc_marketing import clv

        own, names = {
            "bg": (clv.BetaGeoModel, ("r", "alpha", "a", "b")),
            "mbg": (clv.ModifiedBetaGeoModel, ("r", "alpha", "a", "b")),
            "pareto": (clv.ParetoNBDModel, ("r", "alpha", "s", "beta")),
            "gg": (clv.GammaGammaModel, ("p", "q", "v")),
        }[self.settings["model"]]
        model = own(data=self.frame, model_config={name: Prior("HalfFlat") for name in names})
        model.fit(method="map", progressbar=False)
        values = model.fit_result
        return {{"v": "gamma"}.get(name, name): float(np.asarray(values[name]).ravel()[0]) for name in names}


class Clavis(OnSets):
    name = "clavis"
    fits = ClavisFit
    job = ClavisFit.run
    version = staticmethod(lifetime.Clavis.version)


class Lifetimes(OnSets):
    name = "lifetimes"
    requirements = lifetime.Lifetimes.requirements
    fits = lifetime.Lifetimes
    job = lifetime.Lifetimes.run
    version = staticmethod(lifetime.Lifetimes.version)


class PymcMarketing(OnSets):
    name = "pymc-marketing"
    requirements = lifetime.PymcMarketing.requirements
    fits = PymcMarketingFit
    job = PymcMarketingFit.run

    @staticmethod
    def version() -> str:
        # Compiled code of its own: another process with the same folder would hold its lock.
        folder = tempfile.mkdtemp(prefix="pytensor-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={folder}"
        return lifetime.PymcMarketing.version()


CONTENDERS = (Clavis, Lifetimes, PymcMarketing)
