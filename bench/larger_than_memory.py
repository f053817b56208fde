"""Summarizes a log on disk that is larger than memory, in bounded memory: the second rung of docs/guide/scaling.md.

Writes Parquet files of --rows rows (16 bytes each, not compressed) into --folder, then reads them batch by batch into a
Summarizer in a process of its own. With --limit the process runs in a control group of that much memory (Linux, root);
without it the log itself has to be larger than the memory for the run to mean anything; the script says what it was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = 32


def write_log(folder: Path, rows: int, customers: int) -> int:
    """Customers of very unequal rates (the square of a uniform number picks one), two years of days, cents."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    per_file = rows // FILES
    for number in range(FILES):
        path = folder / f"log-{number:02}.parquet"
        if path.exists():
            continue
        first = number * per_file
        query = f"""
            SELECT ({customers} * pow((hash(i) >> 11) / 9007199254740992.0, 2))::INT AS customer_id,
                DATE '2022-01-01' + (hash(i + 1000000007) % 730)::INT AS time,
                (1 + hash(i + 2000000011) % 20000)::BIGINT AS amount
            FROM range({first}, {first + per_file}) AS t(i)"""
        connection.execute(f"COPY ({query}) TO '{path}' (COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1)")
    return sum(path.stat().st_size for path in folder.glob("*.parquet"))


def memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def summarize(folder: Path, batch_rows: int) -> None:
    """The job: what a user writes."""
    import clavis as cv

    before = memory("VmRSS")
    start, cpu = time.perf_counter(), time.process_time()
    state = cv.Summarizer(amount="amount", observe_until="2023-12-31")
    for number, batch in enumerate(cv.read_batches(str(folder / "*.parquet"), batch_rows=batch_rows)):
        state.update(batch)
        if number % 500 == 0:
            print(f"{number * batch_rows:,} rows, {memory('VmRSS') / 1e9:.2f} GB", file=sys.stderr, flush=True)
    read = time.perf_counter() - start
    reading_peak = memory("VmHWM")
    size = len(state.to_bytes()) if "--bytes" in sys.argv else 0
    summary = state.finish()
    print(
        json.dumps(
            {
                "rows": int(state.quality.rows_read),
                "customers": len(summary),
                "seconds reading": round(read, 1),
                "seconds": round(time.perf_counter() - start, 1),
                "cpu seconds": round(time.process_time() - cpu, 1),
                "peak MB while reading": round((reading_peak - before) / 1e6),
                "peak MB": round((memory("VmHWM") - before) / 1e6),
                "bytes of the state": size,
                "repeat days": int(summary.frequency.sum(dtype="int64")),
                "sum": float(summary.net_amount.sum()),
            }
        )
    )


def limited(limit: int) -> Path | None:
    """A control group of this much memory for the next process, or nothing where that cannot be had."""
    for group, name in (
        (Path("/sys/fs/cgroup/memory/clavis-bench"), "memory.limit_in_bytes"),
        (Path("/sys/fs/cgroup/clavis-bench"), "memory.max"),
    ):
        if (group.parent / "cgroup.procs").exists() and os.access(group.parent, os.W_OK):
            group.mkdir(exist_ok=True)
            (group / name).write_text(str(limit))
            return group
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rows", type=float, default=1e8)
    parser.add_argument("--customers", type=float, default=2e6)
    parser.add_argument("--batch-rows", type=float, default=1 << 20)
    parser.add_argument("--folder", type=Path, default=HERE.parent / "build" / "larger-than-memory")
    parser.add_argument("--limit", type=float, help="bytes of memory that the process may use, files cached included")
    parser.add_argument("--bytes", action="store_true", help="also write the state into bytes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        summarize(options.folder, int(options.batch_rows))
        return
    size = write_log(options.folder, int(options.rows), int(options.customers))
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    group = limited(int(options.limit)) if options.limit else None
    if options.limit and group is None:
        raise SystemExit("--limit needs a writable control group for memory")
    bound = f"{options.limit / 1e9:.1f} GB allowed" if group else f"{total / 1e9:.1f} GB of the machine"
    print(f"the log: {size / 1e9:.1f} GB on disk; memory: {bound}", flush=True)
    enter = (lambda: (group / "cgroup.procs").write_text(str(os.getpid()))) if group else None
    command = [sys.executable, __file__, "--worker", "--folder", str(options.folder)]
    command += ["--batch-rows", str(options.batch_rows), *(["--bytes"] if options.bytes else [])]
    try:
        subprocess.run(command, check=True, preexec_fn=enter)
    finally:
        if group:
            group.rmdir()


if __name__ == "__main__":
    main()
