"""Customers who are the same under several ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clavis as cv

LOG: dict[str, Any] = {
    "customer_id": [1, 1, 2, 3, 4, 5],
    "time": ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22", "2024-01-29", "2024-02-05"],
    "amount": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
}


def everything(book: cv.CustomerBook) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Summary and quality as plain values."""
    summary = cv.summarize(book, amount="amount", observe_until="2024-03-01")
    columns = {name: [str(value) for value in summary[name]] for name in summary.columns}
    return columns, book.quality.to_dict()


def people(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Brute force: spread the smallest id over the pairs until nothing changes."""
    of = {one: one for pair in pairs for one in pair}
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(of[a], of[b])
            changed = changed or of[a] != low or of[b] != low
            of[a] = of[b] = low
    return of


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12),
    ids=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    seed=st.randoms(use_true_random=False),
    text=st.booleans(),
)
def test_the_laws_of_merging(pairs: list[tuple[int, int]], ids: list[int], seed: Any, text: bool) -> None:
    def named(values: list[int]) -> list[Any]:
        return [f"customer {value:02d}" for value in values] if text else values

    days = [f"2024-01-{1 + i % 28:02d}" for i in range(len(ids))]
    log = {"customer_id": named(ids), "time": days, "amount": [1.0 + i for i in range(len(ids))]}
    book = cv.CustomerBook(log)
    before = everything(book)
    table = {
        "id_a": np.array(named([a for a, _ in pairs]), dtype=object),
        "id_b": np.array(named([b for _, b in pairs]), dtype=object),
    }
    if not pairs:
        table = {name: np.array([], dtype=np.int64) for name in table}
    merged = book.merged(table)

    # The same as mapping the ids by hand.
    of = people(pairs)
    by_hand = cv.CustomerBook({**log, "customer_id": named([of.get(one, one) for one in ids])})
    found = everything(merged)
    assert found == everything(by_hand)

    # In any order of rows, and merging again changes nothing.
    order = list(range(len(pairs)))
    seed.shuffle(order)
    shuffled = {name: values[order] for name, values in table.items()}
    swapped = {"id_a": shuffled["id_b"], "id_b": shuffled["id_a"]}
    for again in (book.merged(shuffled), book.merged(swapped), merged.merged(table)):
        assert everything(again) == found

    # Nothing is lost: the book before is as it was.
    assert merged.original is book
    assert everything(cv.CustomerBook(log)) == before == everything(merged.original)

    # The report adds up.
    report = merged.identities
    assert report is not None
    assert sorted(report["customer_id"]) == sorted(named([one for one, to in of.items() if one != to]))
    assert report["transactions"].sum() == sum(of.get(one, one) != one for one in ids)
    assert report.customers_joined == len(set(ids)) - len({of.get(one, one) for one in ids})
    assert set(report.unknown) == set(named([one for one, to in of.items() if one != to and one not in ids]))


def test_every_table_is_joined_and_referrals_of_oneself_are_told() -> None:
    book = cv.CustomerBook(
        LOG,
        referrals={"referrer_id": [2, 3], "customer_id": [1, 4]},
        surveys={"customer_id": [2, 9], "time": ["2024-01-01"] * 2, "score": [5, 7]},
    )
    merged = book.merged({2: 1, 7: 3})
    assert merged.read("surveys")["customer_id"].tolist() == [1, 9]
    assert merged.read("referrals")["referrer_id"].tolist() == [1, 3]
    report = merged.identities
    assert report is not None
    assert report.self_referrals == 1
    assert report["customer_id"].tolist() == [2, 7]
    assert report["merged_into"].tolist() == [1, 3]
    assert report["transactions"].tolist() == [1, 0]
    assert report["other_rows"].tolist() == [2, 0]
    assert report.unknown.tolist() == [7]
    assert "1 referrals of customers by themselves" in repr(report)
    assert merged.quality["surveys"].customers == 4
    assert book.identities is None and book.original is None


def test_canonical_ids_at_the_end_of_chains_stay() -> None:
    book = cv.CustomerBook(LOG)
    chain = book.merged({"customer_id": [1, 3, 5], "canonical_id": [3, 5, 4]})
    assert cv.summarize(chain).customer_id.tolist() == [2, 4]
    # A cycle: the smallest canonical id. A mapping says the same as a table.
    assert cv.summarize(book.merged({4: 5, 5: 3, 3: 4})).customer_id.tolist() == [1, 2, 3]
    # A canonical id may be new.
    assert cv.summarize(book.merged({1: 70, 2: 70})).customer_id.tolist() == [3, 4, 5, 70]


def test_conflicts_are_errors_or_reported() -> None:
    book = cv.CustomerBook(LOG)
    table = {"customer_id": [1, 2, 1], "canonical_id": [4, 3, 3]}
    message = (
        'identities, column "canonical_id", row 0: "4" is a second canonical id, beside "3", of customers that belong '
        "together"
    )
    with pytest.raises(ValueError, match="second canonical id") as caught:
        book.merged(table)
    assert str(caught.value) == message
    joined = book.merged(table, on_conflict="join")
    assert cv.summarize(joined).customer_id.tolist() == [3, 5]
    assert joined.identities is not None
    assert joined.identities.conflicts["other"].tolist() == ["4"]
    with pytest.raises(ValueError, match="on_conflict"):
        book.merged(table, on_conflict="ignore")


@pytest.mark.parametrize(
    ("identities", "message"),
    [
        ({"customer_id": [1, None], "canonical_id": [2, 2]}, 'column "customer_id", row 1: is missing'),
        ({"customer_id": [1.5], "canonical_id": [2.0]}, 'row 0: "1.5" is not a whole number'),
        ({"customer_id": [1], "canonical_id": ["a"]}, "holds text"),
        ({"customer_id": [1]}, 'no column "canonical_id"'),
    ],
)
def test_identities_that_cannot_be_used(identities: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cv.CustomerBook(LOG).merged(identities)


@pytest.mark.parametrize("kind", ["dict", "arrow", "polars", "pandas", "other table"])
def test_ids_of_another_type_than_the_books(kind: str) -> None:
    table: Any = LOG
    if kind == "arrow":
        table = pa.table(LOG)
    elif kind == "polars":
        table = pytest.importorskip("polars").DataFrame(LOG)
    elif kind == "pandas":
        table = pytest.importorskip("pandas").DataFrame(LOG)
    with pytest.raises(ValueError, match="holds numbers, but the identities hold text"):
        cv.CustomerBook(table).merged({"a": "b"})
    if kind == "other table":
        texts = {**LOG, "customer_id": list("aabcde")}
        with pytest.raises(ValueError, match='referrals, column "referrer_id": holds numbers'):
            cv.CustomerBook(texts, referrals={"referrer_id": [1], "customer_id": ["a"]}).merged({"a": "b"})


def test_streams_are_not_read_to_learn_the_type_of_ids() -> None:
    stream = pa.table(LOG).to_reader()
    merged = cv.CustomerBook(stream).merged({"a": "b"})
    with pytest.raises(ValueError, match="holds numbers, but the identities hold text"):
        cv.summarize(merged)


def test_an_id_that_an_earlier_merge_joined_is_told() -> None:
    merged = cv.CustomerBook(LOG).merged({2: 1}).merged({2: 3, 8: 3, 4: 3})
    report = merged.identities
    assert report is not None
    assert report.unknown.tolist() == [2, 8]
    assert report.gone.tolist() == [2]
    assert "1 of them were joined to others before: 2" in repr(report)
    assert cv.summarize(merged).customer_id.tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    "kind", [pa.int32(), pa.int64(), pa.float64(), pa.string(), pa.dictionary(pa.int8(), pa.string())]
)
def test_columns_of_every_type_of_id(kind: pa.DataType) -> None:
    ids = [1, None, 2, 3, 2, 1]
    text = not pa.types.is_integer(kind) and not pa.types.is_floating(kind)
    column = pa.array([None if one is None else str(one) if text else one for one in ids]).cast(kind)
    table = pa.table({"customer_id": column, "time": pa.array(["2024-01-01"] * 6), "amount": pa.array([1.0] * 6)})
    identities: dict[Any, Any] = {"2": "3000000000"} if text else {2: 3_000_000_000}
    summary = cv.summarize(cv.CustomerBook(table).merged(identities), amount="amount")
    assert {str(one): float(total) for one, total in zip(summary.customer_id, summary.net_amount, strict=True)} == {
        "1": 2.0,
        "3": 1.0,
        "3000000000": 2.0,
    }
    assert summary.quality is not None and summary.quality.rows_without_customer == 1


def test_a_merged_book_goes_wherever_a_book_goes() -> None:
    shop = cv.simulate_shop(customers=300, seed=4)
    transactions = {name: shop.transactions[name] for name in ("customer_id", "time", "amount")}
    ids = np.asarray(transactions["customer_id"])
    merged = cv.CustomerBook(transactions).merged({2: 1, 40: 30})
    by_hand = {**transactions, "customer_id": np.where(ids == 2, 1, np.where(ids == 40, 30, ids))}
    assert repr(cv.analyse(merged).customers) == repr(cv.analyse(by_hand).customers)
    program = cv.TierProgram.from_json(
        {
            "metric": "spend",
            "window": {"rolling_days": 365},
            "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 100}],
        }
    )
    assert repr(program.replay(merged)) == repr(program.replay(by_hand))
