"""What a table tells beside visits: days on which each category was bought, and wallets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from clavis import _clavis, _input
from clavis._wallet import days_of_period
from clavis.book import CustomerBook
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["KINDS", "LINES", "checked", "collect", "lines_of"]

KINDS = ("visits", "spend", "category", "wallet")
#: What is read of a line beside customer, time and category.
LINES = ("amount", "order_id", "kind", "event_id", "known_time")


def checked(evidence: Iterable[str] | str) -> tuple[str, ...]:
    """The kinds asked for in their order; visits are always among them."""
    asked = (evidence,) if isinstance(evidence, str) else tuple(evidence)
    for one in asked:
        if one not in KINDS:
            raise _clavis.InputError(f"evidence must be of {', '.join(KINDS)}, not {one!r}")
    return tuple(one for one in KINDS if one == "visits" or one in asked)


def collect(
    evidence: Iterable[str],
    transactions: Any,
    reading: Mapping[str, Any],
    category: str,
    wallet: Any,
    months: int | None,
    threads: int,
) -> tuple[_clavis.defection.Evidence | None, int]:
    """Categories and wallets of a batch, and the months of a wallet's period; None where neither is asked for."""
    result = _clavis.defection.Evidence()
    some = False
    if "category" in evidence:
        names, histories = _categories(transactions, reading, category, threads)
        result.set_categories(names, histories)
        some = True
    if "wallet" in evidence:
        book = transactions if isinstance(transactions, CustomerBook) else None
        if wallet is not None:
            book = CustomerBook({"customer_id": [0], "time": ["2000-01-01"]}, wallet=wallet)
        if book is not None and book.wallet is not None:
            months = _set_wallet(result, book.read("wallet", threads=threads), months)
            some = True
        elif months is None:
            raise _clavis.InputError(
                "evidence: wallet is asked for, but there is none: give wallet=, or a book with one"
            )
    return (result if some else None), months or 3


def lines_of(transactions: Any, reading: Mapping[str, Any], category: str | None, threads: int = 0) -> Table:
    """The usable lines under the library's names of their columns."""
    if isinstance(transactions, CustomerBook):
        book = transactions
    else:
        present = _input.column_names(transactions, "transactions")
        labels = {"customer_id": reading["customer"], "time": reading["time"]}
        if category is not None:
            labels["category"] = category
        _input.require_columns(present, labels, "transactions")
        labels |= {role: reading[role] for role in LINES if reading[role] is not None and reading[role] in present}
        book = CustomerBook(transactions, columns={"transactions": labels})
    return book.read("transactions", time_zone=reading["time_zone"], threads=threads)


def _categories(
    transactions: Any, reading: Mapping[str, Any], category: str, threads: int
) -> tuple[list[str], list[_clavis.ledger.History]]:
    lines = lines_of(transactions, reading, category, threads)
    if "category" not in lines:
        raise _clavis.InputError("evidence: category is asked for, but transactions have no column category")
    named = np.array([one is not None for one in lines["category"]], dtype=bool)
    lines = lines.take(named)
    names, code = np.unique(lines["category"].astype(str), return_inverse=True)
    order = np.argsort(code, kind="stable")
    ends = np.cumsum(np.bincount(code, minlength=len(names)))
    used = [role for role in LINES if role in lines]
    histories = []
    for k, end in enumerate(ends):
        rows = order[(ends[k - 1] if k else 0) : end]
        own = {name: lines[name][rows] for name in ("customer_id", "time", *used)}
        names_of: dict[str, Any] = {role: (role if role in used else None) for role in LINES}
        state = Summarizer(
            customer="customer_id", time="time", time_zone=reading["time_zone"], unit="day", threads=1, **names_of
        )
        histories.append(state.update(own).history())
    return [str(name) for name in names], histories


def _set_wallet(to: _clavis.defection.Evidence, rows: Table, months: int | None) -> int:
    """Hands the wallets over; returns how many months their periods have."""
    texts, code = np.unique(rows["period"].astype(str), return_inverse=True)
    begin, lengths = np.zeros(len(texts), dtype=np.int64), set()
    for k, text in enumerate(texts):
        span = days_of_period(text)
        if span is None:
            raise _clavis.InputError(f'wallet, column "period": "{text}" is none of 2024, 2024-H1, 2024-Q4 and 2024-11')
        first = np.datetime64(span[0], "D").astype("datetime64[M]").astype(np.int64)
        begin[k] = first
        lengths.add(int(np.datetime64(span[1], "D").astype("datetime64[M]").astype(np.int64) - first))
    if months is not None:
        lengths.add(months)
    if len(lengths) > 1:
        raise _clavis.InputError(
            f"evidence: wallets must be told for periods of one length, not of {sorted(lengths)} months"
        )
    length = lengths.pop() if lengths else 3
    elsewhere = rows["competitor_spend"] if "competitor_spend" in rows else np.full(len(rows), np.nan)
    everywhere = rows["category_spend"] if "category_spend" in rows else np.full(len(rows), np.nan)
    total = np.isnan(elsewhere)
    amount = np.where(total, everywhere, elsewhere)
    estimated = rows["estimated"] > 0 if "estimated" in rows else np.zeros(len(rows), dtype=bool)
    known = ~np.isnan(amount)
    ids, row = np.unique(rows["customer_id"][known], return_inverse=True)
    period = begin[code][known] // length
    order = np.lexsort((period, row))
    row, period = row[order], period[order]
    # Several rows of a customer and period are parts of one wallet.
    first = np.ones(len(row), dtype=bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(period) != 0)
    starts = np.flatnonzero(first)
    sums = np.add.reduceat(amount[known][order], starts) if len(starts) else np.empty(0)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row[starts], minlength=len(ids)))]).astype(np.int64)
    to.set_wallet(
        ids=ids,
        offsets=offsets,
        period=period[starts].astype(np.int64),
        amount=sums,
        total=total[known][order][starts],
        estimated=np.logical_or.reduceat(estimated[known][order], starts) if len(starts) else np.empty(0, dtype=bool),
        months=length,
    )
    return length
