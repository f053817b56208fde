"""Peak memory of fits above their input, in processes of their own.

    python bench/fit_memory.py                          # BG/NBD and Pareto/NBD, 1,000,000 distinct rows
    python bench/fit_memory.py --rows 1e7 --models BetaGeoNBD --threads 2 --days

Customers of a BG/NBD population in fractional days, so that no row repeats, or in whole ones (`--days`). The input is
three columns, 20 bytes a row. What a fit takes on top is the peak of the resident memory during it less that before it,
as Linux counts it.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path


def resident(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {field} in /proc/self/status")


def fit(model: str, rows: int, threads: int, *, days: bool) -> None:
    import numpy as np

    import clavis as cv

    random = np.random.default_rng([20261121, rows, 2])
    age = random.uniform(365.0, 730.0, rows)
    frequency = np.empty(rows, dtype=np.int32)
    recency = np.empty(rows)
    for part in range(0, rows, 1_000_000):  # in parts, so that drawing leaves no memory behind that a fit could use
        here = slice(part, min(rows, part + 1_000_000))
        count = here.stop - here.start
        wished = random.poisson(random.gamma(0.243, 1 / 30.898, count) * age[here])
        left = random.geometric(np.maximum(random.beta(0.793, 2.426, count), 1e-300))
        bought = np.minimum(wished, left)
        frequency[here] = bought
        recency[here] = np.where(
            bought > 0, age[here] * random.beta(np.maximum(bought, 1), np.maximum(wished - bought + 1, 1)), 0.0
        )
    if days:
        np.ceil(age, out=age)
        np.ceil(recency, out=recency)
    summary = cv.Summary(frequency, recency, age, unit="day")
    getattr(cv, model)().fit(cv.Summary(frequency[:1000], recency[:1000], age[:1000], unit="day"))
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    used = resource.getrusage(resource.RUSAGE_SELF)
    fitted = getattr(cv, model)().fit(summary, threads=threads)
    now = resource.getrusage(resource.RUSAGE_SELF)
    extra = resident("VmHWM") - before
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    print(
        f"{model}, {rows:,} rows ({fitted.report_.distinct_rows:,} distinct), {threads} threads: input "
        f"{20 * rows / 1e6:,.0f} MB, the fit on top {extra / 1e6:,.0f} MB, {cpu:.2f} s CPU"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="peak memory of fits above their input")
    parser.add_argument("--models", nargs="+", default=["BetaGeoNBD", "ParetoNBD"])
    parser.add_argument("--rows", type=float, default=1e6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--days", action="store_true")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        fit(options.models[0], int(options.rows), options.threads, days=options.days)
        return
    for model in options.models:
        command = [sys.executable, __file__, "--one", "--models", model]
        command += ["--rows", str(options.rows), "--threads", str(options.threads), *["--days"] * options.days]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
