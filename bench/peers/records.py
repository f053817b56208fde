"""One row per customer from a log, purchases of one day merged, then RFM scores by exact quantiles."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

NAME = "Summary and RFM scores of a log"
DESCRIPTION = """
A log in memory (customer int32 or text of 16 bytes, day date32, amount int64 in cents; skewed: exponential rates)
becomes one row per customer, purchases of one day merged: number of days with a purchase, first and last day, lines,
sum. Then the days since the last purchase, the lines and the sum are scored 1 to 5 by exact quantiles at 0.2, 0.4, 0.6
and 0.8 (type 7). DuckDB works on its own table in memory, Polars on a DataFrame with its streaming engine (the faster
of its two here), clavis on Arrow columns; clavis checks every row, and hands out the same columns as the others (those
that nobody asks for it does not work out).
"""
TOLERANCE = 0.0
FIRST_DAY = 18993  # 2022-01-01


def settings(options: argparse.Namespace) -> dict[str, Any]:
    return {"rows": int(options.rows), "text": options.variant == "text"}


def title(settings: Mapping[str, Any]) -> str:
    ids = "text ids" if settings["text"] else "integer ids"
    return f"Summary and RFM of {settings['rows']:,} rows, {settings['rows'] // 10:,} customers, {ids}"


def input_bytes(settings: Mapping[str, Any]) -> int:
    """Bytes of the columns: 16 a row; with text ids 8 for the offset and 16 for the text instead of 4."""
    return int(settings["rows"]) * (36 if settings["text"] else 16)


def prepare(cache: Path, settings: Mapping[str, Any]) -> Path:
    """The columns as .npy files. Customers arrive over the first of two years and buy at exponential rates."""
    target = int(settings["rows"])
    customers = target // 10
    folder = cache / f"records-{target}"
    if (folder / "done").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([20261121, customers, target])
    age = random.uniform(365.0, 730.0, customers)
    rate = random.gamma(1.0, (target / customers - 1) / 547.5, customers)
    purchases = random.poisson(rate * age) + 1
    customer = np.repeat(np.arange(customers, dtype=np.int32), purchases)
    when = random.uniform(size=customer.size)
    when[np.r_[0, np.cumsum(purchases)[:-1]]] = 0.0
    day = np.floor(730 - age[customer] + when * age[customer]).astype(np.int32)
    cents = np.round((np.round(random.gamma(6.25, 4.0, customer.size) + 0.01, 2)) * 100).astype(np.int64)
    order = random.permutation(customer.size)
    np.save(folder / "customer.npy", customer[order])
    np.save(folder / "day.npy", day[order] + np.int32(FIRST_DAY))
    np.save(folder / "cents.npy", cents[order])
    (folder / "done").touch()
    return folder


def load(data: Path, text: bool) -> Any:
    """The log as an Arrow table."""
    import pyarrow as pa
    import pyarrow.compute as pc

    customer, day, cents = (pa.array(np.load(data / f"{name}.npy")) for name in ("customer", "day", "cents"))
    if text:
        digits = pc.utf8_lpad(customer.cast(pa.string()), 9, "0")
        customer = pc.binary_join_element_wise(pa.scalar("client-"), digits, "")
    return pa.table({"customer": customer, "day": day.view(pa.date32()), "cents": cents})


class Clavis:
    name = "clavis"
    requirements: tuple[str, ...] = ()

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        self.log = load(data, settings["text"])
        self.threads = threads

    @staticmethod
    def version() -> str:
        import clavis

        return clavis.__version__

    def run(self) -> dict[str, float]:
        import clavis as cv

        s = cv.summarize(
            self.log, customer="customer", time="day", amount="cents", observe_until="2023-12-31", threads=self.threads
        )
        scores = cv.rfm(s, threads=self.threads)
        table = {name: s[name] for name in ("frequency", "recency", "T", "net_amount")}
        table |= {name: scores[name] for name in ("r", "f", "m", "score")}
        return {
            "customers": len(s),
            "repeat days": int(table["frequency"].sum()),
            "sum of scores": int(table["score"].sum(dtype=np.int64)),
        }


class DuckDB:
    name = "DuckDB"
    requirements: tuple[str, ...] = ()
    QUERY = """
    CREATE OR REPLACE TEMP TABLE scores AS
    WITH by_day AS (
        SELECT customer, day, sum(cents) AS cents, count(*) AS lines FROM log GROUP BY customer, day),
    customers AS MATERIALIZED (
        SELECT customer, count(*) - 1 AS frequency, min(day) AS first_day, max(day) AS last_day,
            DATE '2023-12-31' - max(day) AS days, sum(lines) AS lines, sum(cents) AS net FROM by_day GROUP BY customer),
    breaks AS (
        SELECT quantile_cont(days, [0.2, 0.4, 0.6, 0.8]) AS r, quantile_cont(lines, [0.2, 0.4, 0.6, 0.8]) AS f,
            quantile_cont(net, [0.2, 0.4, 0.6, 0.8]) AS m FROM customers)
    SELECT customer, frequency, last_day - first_day AS recency, DATE '2023-12-31' - first_day AS T, net,
        5 - ((days > r[1])::INT + (days > r[2])::INT + (days > r[3])::INT + (days > r[4])::INT) AS r_score,
        1 + (lines > f[1])::INT + (lines > f[2])::INT + (lines > f[3])::INT + (lines > f[4])::INT AS f_score,
        1 + (net > m[1])::INT + (net > m[2])::INT + (net > m[3])::INT + (net > m[4])::INT AS m_score
    FROM customers, breaks
    """

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import duckdb

        self.connection = duckdb.connect(config={"threads": threads})
        self.connection.register("arrow", load(data, settings["text"]))
        self.connection.execute("CREATE TABLE log AS SELECT * FROM arrow")
        self.connection.unregister("arrow")

    @staticmethod
    def version() -> str:
        import duckdb

        return str(duckdb.__version__)

    def run(self) -> dict[str, float]:
        self.connection.execute(self.QUERY)
        row = self.connection.execute(
            "SELECT count(*), sum(frequency), sum(100 * r_score + 10 * f_score + m_score) FROM scores"
        ).fetchall()[0]
        return {"customers": row[0], "repeat days": int(row[1]), "sum of scores": int(row[2])}


class Polars:
    name = "Polars"
    requirements: tuple[str, ...] = ()

    def __init__(self, data: Path, threads: int, settings: Mapping[str, Any]) -> None:
        import polars as pl

        self.log = pl.DataFrame(load(data, settings["text"]))

    @staticmethod
    def version() -> str:
        import polars

        return str(polars.__version__)

    def run(self) -> dict[str, float]:
        import polars as pl

        last = pl.lit(datetime.date(2023, 12, 31))
        by_day = self.log.lazy().group_by("customer", "day").agg(pl.col("cents").sum(), pl.len().alias("lines"))
        customers = (
            by_day.group_by("customer")
            .agg(
                frequency=pl.len() - 1,
                first_day=pl.col("day").min(),
                last_day=pl.col("day").max(),
                lines=pl.col("lines").sum(),
                net=pl.col("cents").sum(),
            )
            .collect(engine="streaming")
            .with_columns(days=(last - pl.col("last_day")).dt.total_days())
        )

        def score(column: str) -> pl.Expr:
            breaks = [customers[column].quantile(p, interpolation="linear") for p in (0.2, 0.4, 0.6, 0.8)]
            return 1 + pl.sum_horizontal(*((pl.col(column) > b).cast(pl.Int32) for b in breaks))

        scores = customers.with_columns(
            recency=(pl.col("last_day") - pl.col("first_day")).dt.total_days(),
            T=(last - pl.col("first_day")).dt.total_days(),
            r=6 - score("days"),
            f=score("lines"),
            m=score("net"),
        )
        total = scores.select((100 * pl.col("r") + 10 * pl.col("f") + pl.col("m")).cast(pl.Int64).sum()).item()
        return {"customers": scores.height, "repeat days": int(scores["frequency"].sum()), "sum of scores": int(total)}


CONTENDERS = (Clavis, DuckDB, Polars)
