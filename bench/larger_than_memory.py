"""Summarizes a log on disk that is larger than memory, in bounded memory: the second rung of docs/guide/scaling.md.

Writes Parquet files of about --rows rows (16 bytes each, not compressed) into --folder, then reads them batch by batch
into a Summarizer in a process of its own and compares its sums with what the writer knows. With --limit the process
runs in a control group of that much memory (Linux, root); without it the log itself has to be larger than the memory
for the run to mean anything; the script says what it was. The log stays in the folder for the next run.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DAYS = 730  # from 2022-01-01 on


def write_file(path: Path, days: range, rows: int, customers: int) -> tuple[dict[str, int], bytes]:
    """The receipts of some days, a row group a day; what is known about them, and a bit for each customer.

    A receipt has 1 to 19 lines of cents; its customer is picked by the square of a uniform number, so that rates are
    very unequal. A file that is there is left alone.
    """
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    columns = {"customer_id": pa.int32(), "time": pa.date32(), "amount": pa.int64()}
    first_day = np.datetime64("2022-01-01", "D").astype(int)
    bought = np.zeros(customers, dtype=bool)
    known = {"rows": 0, "customer days": 0, "sum": 0}
    part = path.with_suffix(".part")
    write = not path.exists()
    with parquet.ParquetWriter(part, pa.schema(columns), compression="NONE", use_dictionary=False) as file:
        for day in days:
            random = np.random.Generator(np.random.SFC64((2, day)))
            receipts = (customers * np.square(random.random(max(1, rows // (10 * DAYS))))).astype(np.int32)
            lines = random.integers(1, 20, len(receipts))
            size = int(lines.sum())
            amounts = random.integers(1, 20_001, size, dtype=np.int32).astype(np.int64)
            if write:
                ids = pa.array(np.repeat(receipts, lines))
                times = pa.array(np.full(size, first_day + day, dtype=np.int32)).view(pa.date32())
                file.write_table(pa.table([ids, times, pa.array(amounts)], names=list(columns)), row_group_size=size)
            bought[receipts] = True
            known["rows"] += size
            known["customer days"] += len(np.unique(receipts))
            known["sum"] += int(amounts.sum())
    if write:
        part.rename(path)
    else:
        part.unlink()
    return known, np.packbits(bought).tobytes()


def write_log(folder: Path, rows: int, customers: int, files: int, processes: int | None) -> dict[str, int]:
    """Two years of receipts in the order of their days, and what is known about them.

    Known are rows, customers who bought, pairs of a customer and a day with a purchase, and the sum.
    """
    import numpy as np

    expected, asked = folder / "known.json", {"asked rows": rows, "asked customers": customers, "files": files}
    if expected.exists():
        known: dict[str, int] = json.loads(expected.read_text())
        if {name: known[name] for name in asked} == asked:
            return known
        raise SystemExit(f"{folder} holds another log; remove it first")
    folder.mkdir(parents=True, exist_ok=True)
    known = {"rows": 0, "customer days": 0, "sum": 0}
    bought = np.zeros((customers + 7) // 8, dtype=np.uint8)
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        parts = [
            pool.submit(
                write_file,
                folder / f"log-{number:03}.parquet",
                range(DAYS * number // files, DAYS * (number + 1) // files),
                rows,
                customers,
            )
            for number in range(files)
        ]
        for part in parts:
            counts, customers_of_file = part.result()
            known = {name: known[name] + count for name, count in counts.items()}
            bought |= np.frombuffer(customers_of_file, dtype=np.uint8)
    known = {**asked, **known, "customers": int(np.unpackbits(bought).sum())}
    expected.write_text(json.dumps(known))
    return known


def memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def summarize(folder: Path, batch_rows: int) -> None:
    """The job: what a user writes."""
    import clavis as cv

    before = memory("VmRSS")
    start, cpu = time.perf_counter(), time.process_time()
    state = cv.Summarizer(amount="amount", observe_until="2023-12-31")
    rows = 0
    for number, batch in enumerate(cv.read_batches(str(folder / "*.parquet"), batch_rows=batch_rows)):
        state.update(batch)
        rows += batch.num_rows
        if number % 100 == 0:
            print(f"{rows:,} rows, {memory('VmRSS') / 1e9:.2f} GB", file=sys.stderr, flush=True)
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
                "customer days": int(summary.frequency.sum(dtype="int64")) + len(summary),
                "sum": int(summary.net_amount.sum()),
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
    parser.add_argument("--files", type=int, default=32)
    parser.add_argument("--processes", type=int, help="that write the files; default: one a core")
    parser.add_argument("--batch-rows", type=float, default=1 << 20)
    parser.add_argument("--folder", type=Path, default=HERE.parent / "build" / "larger-than-memory")
    parser.add_argument("--limit", type=float, help="bytes of memory that the process may use, files cached included")
    parser.add_argument("--bytes", action="store_true", help="also write the state into bytes")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        summarize(options.folder, int(options.batch_rows))
        return
    start = time.perf_counter()
    known = write_log(options.folder, int(options.rows), int(options.customers), options.files, options.processes)
    print(f"written in {time.perf_counter() - start:.0f} s", flush=True)
    size = sum(path.stat().st_size for path in options.folder.glob("*.parquet"))
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
        done = subprocess.run(command, check=True, preexec_fn=enter, stdout=subprocess.PIPE, text=True)
    finally:
        if group:
            group.rmdir()
    print(done.stdout, end="")
    found = json.loads(done.stdout)
    wrong = [name for name in ("rows", "customers", "customer days", "sum") if found[name] != known[name]]
    if wrong:
        raise SystemExit(
            "not what was written: " + ", ".join(f"{name} {found[name]} != {known[name]}" for name in wrong)
        )
    print("rows, customers, customer days and the sum are those that were written")


if __name__ == "__main__":
    main()
