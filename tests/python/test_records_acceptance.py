"""Records as a user meets them who has read the list of names and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import clavis as cv

ROWS = 400
RANDOM = np.random.default_rng(20240229)
LOG: dict[str, Any] = {
    "CustomerID": RANDOM.integers(1, 40, ROWS),
    "When": np.datetime64("2023-01-01T00:00", "us") + RANDOM.integers(0, 500 * 86400, ROWS).astype("timedelta64[s]"),
    "Total": RANDOM.integers(-500, 5000, ROWS) / 100,
    "event": np.arange(ROWS),
}
NAMES: dict[str, str] = {"customer": "CustomerID", "time": "When", "amount": "Total"}


def facts(summary: cv.Summary) -> dict[str, list[Any]]:
    return {name: [str(value) for value in summary[name]] for name in summary.columns}


def producers() -> Iterator[tuple[str, Any]]:
    table = pa.table(LOG)
    narrow = table.set_column(0, "CustomerID", table["CustomerID"].cast(pa.uint8()))
    money = table.set_column(2, "Total", table["Total"].cast(pa.decimal128(12, 2)))
    coded = table.set_column(0, "CustomerID", table["CustomerID"].cast(pa.int16()).dictionary_encode())
    texts = table.set_column(1, "When", pa.array(np.datetime_as_string(LOG["When"])))
    yield "dict", LOG
    yield from (("pyarrow", table), ("narrow", narrow), ("decimals", money), ("dictionary", coded))
    yield "text times", texts
    yield "chunks", pa.concat_tables([table.slice(0, 7), table.slice(7, 0), table.slice(7)])
    yield "one-shot stream", pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=50))
    yield "polars", pytest.importorskip("polars").from_arrow(table)
    yield "pandas", table.to_pandas()
    yield "duckdb", pytest.importorskip("duckdb").from_arrow(table)


def test_every_producer_gives_the_same_summary() -> None:
    expected = facts(cv.summarize(LOG, **NAMES))
    for name, table in producers():
        assert facts(cv.summarize(table, **NAMES)) == expected, name


def test_a_stream_is_read_once_and_says_so() -> None:
    stream = pa.table(LOG).to_reader(max_chunksize=60)
    cv.summarize(stream, **NAMES)
    with pytest.raises(ValueError, match="read"):
        cv.summarize(stream, **NAMES)


@pytest.mark.parametrize("shards", [1, 2, 5, 64])
def test_any_split_over_states_is_one_state(shards: int, tmp_path: Path) -> None:
    keywords: dict[str, Any] = {**NAMES, "event_id": "event", "calibrate_until": "2023-12-31"}
    whole = cv.Summarizer(**keywords).update(LOG)
    owner = RANDOM.integers(0, shards, ROWS + 50)
    rows = RANDOM.permutation(np.concatenate([np.arange(ROWS), RANDOM.integers(0, ROWS, 50)]))  # some are sent twice
    states = []
    for shard in range(shards):
        mine = {name: values[rows[owner == shard]] for name, values in LOG.items()}
        states.append(cv.Summarizer(**keywords, threads=1 + shard % 3).update(mine))
    joined = states[0]
    for state in states[1:]:
        other = cv.Summarizer.from_bytes(state.to_bytes(), **NAMES, event_id="event")
        assert joined.merge(other) is joined
    assert facts(joined.finish()) == facts(whole.finish())
    assert joined.quality.rows_duplicate == 50
    with pytest.raises(ValueError, match=r"damaged|state"):
        cv.Summarizer.from_bytes(joined.to_bytes()[:-1])


def test_a_book_maps_names_once_and_goes_everywhere() -> None:
    names = {"customer_id": "CustomerID", "time": "When", "amount": "Total", "event_id": "event"}
    book = cv.CustomerBook(LOG, columns={"transactions": names})
    assert facts(cv.summarize(book, amount="amount")) == facts(cv.summarize(LOG, **NAMES))
    joined = book.merged({2: 1, 3: 2})
    assert 2 not in cv.summarize(joined).customer_id
    back = joined.original
    assert back is not None
    assert facts(cv.summarize(back, amount="amount")) == facts(cv.summarize(book, amount="amount"))
    moved = joined.identities
    assert moved is not None
    assert dict(zip(moved["customer_id"], moved["merged_into"], strict=True)) == {2: 1, 3: 1}
    assert moved["transactions"].sum() == np.isin(LOG["CustomerID"], [2, 3]).sum()


def test_what_was_known_and_what_money_it_was() -> None:
    log = {
        "customer_id": ["a", "a", "b"],
        "time": ["2024-01-01", "2024-02-01", "2024-02-02"],
        "amount": [10.0, 20.0, 30.0],
        "known_time": ["2024-01-01", "2024-03-01", "2024-02-02"],
        "currency": ["EUR", "USD", "EUR"],
    }
    with pytest.raises(ValueError, match='column "currency", row 1: "USD"'):
        cv.summarize(log, amount="amount")
    rates = {"currency": ["EUR", "USD"], "rate": [1.0, 0.5]}
    money: dict[str, Any] = {"amount": "amount", "rates": rates, "reporting_currency": "EUR"}
    assert cv.summarize(log, **money).net_amount.tolist() == [20.0, 30.0]
    then = cv.summarize(log, **money, known_at="2024-02-15")
    assert then.net_amount.tolist() == [10.0, 30.0]
    assert then.quality is not None and then.quality.rows_not_yet_known == 1


def test_files_and_databases_say_the_same(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    table = pa.table({**LOG, "When": np.datetime_as_string(LOG["When"], unit="s")})
    expected = facts(cv.summarize(LOG, **NAMES))
    pa.parquet.write_table(pa.table(LOG), tmp_path / "log.parquet")
    database = sqlite3.connect(tmp_path / "shop.sqlite")
    database.execute('CREATE TABLE log ("CustomerID" INTEGER, "When" TIMESTAMP, "Total" REAL, event INTEGER)')
    database.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", zip(*table.to_pydict().values(), strict=True))
    database.commit()
    database.close()
    with (tmp_path / "log.csv").open("w") as file:
        file.write(",".join(table.column_names) + "\n")
        for row in zip(*table.to_pydict().values(), strict=True):
            file.write(",".join(map(str, row)) + "\n")
    sources = {
        "Parquet": cv.read(tmp_path / "log.parquet"),
        "CSV": cv.read(tmp_path / "log.csv"),
        "SQLite": cv.read("log", database=tmp_path / "shop.sqlite"),
        "SQL": cv.read(f"SELECT * FROM '{tmp_path}/log.parquet' ORDER BY Total"),
    }
    for name, source in sources.items():
        assert facts(cv.summarize(source, **NAMES)) == expected, name


def test_results_are_tables_that_every_library_reads() -> None:
    summary = cv.summarize(pa.table(LOG), **NAMES)
    assert len(summary) == len(summary["customer_id"]) == summary.to_arrow().num_rows
    assert summary.to_arrow().column_names == summary.columns
    assert summary.to_polars()["frequency"].to_list() == summary.frequency.tolist()
    assert summary.to_pandas()["T"].tolist() == summary["T"].tolist()
    assert np.all(np.diff(summary.customer_id) > 0)
