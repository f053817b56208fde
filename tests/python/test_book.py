"""The tables of a book: their columns, checks and quality; events, late knowledge and currencies of transactions."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clavis as cv
from clavis.book import SCHEMA

LOG: dict[str, Any] = {
    "customer_id": [1, 1, 2, 3],
    "time": ["2024-01-01", "2024-01-15", "2024-01-08", "2024-01-29"],
    "amount": [10.0, 20.0, 5.0, 8.0],
}


def quality(table: str, columns: dict[str, Any], log: dict[str, Any] = LOG) -> cv.Quality:
    tables: dict[str, Any] = {"transactions": log, table: columns}
    return cv.CustomerBook(**tables).quality[table]


def test_the_schema_is_the_documented_one() -> None:
    assert list(SCHEMA) == [
        "transactions", "customers", "contacts", "surveys", "wallet", "life_events", "costs", "referrals", "campaigns",
        "interviews", "events", "targets",
    ]  # fmt: skip
    assert SCHEMA["referrals"] == (("referrer_id", "customer_id"), ("time",))
    assert SCHEMA["costs"][0] == ()


def test_columns_are_checked_on_construction() -> None:
    with pytest.raises(ValueError, match="no column category_spend or competitor_spend, of which one is needed"):
        cv.CustomerBook(LOG, wallet={"customer_id": [1], "period": ["2024"]})
    with pytest.raises(ValueError, match="no column customer_id or segment"):
        cv.CustomerBook(LOG, costs={"service": [1.0]})
    with pytest.raises(ValueError, match='no column "referrer_id"'):
        cv.CustomerBook(LOG, referrals={"customer_id": [1]})
    cv.CustomerBook(LOG, costs={"segment": ["a"], "service": [1.0]})


@pytest.mark.parametrize(
    ("table", "columns", "column", "reason", "rows"),
    [
        ("surveys", {"score": [11, 10], "scale": ["nps", "NPS"]}, "score", "is no score of its scale", [0]),
        ("surveys", {"score": [0, 5], "scale": ["csat", "csat"]}, "score", "is no score of its scale", [0]),
        ("surveys", {"score": [1, 0], "scale": ["share_rank"] * 2}, "score", "is no score of its scale", [1]),
        ("surveys", {"score": [7, -1]}, "score", "is below 0", [1]),
        ("surveys", {"score": [7, 8], "scale": ["nps", "stars"]}, "scale", "is none of nps, csat, share_rank", [1]),
        ("surveys", {"score": ["9", "good"]}, "score", "is not a number", [1]),
        ("surveys", {"score": [np.nan, 3.0]}, "score", "is missing", [0]),
        ("contacts", {"kind": ["call", "call"], "sentiment": [-1, 1.2]}, "sentiment", "is not in -1 to 1", [1]),
        ("contacts", {"kind": ["call", ""]}, "kind", "is missing", [1]),
        ("campaigns", {"campaign": ["a", "a"], "arm": ["Treated", "held out"]}, "arm", "is none of", [1]),
    ],
)
def test_impossible_values_are_refused_with_rows_and_values(
    table: str, columns: dict[str, Any], column: str, reason: str, rows: list[int]
) -> None:
    rest = {"customer_id": [1, 2], "time": ["2024-01-01", "2024-01-02"]}
    found = quality(table, {**rest, **columns})
    (refusal,) = found.refused
    assert (refusal.column, refusal.rows, refusal.count) == (column, rows, 1)
    assert refusal.reason.startswith(reason)
    assert (found.rows_read, found.rows_used) == (2, 1)
    book = cv.CustomerBook(**{"transactions": LOG, table: {**rest, **columns}})
    assert len(book.read(table)) == 1
    with pytest.raises(ValueError, match=f'{table}, column "{column}", row {rows[0]}'):
        book.read(table, on_bad_rows="raise")


def test_times_are_named_by_what_is_wrong_with_them() -> None:
    times = ["2024-02-30", "yesterday", None, "2024-01-01T25:00", "2024-01-01"]
    found = quality("events", {"time": np.array(times, dtype=object), "kind": ["price"] * 5})
    assert {entry.reason: entry.rows for entry in found.refused} == {
        "is a date that does not exist": [0],
        "is no date or time of ISO 8601": [1],
        "is missing": [2],
        "is a time that does not exist": [3],
    }


def test_costs_need_a_customer_or_a_segment_in_every_row() -> None:
    found = quality("costs", {"customer_id": [1, None, None], "segment": ["", "b", ""], "service": [1.0, 2.0, 3.0]})
    (refusal,) = found.refused
    assert (refusal.rows, refusal.reason) == ([2], "is missing, and so is segment")


def test_missing_customers_are_counted_apart() -> None:
    found = quality("life_events", {"customer_id": [1, None], "time": ["2024-01-01"] * 2, "kind": ["move", "birth"]})
    assert (found.rows_used, found.rows_without_customer, found.rows_refused) == (1, 1, 0)


def test_duplicates_coverage_staleness_and_extra_columns() -> None:
    book = cv.CustomerBook(
        LOG,
        customers={"customer_id": [1, 2, 1, 7, 7], "segment": ["a", "b", "a", "c", "c"], "income": [1, 2, 3, 4, 5]},
        contacts={"customer_id": [1], "time": ["2024-01-09"], "kind": ["visit"]},
    )
    customers = book.quality["customers"]
    assert customers.rows_duplicate == 2
    assert customers.duplicates[0].rows == [2, 4]
    assert customers.rows_alike == 2
    assert (customers.customers, customers.customers_covered, customers.customers_unknown) == (3, 2, 1)
    assert customers.coverage == 2 / 3
    assert customers.extra_columns == ["income"]
    assert book.quality["contacts"].days_stale == 20
    assert book.quality.as_of == datetime.date(2024, 1, 29)
    assert "1 customers are not in the transactions" in repr(book.quality)
    assert "<li>" in book.quality._repr_html_()
    assert json.loads(json.dumps(book.quality.to_dict()))["tables"]["customers"]["rows_duplicate"] == 2
    table = book.quality.to_table()
    assert table["table"].tolist() == ["transactions", "customers", "contacts"]
    assert table["coverage"].tolist()[1:] == [2 / 3, 1 / 3]
    assert customers.findings["finding"].tolist() == ["duplicate"]


def test_gaps_are_told_against_the_usual_pace() -> None:
    days = [np.datetime64("2024-01-01", "D") + i for i in [*range(30), *range(45, 70), 73]]
    found = quality("events", {"time": np.array(days), "kind": ["x"] * len(days)})
    assert found.pace == 1
    assert found.gaps == [
        (datetime.date(2024, 1, 31), datetime.date(2024, 2, 14)),
        (datetime.date(2024, 3, 11), datetime.date(2024, 3, 13)),
    ]


def test_doubtful_transactions_are_noted_and_used() -> None:
    log = {**LOG, "paid_time": ["2023-12-31", "2024-02-01", "soon", None], "quantity": ["1", "two", "3", "4"]}
    found = cv.CustomerBook(log).quality["transactions"]
    assert (found.rows_used, found.rows_refused) == (4, 0)
    assert {(entry.column, entry.reason): entry.rows for entry in found.noted} == {
        ("paid_time", "was paid before the sale"): [0],
        ("paid_time", "is no date or time of ISO 8601"): [2],
        ("quantity", "is not a number"): [1],
    }


def test_mixed_currencies_show_in_the_quality_instead_of_ending_it() -> None:
    found = cv.CustomerBook({**LOG, "currency": ["EUR", "USD", "EUR", "EUR"]}).quality["transactions"]
    assert "give rates" in found.notes[-1]


def test_tables_are_read_under_the_librarys_names() -> None:
    book = cv.CustomerBook(
        LOG,
        contacts=pa.table(
            {"who": [1, None, 2], "when": ["2024-01-01T10:00", "2024-01-02", "2024-01-03"], "kind": ["a", "b", None]}
        ),
        surveys={"customer_id": ["x"], "time": ["2024-01-01"], "score": ["9.5"], "scale": ["NPS"]},
        columns={"contacts": {"customer_id": "who", "time": "when"}},
    )  # fmt: skip
    contacts = book.read("contacts")
    assert contacts.columns == ["customer_id", "time", "kind"]
    assert contacts["customer_id"].tolist() == [1]
    assert contacts["time"].dtype == "datetime64[us]"
    surveys = book.read("surveys")
    assert surveys["time"].dtype == "datetime64[D]"
    assert (surveys["score"].tolist(), surveys["scale"].tolist()) == ([9.5], ["nps"])
    with pytest.raises(ValueError, match='no table "wallet"'):
        book.read("wallet")


def test_the_simulated_shop_has_nothing_to_refuse() -> None:
    book = cv.simulate_shop(customers=400, seed=1)
    assert {name: one.rows_refused for name, one in book.quality.items()} == dict.fromkeys(book.tables, 0)
    assert book.quality["customers"].coverage == 1


def test_an_event_counts_once() -> None:
    log = {name: [*values, values[0]] for name, values in LOG.items()}
    log["event_id"] = ["a", "b", "c", None, "a"]
    s = cv.summarize(log, amount="amount")
    assert s.net_amount.tolist() == [30.0, 5.0, 8.0]
    assert s.quality is not None
    assert (s.quality.rows_used, s.quality.rows_duplicate, s.quality.rows_without_event) == (4, 1, 1)
    assert s.quality.duplicates[0].rows == [4]
    assert "1 duplicates" in str(s.quality)
    assert cv.summarize(log, amount="amount", event_id=None).net_amount.tolist() == [40.0, 5.0, 8.0]
    log["amount"] = [10.0, 20.0, 5.0, 8.0, 11.0]
    with pytest.raises(ValueError, match='"a" is the event of row 0 as well, which differs in amount'):
        cv.summarize(log, amount="amount")
    refusing = cv.summarize(log, amount="amount", on_bad_rows="refuse")
    assert refusing.net_amount.tolist() == [30.0, 5.0, 8.0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 28), st.integers(-3, 9)), min_size=1, max_size=30), st.data()
)
def test_sending_events_again_changes_nothing(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    def log(order: list[int]) -> dict[str, Any]:
        return {
            "customer_id": np.array([rows[i][0] for i in order], dtype=np.int64),
            "time": np.array([f"2024-01-{rows[i][1]:02d}" for i in order], dtype="datetime64[D]"),
            "amount": np.array([rows[i][2] for i in order], dtype=np.float64),
            "event_id": np.array(order, dtype=np.int64),
        }

    once = cv.summarize(log(list(range(len(rows)))), amount="amount")
    sent = data.draw(st.permutations([*range(len(rows)), *data.draw(st.lists(st.integers(0, len(rows) - 1)))]))
    cut = data.draw(st.integers(0, len(sent)))
    state = cv.Summarizer(amount="amount")
    other = cv.Summarizer(amount="amount")
    state.update(log(sent[:cut]))
    state.merge(other.update(log(sent[cut:])))
    again = state.finish()
    for name in once.columns:
        assert [str(value) for value in again[name]] == [str(value) for value in once[name]], name
    assert state.quality.rows_duplicate == len(sent) - len(rows)


def test_what_was_known_on_a_day() -> None:
    log = {**LOG, "known_time": ["2024-01-01", "2024-03-01", None, "2024-01-29"]}
    s = cv.summarize(log, amount="amount", known_at="2024-01-20")
    assert s.customer_id.tolist() == [1, 2]
    assert s.net_amount.tolist() == [10.0, 5.0]
    assert s.quality is not None and s.quality.rows_not_yet_known == 2
    assert cv.summarize(log, known_time=None, known_at="2024-01-20").customer_id.tolist() == [1, 2]
    assert cv.analyse(log, known_at="2024-02-01").quality.rows_not_yet_known == 1


RATES = {"currency": ["USD", "USD", "GBP"], "rate": [0.9, 0.8, 1.2], "date": ["2024-01-01", "2024-01-10", "2023-12-01"]}


def test_currencies_are_converted_by_the_rates_of_the_day() -> None:
    log = {**LOG, "currency": ["USD", "USD", "EUR", "GBP"]}
    s = cv.summarize(log, amount="amount", rates=RATES, reporting_currency="EUR")
    assert s.net_amount.tolist() == [25.0, 5.0, 9.6]
    assert s.quality is not None
    assert s.quality.converted == {"EUR": 1, "GBP": 1, "USD": 2}
    chunked = pa.concat_tables(
        [
            pa.table({name: [value] for name, value in zip(RATES, row, strict=True)})
            for row in zip(*RATES.values(), strict=True)
        ]
    )
    assert cv.summarize(log, amount="amount", rates=chunked, reporting_currency="EUR").net_amount.tolist() == [
        25.0,
        5.0,
        9.6,
    ]
    with pytest.raises(ValueError, match="without rates: give rates"):
        cv.summarize(log, amount="amount")
    with pytest.raises(ValueError, match='column "currency", row 3: "CHF" has no rate'):
        cv.summarize(
            {**log, "currency": ["USD", "USD", "EUR", "CHF"]}, amount="amount", rates=RATES, reporting_currency="EUR"
        )
    with pytest.raises(ValueError, match="reporting_currency"):
        cv.summarize(log, amount="amount", rates=RATES)
    with pytest.raises(ValueError, match="give rates"):
        cv.summarize(log, amount="amount", reporting_currency="EUR")
    with pytest.raises(ValueError, match='rates, column "rate", row 0: "0" is no rate'):
        cv.summarize(log, amount="amount", rates={"currency": ["USD"], "rate": [0.0]}, reporting_currency="EUR")


def test_tables_without_rows_keep_their_columns() -> None:
    transactions = {"customer_id": [1], "time": ["2024-01-01"]}
    contacts = {"customer_id": np.empty(0, int), "time": np.empty(0, "datetime64[us]"), "kind": []}
    found = cv.CustomerBook(transactions, contacts=contacts).read("contacts")
    assert found.columns == ["customer_id", "time", "kind"]
    assert len(found) == 0
    assert cv.CustomerBook({"customer_id": [], "time": []}).quality["transactions"].rows_read == 0


def test_birth_dates_ahead_are_noted() -> None:
    customers = {"customer_id": [1, 2, 3], "birth_date": ["1980-02-29", "2024-01-30", None]}
    found = cv.CustomerBook(LOG, customers=customers).quality["customers"]
    assert [(entry.column, entry.reason, entry.rows, entry.values) for entry in found.noted] == [
        ("birth_date", "lies after the last transaction", [1], ["2024-01-30"])
    ]
    assert found.rows_used == 3


def test_wallets_that_disagree_are_noted() -> None:
    log = {
        "customer_id": [1, 1, 1, 2, 2, 3],
        "time": ["2024-01-05", "2024-02-10", "2024-04-02", "2024-03-31", "2024-02-01", "2024-02-01"],
        "amount": [50.0, 40.0, 70.0, 30.0, 5.0, -20.0],
    }
    wallet = {
        "who": [1, 1, 1, 1, 2, 3, 4, 1, 1],
        "period": ["2024-Q1", "2024-Q2", "2024-01", "2024", "2024-Q1", "2024-H1", "2024-Q1", "spring", "2024-H1"],
        # Own spend here: 90, 70, 50, 160, 35 (of which 30 on the last day), -20, nobody, no period, 160.
        "category_spend": [89.0, 70.0, 60.0, 100.0, 10.0, 0.0, 1.0, 0.0, None],
        "competitor_spend": [0.0, 80.0, None, 0.0, 0.0, 0.0, 1.0, 0.0, 5.0],
    }
    book = cv.CustomerBook(log, wallet=wallet, columns={"wallet": {"customer_id": "who"}})
    noted = {entry.reason: (entry.column, entry.rows, entry.values) for entry in book.quality["wallet"].noted}
    assert noted == {
        "is less than what was spent elsewhere": ("category_spend", [1], ["70"]),
        "is less than what was spent here": ("category_spend", [0, 3], ["89", "100"]),
    }
    assert book.quality["wallet"].rows_used == 9


@pytest.mark.parametrize("text", [False, True])
@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=14))
def test_circles_of_referrals_are_noted(pairs: list[tuple[int, int]], text: bool) -> None:
    people = [f"p{i}" for i in range(8)] if text else list(range(8))
    referrals = {"referrer_id": [people[a] for a, _ in pairs], "customer_id": [people[b] for _, b in pairs]}
    found = cv.CustomerBook(LOG, referrals=referrals).quality["referrals"]
    # Brute force: a referral is on a circle where its customer leads back to its referrer.
    reaches = {(a, b) for a, b in pairs}
    for middle in range(8):
        reaches |= {(a, b) for a in range(8) for b in range(8) if {(a, middle), (middle, b)} <= reaches}
    circle = [row for row, (a, b) in enumerate(pairs) if a != b and (b, a) in reaches]
    assert [entry.rows for entry in found.noted if entry.reason == "is one of a circle of referrals"] == (
        [circle] if circle else []
    )


def test_a_long_chain_of_referrals_is_no_circle_until_it_closes() -> None:
    n = 200_000
    referrals = {"referrer_id": np.arange(n), "customer_id": np.arange(1, n + 1)}
    assert cv.CustomerBook(LOG, referrals=referrals).quality["referrals"].noted == []
    referrals["customer_id"][-1] = 0
    (noted,) = cv.CustomerBook(LOG, referrals=referrals).quality["referrals"].noted
    assert (noted.count, noted.rows[:2], len(noted.rows)) == (n, [0, 1], 1000)


def test_the_simulated_wallets_and_referrals_have_no_notes() -> None:
    found = cv.simulate_shop(customers=3000, seed=5).quality
    assert [entry.reason for name in ("wallet", "referrals", "customers") for entry in found[name].noted] == []
