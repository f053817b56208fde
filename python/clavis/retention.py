"""Who came back: retention with its definition stated, cohorts, flows, and spells for survival analysis."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _input, _time
from clavis.discrete import ShiftedBetaGeo, contracts_from_survivors
from clavis.quality import Quality
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["CohortTable", "Retention", "cohorts", "retention_table", "spells"]

_MEASURES = ("customers", "gross_revenue", "net_revenue")


@dataclasses.dataclass(frozen=True)
class Retention:
    """What "retained" means: the definition that a figure of retention needs beside it.

    Parameters
    ----------
    kind
        ``"classic"``: bought in the period itself. ``"rolling"``: in the period or at any time after it, as far as the
        records go, so that the last periods are understated. ``"bracket"``: within the ``days`` after the first
        purchase.
    measure
        What is counted: ``"customers"``; ``"gross_revenue"``, what those of the base bring again, at most as much as
        before (of a cohort: before returns); ``"net_revenue"``, all that they bring, above 1 where they buy more than
        before.
    among
        Who is in the denominator: ``"cohort"``, everybody of the cohort; ``"observable"``, those whose period or
        bracket has been observed to its end (default: nobody counts as lost who still had time).
    days
        First and last day of a bracket after the first purchase, (1, 30) for example.

    Examples
    --------
    >>> print(Retention("bracket", days=(1, 30)))
    share of the customers observed through days 1 to 30 after their first purchase who bought again within them
    """

    kind: str = "classic"
    measure: str = "customers"
    among: str = "observable"
    days: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("classic", "rolling", "bracket"):
            raise ValueError(f'kind is classic, rolling or bracket, not "{self.kind}"')
        if self.measure not in _MEASURES:
            raise ValueError(f'measure is {", ".join(_MEASURES[:-1])} or {_MEASURES[-1]}, not "{self.measure}"')
        if self.among not in ("cohort", "observable"):
            raise ValueError(f'among is cohort or observable, not "{self.among}"')
        if (self.days is not None) != (self.kind == "bracket"):
            raise ValueError("days belong to a bracket, and a bracket needs them: days=(first, last)")
        if self.measure != "customers" and self.kind != "classic":
            raise ValueError(f"{self.measure} goes with classic retention")

    def __str__(self) -> str:
        everybody = "all customers of the cohort" if self.among == "cohort" else "the customers"
        if self.kind == "bracket":
            assert self.days is not None
            first, last = self.days
            if self.among == "cohort":
                return f"share of {everybody} who bought again within days {first} to {last} after their first purchase"
            return (
                f"share of the customers observed through days {first} to {last} after their first purchase who bought "
                "again within them"
            )
        ended = "" if self.among == "cohort" else ", periods observed to their end alone"
        if self.measure == "gross_revenue":
            return f"sales before returns in the period over those of the cohort's first period{ended}"
        if self.measure == "net_revenue":
            return f"sales after returns in the period over those of the cohort's first period{ended}"
        when = "in the period" if self.kind == "classic" else "in the period or after it"
        return f"share of {everybody} who bought {when}{ended}"


class CohortTable(Table):
    """A table of cohorts with what was asked of it.

    Attributes
    ----------
    retention : Retention
        The definition.
    period : str
    until : datetime.date
        The last day observed.
    quality : Quality
        What was read and refused.
    """

    retention: Retention
    period: str
    until: datetime.date
    quality: Quality

    def triangle(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """Cohorts, and a matrix of ``rate`` with a row for each and a column for each age; NaN where not observed."""
        labels, row = np.unique(self["cohort"], return_inverse=True)
        matrix = np.full((len(labels), int(self["age"].max(initial=-1)) + 1), np.nan)
        matrix[row, self["age"]] = self["rate"]
        return labels, matrix

    def projection(self, periods: int) -> Table:
        """Retention of all cohorts together, and what the shifted beta-geometric model expects beyond.

        The model (Fader and Hardie 2007) is fitted to the share that is left at each age, taken over the cohorts
        observed at it, and made not to rise. It is one of contracts: best with rolling retention.

        Returns
        -------
        Table
            ``age``, ``observed`` (NaN beyond the records), ``expected``.
        """
        ages = int(self["age"].max(initial=-1)) + 1
        known = ~np.isnan(self["rate"])
        size = np.bincount(self["age"][known], weights=self["customers"][known], minlength=ages)
        held = np.bincount(self["age"][known], weights=(self["rate"] * self["customers"])[known], minlength=ages)
        with np.errstate(invalid="ignore"):
            observed = np.where(size > 0, held / size, np.nan)
        use = np.minimum.accumulate(observed[~np.isnan(observed)])
        if len(use) < 3:
            raise ValueError("a projection needs retention at three ages or more")
        model = ShiftedBetaGeo().fit(contracts_from_survivors(np.round(use * size[0]).tolist()))
        age = np.arange(max(periods, 0) + 1)
        seen = np.full(len(age), np.nan)
        seen[: min(len(observed), len(age))] = observed[: len(age)]
        return Table({"age": age, "observed": seen, "expected": np.array([model.survival(int(one)) for one in age])})


def _history(
    transactions: Any,
    until: _time.Date | None,
    threads: int,
    customer: str,
    time: str,
    amount: str | None,
    order_id: str | None,
    kind: str | None,
    time_zone: str | None,
    on_bad_rows: str,
) -> tuple[_clavis.ledger.History, int, Quality]:
    """Purchase days of each customer, the last day observed, and what was read; arguments are those of `cohorts`."""
    state = Summarizer(
        customer=customer,
        time=time,
        amount=_input.optional_column(transactions, amount, "amount"),
        order_id=order_id,
        kind=kind,
        time_zone=time_zone,
        on_bad_rows=on_bad_rows,
        threads=threads,
    ).update(transactions)
    records = state.history()
    if until is not None:
        last = _time.day_number(until, "until")
    else:
        last = int(records.day.max().astype(np.int64)) if len(records.day) else 0
    return records, last, state.quality


def cohorts(
    transactions: Any,
    *,
    period: str = "month",
    retention: Retention | str = "classic",
    until: _time.Date | None = None,
    customer: str = "customer_id",
    time: str = "time",
    amount: str | None = "amount",
    order_id: str | None = "order_id",
    kind: str | None = "kind",
    time_zone: str | None = None,
    on_bad_rows: str = "raise",
    threads: int = 0,
) -> CohortTable:
    """The cohort triangle: of those who first bought in one period, who and how much came in each period after.

    Parameters
    ----------
    transactions
        Any table, or a :class:`CustomerBook`; one row per line of a receipt, in any order.
    period
        ``"day"``, ``"week"`` (from Monday), ``"month"``, ``"quarter"``, ``"year"`` or ``"28 days"``.
    retention
        The definition of ``rate``, a :class:`Retention` or its kind.
    until
        The last day observed; default: the last day of the records. Later rows are not used.
    customer, time, amount, order_id, kind, time_zone, on_bad_rows, threads
        As in :func:`summarize`. Returns are never purchases, and a purchase wholly taken back is none.

    Returns
    -------
    CohortTable
        One row per cohort and age: ``cohort`` (the first day of its period), ``age`` (in periods), ``customers`` (of
        the cohort), ``active`` (who bought in the period), ``active_later`` (in it or after), ``gross`` and ``net``
        (sales before and after returns), ``complete`` (whether the period was observed to its end), ``rate``. With a
        bracket one row per cohort: ``customers``, ``eligible``, ``returned``, ``rate``. Counts add over disjoint sets
        of customers.

    Examples
    --------
    >>> log = {"customer_id": [1, 1, 2, 2, 3], "time": ["2024-01-05", "2024-02-20", "2024-01-09", "2024-03-01",
    ...        "2024-02-02"], "amount": [10, 20, 5, 5, 8]}
    >>> t = cohorts(log, until="2024-03-31")
    >>> t["age"].tolist(), t["active"].tolist()
    ([0, 1, 2, 0, 1, 0], [2, 1, 1, 1, 0, 0])
    """
    asked = retention if isinstance(retention, Retention) else Retention(retention)
    records, last, quality = _history(
        transactions, until, threads, customer, time, amount, order_id, kind, time_zone, on_bad_rows
    )
    if asked.kind == "bracket":
        assert asked.days is not None
        first, end = (int(day) for day in asked.days)
        found = _clavis.defection.bracket(records, period, first, end, last)
        base = found["eligible"] if asked.among == "observable" else found["customers"]
        part = found["returned"].astype(np.float64)
    else:
        found = _clavis.defection.cohorts(records, period, last)
        start = np.cumsum(found["age"] == 0) - 1
        if asked.measure == "customers":
            part = (found["active"] if asked.kind == "classic" else found["active_later"]).astype(np.float64)
            base = found["customers"]
        else:
            part = found["gross"] if asked.measure == "gross_revenue" else found["net"]
            base = part[found["age"] == 0][start] if len(part) else part
        if asked.among == "observable":
            part = np.where(found["complete"], part, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        found["rate"] = np.where(base > 0, part / base, np.nan)
    table = CohortTable(found)
    table.retention, table.period, table.quality = asked, period, quality
    table.until = _time.to_date(last)
    return table


def retention_table(
    transactions: Any,
    *,
    period: str = "month",
    until: _time.Date | None = None,
    customer: str = "customer_id",
    time: str = "time",
    amount: str | None = "amount",
    order_id: str | None = "order_id",
    kind: str | None = "kind",
    time_zone: str | None = None,
    on_bad_rows: str = "raise",
    threads: int = 0,
) -> Table:
    """Customers and revenue from period to period: who is new, kept, regained, and who left.

    Parameters
    ----------
    transactions, period, until, customer, time, amount, order_id, kind, time_zone, on_bad_rows, threads
        As in :func:`cohorts`.

    Returns
    -------
    Table
        One row per period from the first purchase on: ``period`` (its first day); ``active`` = ``new`` (bought for the
        first time) + ``retained`` (bought in the period before too) + ``reactivated`` (earlier, but not in the period
        before); ``lapsed`` (bought in the period before, not in this one); ``dormant`` (everybody known who did not
        buy). Revenue ``gross`` and ``net``, and ``net_new``, ``net_retained``, ``net_reactivated`` of those flows (what
        only returned goods brought is in ``net`` alone). ``base``: net revenue, in the period before, of those who
        bought in it.

        Rates, NaN where the base is 0: ``customer_retention`` = retained / active before; ``gross_revenue_retention`` =
        the part of ``base`` that came again, min(before, now) customer by customer; ``net_revenue_retention`` =
        ``net_retained`` / ``base``. ``complete`` is false where the period was not observed to its end.

    Examples
    --------
    >>> log = {"customer_id": [1, 1, 2, 2, 3], "time": ["2024-01-05", "2024-02-20", "2024-01-09", "2024-03-01",
    ...        "2024-02-02"], "amount": [10, 20, 5, 5, 8]}
    >>> t = retention_table(log)
    >>> {name: t[name].tolist() for name in ("new", "retained", "reactivated", "lapsed")}
    {'new': [2, 1, 0], 'retained': [0, 1, 0], 'reactivated': [0, 0, 1], 'lapsed': [0, 1, 2]}
    """
    records, last, _ = _history(
        transactions, until, threads, customer, time, amount, order_id, kind, time_zone, on_bad_rows
    )
    found = _clavis.defection.flows(records, period, last)
    before = np.concatenate([[0], found["active"][:-1]]) if len(found["active"]) else found["active"]
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = {
            "customer_retention": np.where(before > 0, found["retained"] / before, np.nan),
            "gross_revenue_retention": np.where(found["base"] > 0, found["kept_of_base"] / found["base"], np.nan),
            "net_revenue_retention": np.where(found["base"] > 0, found["net_retained"] / found["base"], np.nan),
        }
    complete = found.pop("complete")
    return Table({**found, **rates, "complete": complete})


def spells(
    transactions: Any,
    *,
    gap: str | int,
    until: _time.Date | None = None,
    customer: str = "customer_id",
    time: str = "time",
    amount: str | None = "amount",
    order_id: str | None = "order_id",
    kind: str | None = "kind",
    time_zone: str | None = None,
    on_bad_rows: str = "raise",
    threads: int = 0,
) -> Table:
    """Stretches of buying, for :class:`KaplanMeier` and :class:`CoxPH`: a customer who comes back begins a new one.

    Parameters
    ----------
    gap
        A customer silent for longer has left: days, or text such as ``"90 days"``.
    transactions, until, customer, time, amount, order_id, kind, time_zone, on_bad_rows, threads
        As in :func:`cohorts`.

    Returns
    -------
    Table
        One row per spell: ``customer_id``; ``spell``, its number; ``first`` and ``last``, the days of its first and
        last purchase; ``purchases`` (days); ``duration`` in days, from the first purchase until ``gap`` after the last,
        when the silence tells, or until observation ended; ``event`` 1 where the customer left, 0 where observation
        ended first; ``start`` and ``stop``, the spell on the customer's own clock (days since the first purchase ever),
        for late entry. Spells of one customer are not independent: ``CoxPH().fit(…, cluster=t["customer_id"])``. Spells
        that begin on the last day observed are left out.

    Examples
    --------
    >>> log = {"customer_id": [1, 1, 1], "time": ["2024-01-01", "2024-01-11", "2024-06-01"]}
    >>> t = spells(log, gap="30 days", until="2024-06-20")
    >>> t["duration"].tolist(), t["event"].tolist()
    ([40, 19], [1, 0])
    """
    days = gap if isinstance(gap, int) else round(_time.microseconds(gap, "gap") / 86_400_000_000)
    records, last, _ = _history(
        transactions, until, threads, customer, time, amount, order_id, kind, time_zone, on_bad_rows
    )
    found = _clavis.defection.spells(records, days, last)
    row = found.pop("row")
    found["stop"] = found["start"] + found["duration"]
    return Table({"customer_id": records.customer_id[row], **found})
