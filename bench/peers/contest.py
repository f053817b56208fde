"""Runs the same job with clavis and with other packages, in one run, and writes the table of what it took.

A contest is a module beside this one that says what the data are (``prepare``), and holds one class for each
contender; ``python bench/peers/contest.py records --rows 1e7`` runs it. Every contender works in a process of its own,
which loads the data, does the job once to warm up and then ``--repeats`` times; rounds go through the contenders in
turn, so that a noisy machine treats them alike. What they return must agree before anything is printed.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import inspect
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import textwrap
import time
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "build" / "peers"
RESULTS = ROOT / "docs" / "benchmarks.md"


class Contender(Protocol):
    """One package and how it does the job."""

    name: str
    #: What pip installs into an environment of its own; empty: the package runs beside clavis.
    requirements: tuple[str, ...]

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        """Loads the data into the form that the package works on best; not timed."""

    def run(self) -> dict[str, float]:
        """Does the job; returns figures in which all contenders must agree."""

    @staticmethod
    def version() -> str: ...


# ---------------------------------------------------------------------------------------------------------------
# In the process of one contender.


def memory(field: str) -> int:
    """VmRSS or VmHWM of this process in bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":")), 0)


def forget_peak() -> None:
    """Lets VmHWM start again from what is used now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def cpu_time() -> float:
    """Of this process and those that it waited for, compilers among them."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def work(module: ModuleType, name: str, data: Path, threads: int, repeats: int, settings: Mapping[str, Any]) -> None:
    """Prints one line of JSON for each repetition."""
    contender_class = next(one for one in module.CONTENDERS if one.name == name)
    version = contender_class.version()  # imports the package
    bare = memory("VmRSS")
    contender: Contender = contender_class(data, threads, settings)
    loaded = memory("VmRSS")
    forget_peak()
    for repetition in range(repeats + 1):
        wall, cpu = time.perf_counter(), cpu_time()
        figures = contender.run()
        report = {
            "version": version,
            "warm": repetition > 0,
            "wall": time.perf_counter() - wall,
            "cpu": cpu_time() - cpu,
            "loaded": loaded - bare,
            "peak": memory("VmHWM") - bare,
            "figures": figures,
        }
        print(json.dumps(report), flush=True)


# ---------------------------------------------------------------------------------------------------------------
# In the process that compares.


def interpreter(requirements: tuple[str, ...]) -> Path:
    """A Python that has these packages, made on first use."""
    if not requirements:
        return Path(sys.executable)
    folder = CACHE / ("venv-" + "-".join(one.split("=")[0].split("[")[0] for one in requirements))
    python = folder / "bin" / "python"
    stamp = folder / ".requirements"
    if not stamp.exists() or stamp.read_text() != "\n".join(requirements):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements], check=True)
        stamp.write_text("\n".join(requirements))
    return python


def one_round(
    contest: str, contender: Contender, data: Path, threads: int, repeats: int, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    command: list[str | Path] = [
        interpreter(contender.requirements), str(HERE / "contest.py"), contest, "--worker", contender.name,
        "--data", str(data), "--threads", str(threads), "--repeats", str(repeats), "--settings", json.dumps(settings),
    ]  # fmt: skip
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "NUMEXPR_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    process = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if process.returncode != 0:
        raise SystemExit(f"{contender.name} failed with code {process.returncode}")
    for line in process.stdout.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def agree(figures: dict[str, dict[str, float]], tolerance: float, *, first_only: bool) -> None:
    """Stops where two contenders did not do the same job: on all figures, or on the first where others are remarks."""
    reference_name, reference = next(iter(figures.items()))
    for name, own in figures.items():
        for figure, value in list(own.items())[: 1 if first_only else None]:
            expected = reference.get(figure, value)
            if abs(value - expected) > tolerance * max(abs(value), abs(expected)):
                raise SystemExit(f"{figure}: {name} has {value}, {reference_name} has {expected}")


def machine() -> str:
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return f"{os.cpu_count()} cores, {model}"


def compare(module: ModuleType, contest: str, options: argparse.Namespace) -> str:
    """Runs a contest and returns its section of the document."""
    settings = module.settings(options)
    data = module.prepare(CACHE, settings)
    contenders = [one for one in module.CONTENDERS if not options.only or one.name in options.only]
    reports: dict[str, list[dict[str, Any]]] = {one.name: [] for one in contenders}
    for number in range(options.rounds):
        for contender in contenders:
            for report in one_round(contest, contender, data, options.threads, options.repeats, settings):
                reports[contender.name].append(report)
                print(
                    f"round {number + 1}, {contender.name}: {report['wall']:.2f} s wall, {report['cpu']:.2f} s CPU"
                    + ("" if report["warm"] else " (warming up)"),
                    file=sys.stderr,
                    flush=True,
                )
    found = {name: one[-1]["figures"] for name, one in reports.items()}
    if hasattr(module, "judge"):
        found = module.judge(data, settings, found)
    agree(found, module.TOLERANCE, first_only=hasattr(module, "judge"))

    def median(name: str, field: str) -> float:
        return float(statistics.median(one[field] for one in reports[name] if one["warm"]))

    ours = contenders[0].name
    size = module.input_bytes(settings)
    runs = sum(one["warm"] for one in reports[ours])
    lines = [
        f"### {module.title(settings)}",
        "",
        f"`{shown_command()}`, {options.threads} thread{'s' if options.threads > 1 else ''}; {machine()}; "
        f"{datetime.datetime.now(datetime.timezone.utc).date()}; medians of {runs} warm run{'s' if runs > 1 else ''} "
        f"each, contenders in turn; load average before {os.getloadavg()[0]:.1f}.",
        "",
        "| | wall s | CPU s | times clavis, wall | times clavis, CPU | peak memory, data included |",
        "|---|---|---|---|---|---|",
    ]
    for name, own in reports.items():
        peak = max(one["peak"] for one in own)
        lines.append(
            f"| {name} {own[0]['version']} | {median(name, 'wall'):.3g} | {median(name, 'cpu'):.3g} | "
            f"{median(name, 'wall') / median(ours, 'wall'):.3g} | {median(name, 'cpu') / median(ours, 'cpu'):.3g} | "
            + (
                f"{peak / 1e6:,.0f} MB, {peak / size:.2f} times the data |"
                if getattr(module, "MEMORY", True)
                else "– |"
            )
        )
    if hasattr(module, "judge"):
        for name, figures in found.items():
            lines += ["", f"{name}: " + ", ".join(f"{figure} {value:.12g}" for figure, value in figures.items()) + "."]
        return "\n".join(lines)
    return "\n".join(
        [*lines, "", "All agree on: " + ", ".join(f"{name} {value:.12g}" for name, value in found[ours].items()) + "."]
    )


def jobs(module: ModuleType) -> str:
    """What each contender does, from its source."""
    lines = [f"## {module.NAME}", "", module.DESCRIPTION.strip(), ""]
    for contender in module.CONTENDERS:
        body = textwrap.dedent(inspect.getsource(getattr(contender, "job", contender.run))).rstrip()
        lines += [f"<details><summary>{contender.name}: the job</summary>", "", "```python", body, "```", ""]
        if query := getattr(contender, "QUERY", None):
            lines += ["```sql", textwrap.dedent(query).strip(), "```", ""]
        lines += ["</details>", ""]
    return "\n".join(lines).rstrip()


def shown_command() -> str:
    return "./dev bench peers " + " ".join(word for word in sys.argv[1:] if word != "--write")


def write(section: str, key: str, after: str | None = None) -> None:
    """Puts a section into the document: in place of the one of the same key, else behind the one named, else last."""
    end = "<!-- end of {} -->\n"
    block = f"<!-- {key} -->\n{section}\n{end.format(key)}"
    text = RESULTS.read_text()
    if f"<!-- {key} -->" in text:
        before, rest = text.split(f"<!-- {key} -->", 1)
        text = before + block + rest.split(end.format(key), 1)[1]
    elif after is not None:
        before, rest = text.split(end.format(after), 1)
        text = before + end.format(after) + "\n" + block + rest
    else:
        text = text.rstrip("\n") + "\n\n" + block
    RESULTS.write_text(text)


def main() -> None:
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem != "contest")
    parser = argparse.ArgumentParser(description="compare clavis with other packages")
    parser.add_argument("contest", choices=names)
    parser.add_argument("--rows", type=float, default=1e7, help="size of the data (default 1e7)")
    parser.add_argument("--variant", default="", help="which variant of the contest")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of a process, after one to warm up")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each contender")
    parser.add_argument("--only", nargs="*", help="contenders to run; clavis must be among them to be compared")
    parser.add_argument("--write", action="store_true", help=f"put the table into {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--settings", type=json.loads, default={}, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    module = importlib.import_module(options.contest)
    if options.worker:
        work(module, options.worker, options.data, options.threads, options.repeats, options.settings)
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    section = compare(module, options.contest, options)
    print(section)
    if options.write:
        write(jobs(module), options.contest)
        variant = " ".join(filter(None, (options.contest, options.variant, f"{options.rows:g}", str(options.threads))))
        write(section, variant, after=options.contest)


if __name__ == "__main__":
    main()
