"""How loyal customers are: tier programmes, replayed as of any day."""

from __future__ import annotations

import decimal
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clavis import _clavis, _input, _time
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["TierProgram"]

Progress = Callable[[str, float], Any]
_LARGEST_DOCUMENT = 1 << 20


class TierProgram:
    """A loyalty programme with tiers, as data; made by :meth:`from_json`.

    On a local day a customer's metric is what counts in the window that ends with that day: net spend (a return counts
    on the day it comes back) or orders. A tier is reached on the day its metric is at least the tier's threshold. It
    stays while the metric is at least the tier's ``keep`` threshold (default: the threshold), and ``validity`` days
    beyond the last day on which it was (default: not a day). Everybody starts in the first tier and nobody falls below
    it. Thresholds are decimals and compared exactly: 0.1 + 0.2 reaches 0.3.

    The document::

        {"name": "shop", "metric": "spend",   # or "orders"
         "window": {"rolling_days": 365},     # or {"calendar": "month"}, "quarter", "year"; or {"lifetime": true}
         "tiers": [{"name": "Base"},
                   {"name": "Silver", "threshold": 100, "keep": "79.90"}],
         "validity": {"days": 30}}

    Examples
    --------
    >>> program = TierProgram.from_json({"metric": "spend", "window": {"rolling_days": 365},
    ...                                  "tiers": [{"name": "Base"}, {"name": "Silver", "threshold": 100}]})
    >>> log = {"customer_id": [1, 1, 2], "time": ["2024-01-05", "2024-03-01", "2024-02-01"], "amount": [60, 55, 20]}
    >>> t = program.replay(log, as_of="2024-06-30")
    >>> t["tier"], t["since"]
    (array(['Silver', 'Base'], dtype=object), array(['2024-03-01', '2024-02-01'], dtype='datetime64[D]'))
    """

    def __init__(self, core: _clavis.loyalty.TierProgram) -> None:
        if not isinstance(core, _clavis.loyalty.TierProgram):
            raise TypeError("make a programme with TierProgram.from_json(path_or_dict)")
        self._core = core

    @classmethod
    def from_json(cls, source: str | os.PathLike[str] | Mapping[str, Any]) -> TierProgram:
        """Read a programme.

        Parameters
        ----------
        source
            The path of a file, JSON text (it starts with a brace), or the document as a dict. Amounts may be numbers,
            text or ``decimal.Decimal``.

        Raises
        ------
        ValueError
            If the document is not JSON, has unknown keys or values that do not fit; the message says where.
        """
        if isinstance(source, Mapping):
            text = json.dumps(dict(source), default=_plain, allow_nan=False)
        elif isinstance(source, str) and source.lstrip().startswith("{"):
            text = source
        else:
            path = Path(source)
            if path.stat().st_size > _LARGEST_DOCUMENT:
                raise _clavis.InputError(f"tier program: {path} is larger than 1 MB")
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                raise _clavis.InputError(f"tier program: {path} is not UTF-8 text") from None
        return cls(_clavis.loyalty.TierProgram(text))

    def to_json(self) -> str:
        """The document that :meth:`from_json` reads back, on one line."""
        return self._core.to_json()

    @property
    def name(self) -> str:
        """The programme's name."""
        return self._core.name

    @property
    def metric(self) -> str:
        """What is counted: ``"spend"`` or ``"orders"``."""
        return self._core.metric

    @property
    def tiers(self) -> list[str]:
        """The tiers' names, lowest first."""
        return self._core.tiers

    def replay(
        self,
        transactions: Any,
        *,
        as_of: _time.Date | None = None,
        known_at: _time.Date | None = None,
        customer: str = "customer_id",
        time: str = "time",
        amount: str = "amount",
        order_id: str | None = "order_id",
        currency: str | None = "currency",
        kind: str | None = "kind",
        event_id: str | None = "event_id",
        known_time: str | None = "known_time",
        time_zone: str | None = None,
        on_bad_rows: str = "raise",
        amount_digits: int | None = None,
        rates: Any = None,
        reporting_currency: str | None = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> Table:
        """Where every customer stands on a day, and why.

        Parameters
        ----------
        transactions
            Any table, or a :class:`CustomerBook`.
        as_of
            The day, itself included; default: the last day in the records. Later events are invisible.
        known_at
            Replay what was known on this day: rows that became known later (``known_time``; their time where that is
            missing) are left out.
        customer, time, amount, order_id, currency, kind, event_id, known_time
            Names of the columns. A programme that counts orders needs no amounts; without ``order_id`` every sale line
            is an order.
        time_zone, on_bad_rows, amount_digits, rates, reporting_currency, threads, progress
            As in :func:`summarize`.

        Returns
        -------
        Table
            One row per customer seen until ``as_of``: ``customer_id``, ``tier``, ``since`` (the day the present stay
            in the tier began), ``qualified_by`` (the day whose events last lifted the customer to this tier or above
            it; missing for the first tier), ``keeps_until`` (the last day of the tier if nothing more happens; missing
            where it does not end), ``to_next`` (what is missing to the next tier on ``as_of``; NaN where there is
            none), ``reason`` (sentences the customer could read), and ``metric`` (what counts on ``as_of``).

        Raises
        ------
        ValueError
            If a value cannot be used; the message names table, column, row and value.
        """
        history = self._history(
            transactions, known_at, customer, time, amount, order_id, currency, kind, event_id, known_time, time_zone,
            on_bad_rows, amount_digits, rates, reporting_currency, threads, progress,
        )  # fmt: skip
        day = _time.optional_day_number(as_of, "as_of")
        if day is None:
            day = int(history.day.max().astype(np.int64)) if len(history.day) else 0
        found = Table(self._core.replay(history, as_of=day, threads=threads, progress=progress))
        unseen = np.isnat(found["since"])
        return found.take(~unseen) if unseen.any() else found

    def intervals(
        self,
        transactions: Any,
        *,
        until: _time.Date | None = None,
        known_at: _time.Date | None = None,
        customer: str = "customer_id",
        time: str = "time",
        amount: str = "amount",
        order_id: str | None = "order_id",
        currency: str | None = "currency",
        kind: str | None = "kind",
        event_id: str | None = "event_id",
        known_time: str | None = "known_time",
        time_zone: str | None = None,
        on_bad_rows: str = "raise",
        amount_digits: int | None = None,
        rates: Any = None,
        reporting_currency: str | None = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> Table:
        """Every stay of every customer in a tier.

        Parameters are those of :meth:`replay`; ``until`` is the last day replayed, default the last day in the records.

        Returns
        -------
        Table
            By customer, then by day: ``customer_id``, ``from`` and ``to`` (first and last day; ``to`` is missing where
            the stay had not ended), ``tier``, ``cause`` (first event, purchase, return, window, validity end),
            ``metric`` on the first day, ``threshold`` (the one reached, or the one to keep that was missed) and
            ``change`` (by how much the events of the first day changed the metric).
        """
        history = self._history(
            transactions, known_at, customer, time, amount, order_id, currency, kind, event_id, known_time, time_zone,
            on_bad_rows, amount_digits, rates, reporting_currency, threads, progress,
        )  # fmt: skip
        day = _time.optional_day_number(until, "until")
        return Table(self._core.intervals(history, until=day, threads=threads, progress=progress))

    def _history(
        self,
        transactions: Any,
        known_at: _time.Date | None,
        customer: str,
        time: str,
        amount: str | None,
        order_id: str | None,
        currency: str | None,
        kind: str | None,
        event_id: str | None,
        known_time: str | None,
        time_zone: str | None,
        on_bad_rows: str,
        amount_digits: int | None,
        rates: Any,
        reporting_currency: str | None,
        threads: int,
        progress: Progress | None,
    ) -> _clavis.ledger.History:
        if self.metric == "orders":
            amount = _input.optional_column(transactions, amount, "amount")
        state = Summarizer(
            customer=customer,
            time=time,
            amount=amount,
            order_id=order_id,
            currency=currency,
            kind=kind,
            event_id=event_id,
            known_time=known_time,
            known_at=known_at,
            time_zone=time_zone,
            on_bad_rows=on_bad_rows,
            amount_digits=amount_digits,
            rates=rates,
            reporting_currency=reporting_currency,
            threads=threads,
            progress=progress,
        )
        return state.update(transactions).history()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TierProgram) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        return f"TierProgram({self.to_json()})"


def _plain(value: object) -> object:
    """What JSON has no type for."""
    if isinstance(value, (decimal.Decimal, np.datetime64)):
        return str(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a tier programme cannot hold a {type(value).__name__}: {value!r}")
