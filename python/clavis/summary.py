"""One row per customer: what the records say of the purchases."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input, _rates, _time
from clavis._lazy import LazyColumns
from clavis._texts import TextTable
from clavis.quality import Quality

__all__ = ["Summarizer", "Summary", "summarize"]

Progress = Callable[[str, float], Any]

#: Columns that are read where a table has them under these names.
_OPTIONAL = ("order_id", "currency", "kind", "event_id", "known_time")


class Summary(TextTable):
    """One row per customer, sorted by ``customer_id``: what :func:`summarize` returns and models read.

    Every column is an attribute as well: ``s.frequency`` is ``s["frequency"]``.

    Parameters
    ----------
    frequency
        Repeat purchases of each customer, whole and not negative.
    recency
        Age at the last purchase, in units; 0 where ``frequency`` is 0.
    T
        Age at the end of observation, in units; NaN marks a customer without any purchase.
    monetary_value
        Mean amount of the repeat purchases, in currency units.
    log_gap_sum
        Sum of the logarithms of the gaps between purchases, in units; models of regular purchases read it.
    customer_id
        Integers or text; 0, 1, 2 … where absent.
    weights
        How many customers each row stands for.
    unit
        The unit of ``recency`` and ``T``: text or a timedelta.

    Raises
    ------
    ValueError
        If lengths differ, or a value is impossible (named by column, row and value).
    """

    def __init__(
        self,
        frequency: npt.ArrayLike,
        recency: npt.ArrayLike,
        T: npt.ArrayLike,
        monetary_value: npt.ArrayLike | None = None,
        customer_id: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
        unit: _time.Duration = "week",
        log_gap_sum: npt.ArrayLike | None = None,
    ) -> None:
        counts = np.asarray(frequency)
        columns: dict[str, npt.ArrayLike] = {
            "customer_id": np.arange(len(counts)) if customer_id is None else _ids(customer_id),
            "frequency": _counts(counts),
            "recency": np.asarray(recency, dtype=np.float64),
            "T": np.asarray(T, dtype=np.float64),
        }
        optional = (("monetary_value", monetary_value), ("log_gap_sum", log_gap_sum), ("weights", weights))
        for name, values in optional:
            if values is not None:
                columns[name] = np.asarray(values, dtype=np.float64)
        self._set(columns, _time.microseconds(unit))
        _check(self)

    def _set(self, columns: Mapping[str, npt.ArrayLike], unit: int, **facts: Any) -> None:
        super().__init__(columns)
        self._unit = unit
        self._facts = facts

    @classmethod
    def _from_core(cls, core: Mapping[str, Any]) -> Summary:
        summary = cls.__new__(cls)
        facts = {name: core[name] for name in ("left_out", "observed_until")}
        if not len(core["columns"]["frequency"]) and not core["quality"]["rows_used"] and not facts["observed_until"]:
            facts["observed_until"] = None  # nobody was there, and no day was given
        summary._set(core["columns"], core["unit"], quality=Quality.from_dict(core["quality"]), **facts)
        summary._columns.compact = core.get("compact")  # type: ignore[attr-defined]
        return summary

    def _compact(self, columns: Iterable[str]) -> _clavis.ledger.CompactSummary | None:
        """What the core holds, unless somebody may have changed one of these columns since."""
        held: LazyColumns = self._columns  # type: ignore[assignment]
        return None if any(held.shown(name) for name in columns) else held.compact

    @property
    def unit(self) -> str:
        """The unit of ``recency``, ``T`` and ``duration_holdout``, as text."""
        return _time.unit_text(self._unit)

    @property
    def quality(self) -> Quality | None:
        """What was read, used and refused; ``None`` for a summary made from columns."""
        return self._facts.get("quality")

    @property
    def left_out(self) -> int:
        """Customers first seen after ``calibrate_until``, who are not in the table."""
        return int(self._facts.get("left_out", 0))

    @property
    def observed_until(self) -> datetime.date | None:
        """The last day that ``T`` counts: ``calibrate_until`` where given; ``None`` for a summary made from columns."""
        day = self._facts.get("observed_until")
        return None if day is None else _time.to_date(day)

    def take(self, rows: npt.ArrayLike) -> Summary:
        """The rows at these positions, or where a boolean mask is true, as a new summary."""
        summary = type(self).__new__(type(self))
        summary._set(super().take(rows).to_dict(), self._unit, **self._facts)
        return summary

    def _only(self, names: Iterable[str]) -> Summary:
        """These columns, not copied."""
        summary = type(self).__new__(type(self))
        summary._set({name: self[name] for name in names}, self._unit, **self._facts)
        return summary

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        columns = self.__dict__.get("_columns", {})
        if name in columns:
            return columns[name]  # type: ignore[no-any-return]
        raise AttributeError(f"no column or attribute {name!r}; the columns are {', '.join(columns)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.columns]


def _ids(values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Checked here, once, so that nothing that reads a summary looks at every id again."""
    return _columns.read({"customer_id": values}, {}, {"customer_id": "customer_id"}, "summary")["customer_id"]


def _counts(values: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    if values.dtype.kind not in "iuf":
        raise ValueError(f'summary, column "frequency": {values.dtype} where whole numbers belong')
    if values.dtype.kind != "f" and (not len(values) or (values.min() >= 0 and values.max() < 2**31)):
        return values.astype(np.int32, copy=False)
    whole = np.floor(values) == values
    fitting = whole & (values >= 0) & (values < 2**31)
    if not fitting.all():
        row = int(np.argmin(fitting))
        problem = "is negative" if values[row] < 0 else "is not a whole number" if not whole[row] else "is too large"
        raise ValueError(f'summary, column "frequency", row {row}: "{values[row]}" {problem}')
    return values.astype(np.int32)


def _check(summary: Summary) -> None:
    frequency, recency, age = summary["frequency"], summary["recency"], summary["T"]
    unseen = np.isnan(age)
    problems = [
        ("T", ~unseen & ~(age >= 0) | np.isinf(age), "is negative or not finite"),
        ("recency", ~unseen & ~(recency >= 0), "is negative or not a number"),
        ("recency", ~unseen & (recency > age), "is above T"),
        ("recency", ~unseen & (frequency == 0) & (recency > 0), "is above 0 without a repeat purchase"),
        ("frequency", unseen & (frequency > 0), "is above 0 where T is missing"),
    ]
    if "weights" in summary:
        weights = summary["weights"]
        problems.append(("weights", ~(weights >= 0) | np.isinf(weights), "is negative or not finite"))
    for column, bad, problem in problems:
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(f'summary, column "{column}", row {row}: "{summary[column][row]}" {problem}')


def _roles(
    customer: str,
    time: str,
    amount: str | None,
    order_id: str | None,
    currency: str | None,
    kind: str | None,
    event_id: str | None,
    known_time: str | None,
) -> dict[str, str | None]:
    """Our names of the columns to the user's."""
    return {
        "customer_id": customer,
        "time": time,
        "amount": amount,
        "order_id": order_id,
        "currency": currency,
        "kind": kind,
        "event_id": event_id,
        "known_time": known_time,
    }


class Summarizer:
    """The state behind :func:`summarize`: fed batch by batch, merged over shards.

    The keywords are those of :func:`summarize`. Any split of the rows, in any order, over any number of states gives
    the same summary, and the same bytes of :meth:`to_bytes`. Memory is a batch and some 40 bytes a customer (at nine
    purchase days each; 4 a day more), and the ids: nothing for integers that lie close together, else 22 bytes, and for
    text 18 beside its own.

    Examples
    --------
    >>> state = Summarizer(customer="id", time="day")          # doctest: +SKIP
    >>> for batch in batches:                                  # doctest: +SKIP
    ...     state.update(batch)
    >>> summary = state.finish()                               # doctest: +SKIP
    """

    #: The ids of an empty batch: what type those of a summary of nobody are.
    _no_ids: npt.NDArray[Any] | None = None

    def __init__(
        self,
        *,
        customer: str = "customer_id",
        time: str = "time",
        amount: str | None = None,
        order_id: str | None = "order_id",
        currency: str | None = "currency",
        kind: str | None = "kind",
        event_id: str | None = "event_id",
        known_time: str | None = "known_time",
        unit: _time.Duration = "week",
        collapse: str = "day",
        time_zone: str | None = None,
        returns: str = "net",
        observe_until: _time.Date | None = None,
        skip_late: bool = False,
        known_at: _time.Date | None = None,
        calibrate_until: _time.Date | None = None,
        include_first: bool = False,
        on_bad_rows: str = "raise",
        amount_digits: int | None = None,
        rates: Any = None,
        reporting_currency: str | None = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self._roles = _roles(customer, time, amount, order_id, currency, kind, event_id, known_time)
        self._state = _clavis.ledger.Summarizer(
            unit=_time.microseconds(unit),
            collapse=collapse,
            time_zone=time_zone or "",
            returns=returns,
            observe_until=_time.optional_day_number(observe_until, "observe_until"),
            skip_late=skip_late,
            known_at=_time.optional_day_number(known_at, "known_at"),
            rates=_rates.read(rates, reporting_currency),
            calibrate_until=_time.optional_day_number(calibrate_until, "calibrate_until"),
            include_first=include_first,
            on_bad_rows=on_bad_rows,
            amount_digits=amount_digits,
            threads=threads,
            progress=progress,
        )

    def update(self, batch: Any) -> Summarizer:
        """Read one more batch of transactions: any table. Returns the state itself."""
        rows = 0
        for columns in _input.batches(batch, self._roles, optional=_OPTIONAL):
            self._state.update(columns)
            rows += len(columns)
            if not len(columns):
                self._no_ids = _clavis.core.labels(columns, "customer_id", "transactions", 0)
        if not rows:
            table, roles = _input.resolve(batch, self._roles, "transactions")
            if _input.declares_text(table, str(roles["customer_id"])):
                self._no_ids = np.empty(0, dtype=object)
        return self

    def merge(self, other: Summarizer) -> Summarizer:
        """Take in what another state with the same keywords has read. Returns the state itself."""
        self._state.merge(other._state)
        self._no_ids = other._no_ids if self._no_ids is None else self._no_ids
        return self

    def to_bytes(self) -> bytes:
        """The state as bytes with a version: options, counts, ids and purchase days, not column names.

        Any split of the rows, in any order, over any number of states gives the same bytes. Row numbers of refused
        rows belong to a reading: their counts, reasons and a few values are saved.
        """
        return self._state.to_bytes()

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        *,
        customer: str = "customer_id",
        time: str = "time",
        amount: str | None = "amount",
        order_id: str | None = "order_id",
        currency: str | None = "currency",
        kind: str | None = "kind",
        event_id: str | None = "event_id",
        known_time: str | None = "known_time",
        threads: int = 0,
        progress: Progress | None = None,
    ) -> Summarizer:
        """The state that :meth:`to_bytes` saved, ready to go on.

        Parameters
        ----------
        data
            What :meth:`to_bytes` returned. Every other keyword of :class:`Summarizer` is in it.
        customer, time, amount, order_id, currency, kind, event_id, known_time
            Names of the columns of what is read from here on; of no meaning to what was read before. ``amount`` is left
            alone where the state has read no amounts.
        threads, progress
            As for :class:`Summarizer`.

        Raises
        ------
        ValueError
            If the bytes are no state, are damaged, or come from a later version.
        """
        state = cls.__new__(cls)
        state._state = _clavis.ledger.Summarizer.from_bytes(bytes(data), threads=threads, progress=progress)
        if state._state.has_amounts is False:
            amount = None
        state._roles = _roles(customer, time, amount, order_id, currency, kind, event_id, known_time)
        return state

    @property
    def quality(self) -> Quality:
        """What was read, used and refused so far."""
        return Quality.from_dict(self._state.quality())

    def history(self) -> _clavis.ledger.History:
        """The purchase days of every customer in compressed rows: what monitors and tier programmes replay."""
        return self._state.history()

    def finish(self) -> Summary:
        """The summary of all that was read; the state can go on reading afterwards."""
        core = self._state.finish()
        if not len(core["columns"]["customer_id"]):
            core["columns"] = self._of_nobody(core["columns"])
        return Summary._from_core(core)

    def _of_nobody(self, columns: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """The columns of the types that they have with rows: what no row has shown, the empty tables and names tell."""
        if self._no_ids is not None:
            columns["customer_id"] = self._no_ids
        if self._roles["amount"] is None or "net_amount" in columns:
            return columns
        money = {"T": ["monetary_value"], "lines": ["net_amount", "returns_amount"]}
        filled: dict[str, npt.NDArray[Any]] = {}
        for name, values in columns.items():
            filled[name] = values
            filled |= {after: np.empty(0) for after in money.get(name, [])}
        return filled


def summarize(
    transactions: Any,
    *,
    customer: str = "customer_id",
    time: str = "time",
    amount: str | None = None,
    order_id: str | None = "order_id",
    currency: str | None = "currency",
    kind: str | None = "kind",
    event_id: str | None = "event_id",
    known_time: str | None = "known_time",
    unit: _time.Duration = "week",
    collapse: str = "day",
    time_zone: str | None = None,
    returns: str = "net",
    observe_until: _time.Date | None = None,
    skip_late: bool = False,
    known_at: _time.Date | None = None,
    calibrate_until: _time.Date | None = None,
    include_first: bool = False,
    on_bad_rows: str = "raise",
    amount_digits: int | None = None,
    rates: Any = None,
    reporting_currency: str | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """Summarize transactions into one row per customer.

    Parameters
    ----------
    transactions
        Any table: one row per line of a receipt, in any order.
    customer, time, amount
        Names of the columns; a :class:`CustomerBook` knows them already. Negative amounts are returns. Rows without a
        customer are counted apart.
    order_id, currency, kind, event_id, known_time
        Names of further columns, read where the table has them; ``None`` leaves them alone. ``order_id`` makes
        ``orders`` count distinct orders, ``currency`` is checked to be one alone, ``kind`` marks lines as sale, return,
        cancel or adjust. A row whose ``event_id`` was read before is not used again (``quality.rows_duplicate``); if it
        differs from the row read before it is bad. ``known_time`` is when a row became known; missing: at its time.
    unit
        The unit in which ages are counted: text (``"week"``, ``"day"``) or a timedelta. Default a week.
    collapse
        What counts as one purchase: everything within one ``"day"`` (default), ``"hour"``, ``"week"``, ``"month"``, or
        ``"none"``: every distinct instant. Days are local days of ``time_zone``.
    time_zone
        IANA name of the zone whose calendar counts. Default: the zone of the time column, or UTC. Times without a zone
        are read as UTC; dates are days already.
    returns
        ``"net"`` subtracts returns from amounts; ``"ignore"`` leaves them out. A return is never a purchase.
    observe_until, calibrate_until
        Last day of observation (default: the last day seen) and of the calibration period, both inclusive. With
        ``calibrate_until`` the purchases after it are counted in ``frequency_holdout``.
    skip_late
        Leave out rows after ``observe_until`` and count them in ``quality.rows_late``; otherwise they are bad rows.
    known_at
        Leave out rows that became known after this day and count them in ``quality.rows_not_yet_known``.
    include_first
        Whether ``monetary_value`` takes in the first purchase.
    on_bad_rows
        ``"raise"`` (default): the first row that cannot be used is an error that names it; ``"refuse"``: such rows are
        counted and listed in ``summary.quality``.
    amount_digits
        Decimal places of the currency kept; 6 by default, sums are exact.
    rates, reporting_currency
        A table with ``currency``, ``rate`` (what one unit is worth in ``reporting_currency``) and perhaps ``date`` (the
        first day on which the rate holds). Each amount is converted and rounded to ``amount_digits``, halves away from
        zero. A currency or day without a rate is a bad row. Without rates a second currency is an error.
    threads
        0: every core.
    progress
        Called with the stage and the part done; returning ``False`` stops.

    Returns
    -------
    Summary
        Columns ``customer_id``, ``frequency``, ``recency``, ``T``, ``monetary_value``, ``log_gap_sum``, ``first_time``,
        ``last_time``, ``orders``, ``days``, ``lines``, ``net_amount``, ``returns_amount`` and with ``calibrate_until``
        ``frequency_holdout``, ``duration_holdout``. T counts from the first day to ``observe_until`` (or
        ``calibrate_until``). With another ``collapse`` than a day, ages run between the starts of its periods (with
        ``"none"``, between instants, to the end of the last day). A table without rows, or without any customer, gives
        a summary without rows.

    Raises
    ------
    ValueError
        If a value cannot be used; the message names table, column, row and value.

    Examples
    --------
    >>> log = {"id": [1, 1, 2], "day": ["2024-01-01", "2024-01-15", "2024-01-08"]}
    >>> s = summarize(log, customer="id", time="day", observe_until="2024-01-29")
    >>> s.frequency, s.recency, s.T
    (array([1, 0], dtype=int32), array([2., 0.]), array([4., 3.]))
    """
    state = Summarizer(
        customer=customer,
        time=time,
        amount=amount,
        order_id=order_id,
        currency=currency,
        kind=kind,
        event_id=event_id,
        known_time=known_time,
        unit=unit,
        collapse=collapse,
        time_zone=time_zone,
        returns=returns,
        observe_until=observe_until,
        skip_late=skip_late,
        known_at=known_at,
        calibrate_until=calibrate_until,
        include_first=include_first,
        on_bad_rows=on_bad_rows,
        amount_digits=amount_digits,
        rates=rates,
        reporting_currency=reporting_currency,
        threads=threads,
        progress=progress,
    )
    return state.update(transactions).finish()
