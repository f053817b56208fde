"""Why a customer spends less, in parts that add up, and whose share of wallet moves."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _time
from clavis._days import local_days
from clavis.book import CustomerBook
from clavis.table import Table

__all__ = ["ChangeReasons", "ShareChanges", "explain_change", "share_changes"]

Array = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]
Period = tuple[_time.Date, _time.Date]

_FACTORS = {"visits": "VISITS", "items": "ITEMS_PER_VISIT", "price": "PRICE_PER_ITEM", "returns": "RETURNS"}
#: How long before a change what may have caused it is looked for.
_CAUSE_DAYS = 90
#: Kinds of wallet period: 2023, 2023-Q2, 2023-04.
_PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(\d{2})))?")


class ChangeReasons(Table):
    """What :func:`explain_change` found: one row per customer; ``categories`` has one per customer and category."""

    categories: Table

    def reasons(self, customer: Any) -> list[str]:
        """The reasons of one customer in words, the largest first."""
        found = np.flatnonzero(self["customer_id"] == customer)
        if not len(found):
            raise _clavis.InputError(f"explain_change was not asked about customer {customer!r}")
        row = int(found[0])
        change = float(self["change"][row])
        return [
            f"{self[f'reason_{k}'][row]}: {self[f'effect_{k}'][row]:+,.2f}"
            + (f" of {change:+,.2f}" if change and np.isfinite(self[f"effect_{k}"][row]) else "")
            for k in (1, 2, 3)
            if self[f"reason_{k}"][row] is not None
        ]


class ShareChanges(Table):
    """What :func:`share_changes` found: one row per customer; the parts of all of them as attributes.

    Attributes
    ----------
    parts : dict
        Of the customers whose share is defined in both periods, the parts that are ``rising`` and ``falling`` (raw),
        ``significant_rising`` and ``significant_falling``, and the same by wallet, ``weighted_rising`` and
        ``weighted_falling``.
    counts : dict
        ``undefined`` customers; periods of ``negative_own`` spend and of ``wallet_below_own`` spend.
    """

    parts: dict[str, float]
    counts: dict[str, int]


def explain_change(
    book: Any,
    customers: Iterable[Any] | None = None,
    before: Period | None = None,
    after: Period | None = None,
    *,
    causes: Iterable[str] = (),
    states: Any = None,
    time_zone: str | None = None,
    threads: int = 0,
) -> ChangeReasons:
    """Why spend changed from one period to another, in parts that add up exactly.

    Net spend is visits x items a visit x price an item x the part not returned; each factor's effect is that of the
    logarithmic mean Divisia index, which leaves no residual. The contributions of categories sum to the same change.

    Parameters
    ----------
    book
        A :class:`CustomerBook`, or a table of transactions with the columns of one.
    customers
        Their ids, in the order of the result; default: everyone with a transaction in one of the periods.
    before, after
        The two periods, each as first and last day. Where their lengths differ, the effects are still those between
        the amounts as they are.
    causes
        Kinds of contacts and life events that are taken to cause a change (``"complaint"``), for example those that
        an analysis of causes has found to matter. One on the day of the change or within 90 days before it is told as
        ``EVENT:kind``.
    states
        Where the day of each customer's change stands: a table with ``customer_id`` and ``since``, as
        :meth:`DefectionMonitor.states` and :meth:`DefectionMonitor.update` give it. Customers without one, and all of
        them where this is left out, are taken to have changed at the start of ``after``.
    time_zone, threads
        As in :func:`summarize`; the zone decides which day a visit belongs to.

    Returns
    -------
    ChangeReasons
        ``customer_id``; ``kind``: ``CHANGED``, ``COMPLETE`` (bought before and not after), ``APPEARED``, ``NONE``, or
        ``RETURNING`` (returns exceed sales in a period and are split off as they are); ``before``, ``after``,
        ``change``; the effects ``visits``, ``items``, ``price`` and ``returns``, whose sum is ``change``;
        ``competitors``, by how much spend with competitors grew where the book's wallet tells, NaN elsewhere; and the
        three largest reasons in the direction of the change with their effects, ``reason_1``, ``effect_1`` and so
        on: a factor, ``COMPLETE``, ``CATEGORY_EXIT:name``, ``COMPETITOR_GAIN`` (the part of the loss that competitors
        gained) or ``EVENT:kind`` (without an effect). Factors, exits and gains look at one change from different
        sides, so reasons of different kinds overlap. ``categories``: ``customer_id``, ``category``, ``before``,
        ``after``, ``change``, which sum to the customer's change to the cent.

    Raises
    ------
    ValueError
        If a period is missing or ends before it begins, the periods overlap, or there is no amount.

    Examples
    --------
    >>> log = {"customer_id": [1, 1, 1, 1], "time": ["2024-01-05", "2024-02-05", "2024-03-05", "2024-07-09"],
    ...        "amount": [30.0, 30.0, 30.0, 20.0], "category": ["tea", "tea", "cups", "tea"]}
    >>> why = explain_change(log, before=("2024-01-01", "2024-06-30"), after=("2024-07-01", "2024-12-31"))
    >>> why.reasons(1)
    ['VISITS: -51.13 of -70.00', 'CATEGORY_EXIT:cups: -30.00 of -70.00', 'PRICE_PER_ITEM: -18.87 of -70.00']
    """
    if before is None or after is None:
        raise _clavis.InputError("before and after are needed, each as (first day, last day)")
    first, second = _days(before, "before"), _days(after, "after")
    if first[1] >= second[0] and second[1] >= first[0]:
        raise _clavis.InputError("before and after must not overlap")
    records = book if isinstance(book, CustomerBook) else CustomerBook(book)
    lines = records.read("transactions", time_zone=time_zone, threads=threads)
    if "amount" not in lines:
        raise _clavis.InputError("transactions have no column amount")
    day = local_days(lines["time"], time_zone)
    period = np.where(
        (day >= first[0]) & (day <= first[1]), 0, np.where((day >= second[0]) & (day <= second[1]), 1, -1)
    )
    lines, day, period = lines.take(period >= 0), day[period >= 0], period[period >= 0]
    ids = _ids(lines["customer_id"], customers)
    row = _rows(ids, lines["customer_id"])
    lines, day, period, row = lines.take(row >= 0), day[row >= 0], period[row >= 0], row[row >= 0]
    cell = 2 * row + period
    amount = lines["amount"]
    back = amount < 0
    units = np.round(amount * 1e6).astype(np.int64)
    size = len(ids)
    quantity = lines["quantity"] if "quantity" in lines else np.ones(len(lines))
    quantity = np.where(np.isnan(quantity) | (quantity <= 0), 1.0, quantity)
    width = max(first[1] - first[0], second[1] - second[0]) + 1
    since = day - np.where(period == 0, first[0], second[0])
    visit = np.unique((cell * width + since)[amount > 0])  # several receipts of a day are one visit
    parts = np.zeros((2 * size, 4))
    parts[:, 0] = np.bincount(visit // width, minlength=2 * size)
    parts[:, 1] = np.bincount(cell, weights=np.where(amount > 0, quantity, 0.0), minlength=2 * size)
    parts[:, 2] = _sums(cell, np.where(back, 0, units), 2 * size) / 1e6
    parts[:, 3] = _sums(cell, np.where(back, -units, 0), 2 * size) / 1e6
    columns = _clavis.defection.explain_spend(parts[0::2], parts[1::2])
    columns["change"] = columns["after"] - columns["before"]
    categories = _categories(ids, row, period, units, lines)
    columns["competitors"] = _competitors(records, ids, first, second, time_zone, threads)
    found = {
        "customer_id": ids,
        **columns,
        **_reasons(records, ids, columns, categories, causes, _starts(ids, states, second[0]), time_zone),
    }
    order = ["customer_id", "kind", "before", "after", "change", *_FACTORS, "competitors"]
    result = ChangeReasons({name: found[name] for name in (*order, *(n for n in found if n not in order))})
    result.categories = categories
    return result


def share_changes(
    book: CustomerBook,
    before: str | None = None,
    after: str | None = None,
    *,
    q: float = 0.10,
    time_zone: str | None = None,
    threads: int = 0,
) -> ShareChanges:
    """How each customer's share of wallet moved between two periods, and whose rose and fell.

    Parameters
    ----------
    book
        With ``wallet``: what customers spend with all suppliers or with competitors, by period.
    before, after
        Two of the wallet's periods, as ``2023``, ``2023-Q4`` or ``2023-11``; default: the last two.
    q
        ``RISING`` and ``FALLING`` are wrong for at most this part of those so called, in expectation.
    time_zone, threads
        As in :func:`summarize`.

    Returns
    -------
    ShareChanges
        One row per customer with a wallet in one of the periods: ``customer_id``, ``own_before``, ``own_after``,
        ``competitor_before``, ``competitor_after``, ``share_before``, ``share_after``, ``change`` with ``change_low``
        and ``change_high`` (95 %), ``p_value``, ``false_discovery_level``, ``direction`` (``RISING``, ``FALLING``,
        ``FLAT``; ``UNDEFINED`` where a period has no spend anywhere or no wallet) and ``growing_but_losing_share``:
        falling although own spend rises.

    Raises
    ------
    ValueError
        If the book has no wallet, or a period is not there.

    Notes
    -----
    Own spend and competitors' are taken as compound Poisson sums (docs/methods/defection.md). Own spend is that of the
    transactions, net of returns, in the period.

    Examples
    --------
    >>> import clavis as cv
    >>> moved = share_changes(cv.simulate_shop(customers=500, seed=3))
    >>> sorted(moved.parts)[:2], bool((moved["share_after"][~np.isnan(moved["share_after"])] <= 1).all())
    (['falling', 'rising'], True)
    """
    if book.wallet is None:
        raise _clavis.InputError("share_changes: the book has no table wallet")
    wallet = book.read("wallet", threads=threads)
    names = [str(one) for one in wallet["period"]]
    spans = {name: _period(name) for name in sorted(set(names))}
    known = sorted(spans, key=lambda name: spans[name])
    if len(known) < 2 and (before is None or after is None):
        raise _clavis.InputError("share_changes: the wallet has fewer than two periods")
    chosen = (before or known[-2], after or known[-1])
    for name in chosen:
        if name not in spans:
            raise _clavis.InputError(f"share_changes: the wallet has no period {name!r}; it has {', '.join(known)}")
    place = {name: k for k, name in enumerate(chosen)}
    period = np.array([place.get(name, -1) for name in names])
    kept = wallet.take(period >= 0)
    period = period[period >= 0]
    ids = np.unique(kept["customer_id"])
    row = _rows(ids, kept["customer_id"])
    own, squares = _own_spend(book, ids, [spans[name] for name in chosen], time_zone, threads)
    told = np.full((len(ids), 2), np.nan)
    for name, share in (("category_spend", True), ("competitor_spend", False)):
        if name in kept:
            values = kept[name]
            some = ~np.isnan(values)
            total = np.full((len(ids), 2), np.nan)
            total[row[some], period[some]] = 0
            np.add.at(total, (row[some], period[some]), values[some])
            told = np.where(np.isnan(total), told, total - own if share else total)
    # A wallet told to the cent may miss own spend by a rounding.
    told = np.where((told < 0) & (told > -0.01), 0.0, told)
    columns = [
        np.column_stack([own[:, k], squares[:, k], told[:, k], np.full(len(ids), np.nan), np.zeros(len(ids))])
        for k in (0, 1)
    ]
    found = _clavis.defection.change_of_shares(columns[0], columns[1], q)
    change = found["share_after"] - found["share_before"]
    half = 1.959963984540054 * found["error"]
    result = ShareChanges(
        {
            "customer_id": ids,
            "own_before": own[:, 0],
            "own_after": own[:, 1],
            "competitor_before": told[:, 0],
            "competitor_after": told[:, 1],
            "share_before": found["share_before"],
            "share_after": found["share_after"],
            "change": change,
            "change_low": np.maximum(change - half, -1),
            "change_high": np.minimum(change + half, 1),
            "p_value": found["p_value"],
            "false_discovery_level": found["level"],
            "direction": found["direction"],
            "growing_but_losing_share": found["growing_but_losing_share"].astype(bool),
        }
    )
    result.parts = dict(found["parts"])
    result.counts = {name: int(found[name]) for name in ("undefined", "negative_own", "wallet_below_own")}
    return result


def _days(period: Period, name: str) -> tuple[int, int]:
    if len(period) != 2:
        raise _clavis.InputError(f"{name} must be (first day, last day), not {period!r}")
    first, last = (_time.day_number(one, name) for one in period)
    if last < first:
        raise _clavis.InputError(f"{name} ends before it begins")
    return first, last


def _period(name: str) -> tuple[int, int]:
    """First and last day of 2023, 2023-Q2 or 2023-04."""
    found = _PERIOD.fullmatch(name)
    if found is None or (found[3] and not 1 <= int(found[3]) <= 12):
        raise _clavis.InputError(f'wallet, column "period": "{name}" is none of 2023, 2023-Q4 and 2023-11')
    year = int(found[1])
    month, months = (3 * int(found[2]) - 2, 3) if found[2] else (int(found[3]), 1) if found[3] else (1, 12)
    end = year * 12 + month - 1 + months
    days = [datetime.date(year, month, 1), datetime.date(end // 12, end % 12 + 1, 1)]
    return days[0].toordinal() - 719163, days[1].toordinal() - 719164


def _ids(present: Array, customers: Iterable[Any] | None) -> Array:
    if customers is None:
        return np.unique(present)
    return np.array(list(customers), dtype=present.dtype)


def _rows(ids: Array, customer: Array) -> npt.NDArray[np.int64]:
    """The place of each customer in ``ids``, -1 where absent."""
    if not len(ids):
        return np.full(len(customer), -1, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[order], customer), len(ids) - 1)
    return np.where(ids[order][place] == customer, order[place], -1)


def _sums(cell: Array, units: Array, size: int) -> npt.NDArray[np.int64]:
    """Exact sums of whole numbers by cell."""
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, cell, units)
    return total


def _categories(ids: Array, row: Array, period: Array, units: Array, lines: Table) -> Table:
    named = lines["category"] if "category" in lines else np.full(len(lines), None, dtype=object)
    names = np.array(["" if one is None else str(one) for one in named], dtype=object)
    known, code = np.unique(names.astype(str), return_inverse=True)
    cells, place = np.unique(row * max(1, len(known)) + code, return_inverse=True)
    total = _sums(2 * place + period, units, 2 * len(cells)).reshape(-1, 2)
    label = np.array([known[one] or None for one in cells % max(1, len(known))], dtype=object)
    return Table(
        {
            "customer_id": ids[cells // max(1, len(known))],
            "category": label,
            "before": total[:, 0] / 1e6,
            "after": total[:, 1] / 1e6,
            "change": (total[:, 1] - total[:, 0]) / 1e6,
        }
    )


def _own_spend(
    book: CustomerBook, ids: Array, spans: list[tuple[int, int]], time_zone: str | None, threads: int
) -> tuple[Reals, Reals]:
    """Net spend, and the sum of squared net amounts by day, of each customer in each period."""
    lines = book.read("transactions", time_zone=time_zone, threads=threads)
    day = local_days(lines["time"], time_zone)
    row = _rows(ids, lines["customer_id"])
    own, squares = np.zeros((len(ids), len(spans))), np.zeros((len(ids), len(spans)))
    for k, (first, last) in enumerate(spans):
        inside = (row >= 0) & (day >= first) & (day <= last)
        width = last - first + 1
        cells, place = np.unique(row[inside] * width + day[inside] - first, return_inverse=True)
        units = np.round(lines["amount"][inside] * 1e6).astype(np.int64)
        by_day = _sums(place, units, len(cells)) / 1e6
        np.add.at(own[:, k], cells // width, by_day)
        np.add.at(squares[:, k], cells // width, by_day**2)
    return np.round(own, 6), squares


def _competitors(
    book: CustomerBook, ids: Array, first: tuple[int, int], second: tuple[int, int], time_zone: str | None, threads: int
) -> Reals:
    """By how much spend with competitors a day grew, times the days of the second period; NaN where not told."""
    result = np.full(len(ids), np.nan)
    if book.wallet is None:
        return result
    wallet = book.read("wallet", threads=threads)
    spans = {str(name): _period(str(name)) for name in set(wallet["period"])}
    daily = []
    for begin, end in (first, second):
        names = [name for name, (low, high) in spans.items() if low >= begin and high <= end]
        inside = np.isin(wallet["period"].astype(str), names)
        row = _rows(ids, wallet["customer_id"][inside])
        if "competitor_spend" in wallet:
            spend = wallet["competitor_spend"][inside]
        else:
            own = {name: _own_spend(book, ids, [spans[name]], time_zone, threads)[0][:, 0] for name in names}
            period = wallet["period"][inside].astype(str)
            spend = np.array(
                [
                    total - own[name][place] if place >= 0 else np.nan
                    for total, name, place in zip(wallet["category_spend"][inside], period, row, strict=True)
                ]
            )
        days = np.array([spans[name][1] - spans[name][0] + 1 for name in wallet["period"][inside].astype(str)], float)
        some = (row >= 0) & ~np.isnan(spend)
        total, length = np.zeros(len(ids)), np.zeros(len(ids))
        np.add.at(total, row[some], np.maximum(spend[some], 0))
        np.add.at(length, row[some], days[some])
        with np.errstate(invalid="ignore", divide="ignore"):
            daily.append(np.where(length > 0, total / length, np.nan))
    return (daily[1] - daily[0]) * (second[1] - second[0] + 1)


def _reasons(
    book: CustomerBook,
    ids: Array,
    columns: dict[str, Any],
    categories: Table,
    causes: Iterable[str],
    starts: npt.NDArray[np.int64],
    time_zone: str | None,
) -> dict[str, Array]:
    found: list[list[tuple[float, str]]] = [[] for _ in ids]
    for i, change in enumerate(columns["change"].tolist()):
        direction = 1 if change > 0 else -1
        if columns["kind"][i] == "COMPLETE":
            found[i].append((abs(change), "COMPLETE"))
        else:
            for name, code in _FACTORS.items():
                effect = float(columns[name][i])
                if effect * direction > 0:
                    found[i].append((abs(effect), code))
        gain = float(columns["competitors"][i])
        if change < 0 and gain > 0:
            found[i].append((min(gain, -change), "COMPETITOR_GAIN"))
    exits = (categories["before"] > 0) & (categories["after"] <= 0)
    for customer, name, lost in zip(
        _rows(ids, categories["customer_id"])[exits],
        categories["category"][exits],
        -categories["change"][exits],
        strict=True,
    ):
        if name is not None and columns["kind"][customer] != "COMPLETE" and columns["change"][customer] < 0:
            found[customer].append((float(lost), f"CATEGORY_EXIT:{name}"))
    events = _events(book, ids, set(causes), starts, time_zone)
    result: dict[str, Array] = {}
    ranked = []
    for i, reasons in enumerate(found):
        sign = 1.0 if columns["change"][i] > 0 else -1.0
        # Who left altogether is told so first, whoever gained by it.
        largest = sorted(reasons, key=lambda one: (one[1] != "COMPLETE", -round(one[0], 6), one[1]))
        told = [(code, sign * size) for size, code in largest]
        ranked.append((told[: 3 - len(events[i][:1])] + [(f"EVENT:{kind}", np.nan) for kind in events[i][:1]])[:3])
    for k in range(3):
        result[f"reason_{k + 1}"] = np.array([one[k][0] if len(one) > k else None for one in ranked], dtype=object)
        result[f"effect_{k + 1}"] = np.array([one[k][1] if len(one) > k else np.nan for one in ranked])
    return result


def _starts(ids: Array, states: Any, otherwise: int) -> npt.NDArray[np.int64]:
    """The day of each customer's change, ``otherwise`` where it is not told."""
    result = np.full(len(ids), otherwise, dtype=np.int64)
    if states is None:
        return result
    customer = _columns.read(states, {}, {"customer_id": "customer_id"}, "states")["customer_id"]
    try:
        day = np.asarray(states["since"]).astype("datetime64[D]")
    except (KeyError, TypeError, ValueError):
        raise _clavis.InputError('states: a column "since" with dates is needed') from None
    place = _rows(ids, customer) if len(customer) else np.empty(0, dtype=np.int64)
    known = (place >= 0) & ~np.isnat(day)
    # Of several changes of one customer the last counts.
    order = np.argsort(day[known], kind="stable")
    result[place[known][order]] = day[known][order].astype(np.int64)
    return result


def _events(
    book: CustomerBook, ids: Array, causes: set[str], starts: npt.NDArray[np.int64], time_zone: str | None
) -> list[list[str]]:
    """The kinds of causes that each customer met in the days before a change, the last one first."""
    found: list[list[tuple[int, str]]] = [[] for _ in ids]
    for table in ("contacts", "life_events") if causes else ():
        if getattr(book, table) is None:
            continue
        rows = book.read(table, time_zone=time_zone)
        day = local_days(rows["time"], time_zone)
        place = _rows(ids, rows["customer_id"])
        start = starts[np.maximum(place, 0)] if len(ids) else np.zeros(len(place), dtype=np.int64)
        inside = (
            (place >= 0)
            & (day >= start - _CAUSE_DAYS)
            & (day <= start)
            & np.isin(rows["kind"].astype(str), list(causes))
        )
        for i, when, kind in zip(place[inside], day[inside], rows["kind"][inside], strict=True):
            found[i].append((-int(when), str(kind)))
    return [[kind for _, kind in sorted(one)] for one in found]
