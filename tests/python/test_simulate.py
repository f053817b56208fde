"""The simulated shop and purchases drawn from models, from Python."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest

import clavis as cv
from clavis import _clavis
from clavis.book import SCHEMA


@pytest.fixture(scope="module")
def book() -> cv.CustomerBook:
    return cv.simulate_shop(customers=2000, seed=5)


def test_a_book_with_its_truth(book: cv.CustomerBook) -> None:
    assert isinstance(book, cv.CustomerBook)
    assert book.tables == list(SCHEMA)
    described = cv.simulate_shop.__doc__ or ""
    for name, (required, optional) in SCHEMA.items():
        columns = getattr(book, name).columns
        assert set(required) <= set(columns), name
        assert len(getattr(book, name)) > 0, name
        for column in columns:
            assert f"``{column}``" in described, (name, column)
        if name != "costs":
            missing = set(optional) - set(columns)
            assert missing <= {"currency", "text", "segment", "estimated"}, (name, missing)
    for column in book.truth.columns:
        assert f"``{column}``" in described, column
    assert book.truth["customer_id"].tolist() == list(range(1, 2001))
    assert set(book.truth["change"]) == {"none", "stop", "halving", "growth", "one_time"}
    assert set(book.transactions["kind"]) == {"sale", "return"}


def test_lines_are_as_described(book: cv.CustomerBook) -> None:
    lines = book.transactions
    sale = lines["kind"] == "sale"
    np.testing.assert_array_equal(lines["amount"] > 0, sale)
    np.testing.assert_array_equal(lines["quantity"] > 0, sale)
    cents = np.round(lines["amount"] * 100)
    np.testing.assert_array_equal(lines["amount"], cents / 100)
    assert lines["time"].dtype == np.dtype("datetime64[us]")
    np.testing.assert_array_equal(lines["time"], lines["time"].astype("datetime64[s]"))
    orders = np.unique(lines["order_id"][sale])
    np.testing.assert_array_equal(orders, np.arange(1, book.truth["purchases"].sum() + 1))
    assert set(lines["order_id"][~sale]) < set(orders)


def test_nothing_is_bought_after_a_stop(book: cv.CustomerBook) -> None:
    truth, lines = book.truth, book.transactions
    sale = lines["kind"] == "sale"
    row = lines["customer_id"][sale] - 1
    # The shop's hours lie within one day of UTC too, so dates agree.
    late = lines["time"][sale].astype("datetime64[D]") >= truth["change_day"][row]
    stopped = truth["rate_ratio"] == 0
    assert not (late & stopped[row]).any()
    assert (late & (truth["change"] == "halving")[row]).any()
    np.testing.assert_array_equal(np.isnat(truth["change_day"]), truth["change"] == "none")
    assert (truth["purchases"][truth["change"] == "one_time"] == 1).all()


def test_causes_are_in_the_records(book: cv.CustomerBook) -> None:
    truth = book.truth
    for table, kinds, cause in (
        (book.contacts, {"complaint"}, "complaint"),
        (book.life_events, {"moving", "new_job", "marriage", "birth", "divorce"}, "life_event"),
    ):
        incidents = {
            (customer, time)
            for customer, time, kind in zip(table["customer_id"], table["time"], table["kind"], strict=True)
            if kind in kinds
        }
        caused = np.flatnonzero(truth["cause"] == cause)
        assert len(caused) > 20
        for row in caused:
            assert (truth["customer_id"][row], truth["cause_time"][row]) in incidents
            assert truth["cause_time"][row] < truth["change_day"][row]
    risen = book.events["time"][book.events["kind"] == "price_change"]
    assert set(truth["cause_time"][truth["cause"] == "price"]) == set(risen)
    defects = (truth["change"] == "stop") | (truth["change"] == "halving")
    np.testing.assert_array_equal(truth["cause"] != "none", defects)
    np.testing.assert_array_equal(truth["label"] != "none", defects)


def test_tables_agree_with_each_other(book: cv.CustomerBook) -> None:
    for name in book.tables:
        table = getattr(book, name)
        if "customer_id" in table:
            assert set(table["customer_id"]) <= set(book.customers["customer_id"]), name
        if "time" in table:
            assert table["time"].dtype == np.dtype("datetime64[us]"), name
    lines = book.transactions
    np.testing.assert_array_equal(lines["event_id"], np.arange(1, len(lines) + 1))
    np.testing.assert_array_equal(np.round(100 * (lines["amount"] - lines["cost"])), np.round(100 * lines["margin"]))
    assert (lines["known_time"] >= lines["time"]).all()
    first = np.unique(lines["customer_id"], return_index=True)[1]
    np.testing.assert_array_equal(book.customers["acquired_time"], lines["time"][first])
    accounts = book.customers["segment"] == "business"
    np.testing.assert_array_equal(~np.isnat(book.customers["birth_date"]), ~accounts)
    on_account = ~np.isnat(lines["due_time"])
    assert accounts[lines["customer_id"][on_account] - 1].all()
    share = 1 - book.wallet["competitor_spend"].sum() / book.wallet["category_spend"].sum()
    assert 0.3 < share < 0.7


def test_text_is_coded_until_asked_for(book: cv.CustomerBook) -> None:
    kind = book.contacts["kind"]
    assert kind.dtype == object
    assert book.contacts["kind"] is kind
    some = book.contacts.take(kind == "complaint")
    assert set(some["kind"]) == {"complaint"}
    assert book.customers["owner"][book.customers["segment"] != "business"].tolist().count(None) > 0
    frame = book.customers.to_pandas()
    assert frame["segment"].astype(object).tolist() == book.customers["segment"].tolist()
    assert frame["owner"].isna().sum() == sum(owner is None for owner in book.customers["owner"])
    arrow = book.customers.to_arrow()
    assert arrow.column_names == book.customers.columns
    assert arrow["owner"].to_pylist() == book.customers["owner"].tolist()
    assert arrow["segment"].to_pylist() == book.customers["segment"].tolist()
    assert "business" in repr(book.customers)
    polars = pytest.importorskip("polars")
    for name in book.tables:
        table = getattr(book, name)
        frame = polars.DataFrame(table)
        assert frame.columns == table.columns
        for column in table.columns:
            if table[column].dtype == object:
                assert frame[column].cast(polars.String).to_list() == table[column].tolist(), (name, column)
    duckdb = pytest.importorskip("duckdb")
    lines = book.transactions.to_arrow()
    counted = dict(duckdb.sql("SELECT kind, count(*) FROM lines GROUP BY kind").fetchall())
    assert counted == {kind: int((book.transactions["kind"] == kind).sum()) for kind in ("sale", "return")}
    assert len(lines) == len(book.transactions)


def test_every_table_passes_the_checks_of_the_book(book: cv.CustomerBook) -> None:
    for name, report in book.quality.items():
        assert report.rows_read == report.rows_used == len(getattr(book, name)), name


def test_defaults_are_those_of_the_library() -> None:
    parameters = inspect.signature(cv.simulate_shop).parameters
    for name, value in _clavis.simulate.shop_defaults().items():
        assert parameters[name].default == value, name
    described = cv.simulate_shop.__doc__ or ""
    for name in parameters:
        assert name in described, name
    explicit = {name: p.default for name, p in parameters.items() if p.default is not None}
    for name, table in (("transactions", "amount"), ("truth", "rate"), ("campaigns", "response")):
        plain = _clavis.simulate.simulate_shop({"customers": 50, "seed": 2}, 1, None)[name][table]
        given = getattr(cv.simulate_shop(**(explicit | {"customers": 50, "seed": 2})), name)[table]
        np.testing.assert_array_equal(plain, given)
    with pytest.raises(ValueError, match="no option wrong"):
        _clavis.simulate.simulate_shop({"wrong": 1}, 1, None)


def test_the_seed_decides_and_threads_do_not(book: cv.CustomerBook) -> None:
    again = cv.simulate_shop(customers=2000, seed=5, threads=3)
    other = cv.simulate_shop(customers=2000, seed=6)
    for name in [*book.tables, "truth"]:
        for column in getattr(book, name).columns:
            np.testing.assert_array_equal(getattr(book, name)[column], getattr(again, name)[column])
    assert len(other.transactions) != len(book.transactions)


def test_options_reach_the_shop() -> None:
    book = cv.simulate_shop(
        customers=300,
        seed=1,
        start="2024-03-01",
        days=100,
        time_zone="America/New_York",
        categories=["one"],
        extra_lines=0.0,
        return_chance=0.0,
        mean_rate=1.0,
        rate_shape=float("inf"),
        stop_share=1.0,
        halving_share=0.0,
        growth_share=0.0,
        one_time_share=0.0,
        acquired_until="2024-03-20",
        changes_from="2024-04-01",
        changes_until="2024-04-05",
        weekday_weights=[0, 0, 0, 0, 0, 1, 1],
        hour_weights=[1] + [0] * 23,
    )
    lines, truth = book.transactions, book.truth
    assert set(lines["category"]) == {"one"}
    assert set(lines["kind"]) == {"sale"}
    assert len(np.unique(lines["order_id"])) == len(lines)
    assert set(truth["rate"]) == {1.0}
    assert set(truth["change"]) == {"stop"}
    assert truth["change_day"].min() == np.datetime64("2024-04-01")
    assert truth["change_day"].max() == np.datetime64("2024-04-05")
    assert truth["first_day"].max() <= np.datetime64("2024-03-20")
    # Midnight in New York is 5:00 UTC in winter and 4:00 after the 10th of March; the shop opens at weekends alone.
    hours = (lines["time"] - lines["time"].astype("datetime64[D]")).astype("timedelta64[h]").astype(int)
    winter = lines["time"] < np.datetime64("2024-03-10T07:00")
    assert set(hours[winter]) == {5}
    assert set(hours[~winter]) == {4}
    assert set((lines["time"].astype("datetime64[D]").astype(int) + 3) % 7) <= {5, 6}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"customers": 0}, "customers must be 1 to 1000000000, not 0"),
        ({"mean_rate": float("nan")}, "mean_rate"),
        ({"stop_share": 0.9}, "sum of stop_share"),
        ({"weekday_weights": [1.0] * 6}, "weekday_weights must be 7 weights, not 6"),
        ({"changes_from": "2021-02-30"}, "2021-02-30"),
        ({"changes_from": "2021-01-01"}, "changes_from must be a day of the period"),
        ({"time_zone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"categories": []}, "categories"),
        ({"wallet_noise": -1.0}, "wallet_noise must be 0 to 3, not -1"),
        ({"campaigns": 101}, "campaigns must be 0 to 100, not 101"),
        ({"segment_weights": [1, 1]}, "segment_weights must be 4 weights, not 2"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cv.simulate_shop(**options)  # type: ignore[arg-type]


def test_progress_is_shown_and_can_stop() -> None:
    seen: list[tuple[str, float]] = []
    cv.simulate_shop(customers=3000, threads=1, progress=lambda stage, done: seen.append((stage, done)))
    assert {stage for stage, _ in seen} == {"simulating customers", "joining blocks"}
    assert all(0 <= done <= 1 for _, done in seen)
    with pytest.raises(cv.Cancelled):
        cv.simulate_shop(customers=3000, threads=1, progress=lambda stage, done: False)


@pytest.mark.parametrize("bad", [{"customers": 2.5}, {"customers": "x"}, {"seed": -1}, {"seed": 2**64}])
def test_whole_numbers_are_asked_for_by_name(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"simulate_shop: {next(iter(bad))} must be"):
        cv.simulate_shop(**bad)


def test_columns_that_are_computed_are_like_any_other() -> None:
    def shop() -> cv.Table:
        table: cv.Table = cv.simulate_shop(customers=400, seed=9).transactions
        return table

    lines = shop()
    business = np.isin(
        lines["customer_id"], [row + 1 for row, one in enumerate(_segments(400, 9)) if one == "business"]
    )
    assert lines["event_id"].tolist() == list(range(1, len(lines) + 1))
    cents = {name: np.rint(100 * lines[name]).astype(int) for name in ("amount", "cost", "margin")}
    assert np.array_equal(cents["margin"], cents["amount"] - cents["cost"])
    assert np.array_equal(lines["margin"], cents["margin"] / 100)
    late = lines["known_time"] - lines["time"]
    assert 0 < np.count_nonzero(late) < 0.02 * len(lines)
    assert late.min() == np.timedelta64(0, "us")
    assert np.array_equal(~np.isnat(lines["due_time"]), business & (lines["kind"] == "sale"))
    assert not np.any(~np.isnat(lines["paid_time"]) & np.isnat(lines["due_time"]))
    # Whoever asks first, for whatever, gets the same.
    assert shop().to_arrow().equals(lines.to_arrow())
    assert shop().to_pandas()["margin"].tolist() == lines["margin"].tolist()
    assert shop().take([3, 5])["known_time"].tolist() == lines["known_time"][[3, 5]].tolist()
    assert pickle.loads(pickle.dumps(shop()))["event_id"].tolist() == lines["event_id"].tolist()
    assert cv.summarize(shop(), amount="margin", kind=None).net_amount.sum() == pytest.approx(lines["margin"].sum())


def _segments(customers: int, seed: int) -> list[str]:
    segments: list[str] = cv.simulate_shop(customers=customers, seed=seed).customers["segment"].tolist()
    return segments
