"""Early warning: whom to look at sooner, because something holds that makes leaving likelier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _time
from clavis._days import local_days
from clavis.book import CustomerBook
from clavis.defection import DefectionMonitor
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["EarlyWarning"]

Days = npt.NDArray[np.int64]
_SOURCES = ("contacts", "life_events")


class EarlyWarning:
    """How much likelier a change begins while something holds, learned from the past, and used to look sooner.

    A complaint that nobody resolved makes a silence after it mean more. Changes are taken to begin at a rate that is
    constant but for a factor for each condition that holds; the factors are learned by maximum likelihood from cells
    of changes and customer-days (Holford 1980; Laird and Olivier 1981). A customer's ``multiplier`` is the product of
    the factors that hold, over its mean over all customer-days. Used as the speed at which the monitor's statistic
    starts afresh, it spends the same budget of false alerts on those with a condition: the bound holds for all
    customers together, no more for each.

    Parameters
    ----------
    conditions
        Kinds of contacts and life events, and for how many days from the day after each holds: ``{"complaint": 60}``.
        At most 16.

    Attributes
    ----------
    factors_ : dict
        By how much each condition multiplies the rate of changes.
    standard_errors_ : dict
        Of the logarithms of the factors.
    rate_ : float
        Changes a customer and year while nothing holds.
    converged_ : bool
        Whether the search ended at the maximum.
    cells_ : Table
        ``conditions`` that hold (their names), ``events`` and ``exposure`` in customer-days.

    Examples
    --------
    >>> log = {"customer_id": [1, 2, 3, 4], "time": ["2023-01-01"] * 4}
    >>> contacts = {"customer_id": [1, 2], "time": ["2023-03-01"] * 2, "kind": ["complaint"] * 2}
    >>> changes = {"customer_id": [1, 3], "since": np.array(["2023-03-11", "2023-10-01"], "datetime64[D]")}
    >>> book = CustomerBook(log, contacts=contacts)
    >>> warning = EarlyWarning({"complaint": 60}).fit(book, changes, first="2023-01-01", last="2023-12-31")
    >>> warning.cells_["exposure"].tolist()
    [1004.0, 70.0]
    >>> round(warning.factors_["complaint"], 1)
    14.3
    """

    def __init__(self, conditions: Mapping[str, int]) -> None:
        if not 1 <= len(conditions) <= 16:
            raise _clavis.InputError(f"conditions: give one to sixteen, not {len(conditions)}")
        for name, days in conditions.items():
            if not 1 <= int(days) <= 3660:
                raise _clavis.InputError(f"conditions: {name!r} must hold for 1 to 3660 days, not {days}")
        self.conditions = {str(name): int(days) for name, days in conditions.items()}
        self._model: dict[str, Any] | None = None
        self._cells: dict[int, tuple[int, int]] = {}

    def fit(
        self,
        book: CustomerBook,
        changes: Any,
        *,
        first: _time.Date,
        last: _time.Date,
        time_zone: str | None = None,
        threads: int = 0,
    ) -> EarlyWarning:
        """Learn the factors from a stretch of the past whose changes are known.

        Parameters
        ----------
        book
            With ``contacts`` or ``life_events``, and the transactions of all customers.
        changes
            When customers changed: a table with ``customer_id`` and ``since``, as :meth:`DefectionMonitor.update` and
            :meth:`DefectionMonitor.states` give it. Of several of one customer the first in the stretch counts.
        first, last
            The stretch. A customer counts from the first visit to the change.
        time_zone, threads
            As in :func:`summarize`.

        Returns
        -------
        EarlyWarning
            Itself.

        Raises
        ------
        ValueError
            If no change or nobody lies in the stretch, or the book has neither contacts nor life events.
        """
        low, high = _time.day_number(first, "first"), _time.day_number(last, "last") + 1
        history = _history(book, time_zone, threads)
        ids = history.customer_id
        begin = np.maximum(history.day.astype(np.int64)[history.offsets[:-1]], low) if len(ids) else np.empty(0, int)
        end = np.full(len(ids), high)
        row, day = _changes(ids, changes)
        changed = np.zeros(len(ids), dtype=bool)
        for i, when in zip(row, day, strict=True):
            if begin[i] <= when < end[i]:  # the day of the change is the last that counts
                end[i], changed[i] = when + 1, True
        owner, start, stop, state = self._segments(book, ids, begin, np.maximum(end, begin), time_zone, threads)
        cells: dict[int, tuple[int, int]] = {}
        at_end = np.zeros(len(ids), dtype=np.int64)
        at_end[owner] = state  # segments ascend, so that the last one of a customer stays
        for value in np.unique(np.concatenate([state, at_end[changed]])).tolist():
            exposure = int((stop - start)[state == value].sum())
            cells[int(value)] = (int((changed & (at_end == value)).sum()), exposure)
        self._cells = cells
        codes = sorted(cells)
        self._model = _clavis.defection.fit_warning(
            np.array(codes, dtype=np.int64),
            np.array([cells[code][0] for code in codes], dtype=np.int64),
            np.array([cells[code][1] for code in codes], dtype=np.float64),
            len(self.conditions),
        )
        return self

    def multipliers(self, book: CustomerBook, as_of: _time.Date, *, time_zone: str | None = None) -> Table:
        """How much likelier than on average each customer changes today.

        Returns
        -------
        Table
            ``customer_id``, ``multiplier``, and for each condition whether it holds.
        """
        history = _history(book, time_zone, 0)
        ids = history.customer_id
        today = _time.day_number(as_of, "as_of")
        state = self._states_on(book, ids, today, time_zone)
        flags = {name: (state >> k & 1).astype(bool) for k, name in enumerate(self.conditions)}
        return Table({"customer_id": ids, "multiplier": self._factor(state), **flags})

    def statistics(
        self,
        watch: DefectionMonitor,
        book: CustomerBook,
        checks: Any,
        *,
        conditions: bool = True,
        time_zone: str | None = None,
        threads: int = 0,
    ) -> npt.NDArray[np.float64]:
        """The monitor's statistic of visits on some days, started afresh at the speed of the multipliers.

        Parameters
        ----------
        watch
            Whose clock, season, fractions and first day watched are used.
        book
            All records so far, with their contacts and life events.
        checks
            Days in ascending order, from the first day watched on.
        conditions
            ``False``: as if nothing held, to compare.

        Returns
        -------
        array
            One row per customer, in the order of :meth:`multipliers`, one column per check. A value of
            ``watch.limit_`` has the budget's meaning for all customers together. Alerts, recoveries and clocks that
            stand still are the monitor's own and not in it.
        """
        history = _history(book, time_zone, threads)
        ids = history.customer_id
        days = np.array([_time.day_number(one, "checks") for one in np.atleast_1d(np.asarray(checks, "datetime64[D]"))])
        begin = _time.day_number(watch.watched_from_, "watch")
        if not len(days) or days[0] < begin or (np.diff(days) < 0).any():
            raise _clavis.InputError("checks must ascend from the first day watched on")
        low, high = np.full(len(ids), begin), np.full(len(ids), days[-1] + 1)
        if conditions:
            owner, start, _, state = self._segments(book, ids, low, high, time_zone, threads)
        else:
            owner, start, state = np.arange(len(ids)), low, np.zeros(len(ids), dtype=np.int64)
        factor = self._factor(state) if conditions else np.ones(len(state))
        at = _operational(watch)
        params = watch.params_
        return _clavis.defection.warned_statistics(
            history,
            params["r"],
            params["alpha"],
            params["k"],
            list(watch.retained),
            at(history.day.astype(np.int64)),
            float(at(np.array([begin]))[0]),
            at(days),
            np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(ids)))]).astype(np.int64),
            at(start),
            factor,
            threads,
        )

    def _factor(self, state: Days) -> npt.NDArray[np.float64]:
        model = self._fitted()
        exponent = np.full(len(state), -float(model["log_mean"]))
        for k, beta in enumerate(model["beta"]):
            exponent += np.where(state >> k & 1, beta, 0.0)
        return np.asarray(np.exp(exponent))

    def _intervals(
        self, book: CustomerBook, ids: npt.NDArray[Any], time_zone: str | None, threads: int
    ) -> tuple[Days, Days, Days, Days]:
        """Customer, first day, day after the last and condition of all that ever holds, without overlap of its kind."""
        names = list(self.conditions)
        parts: list[tuple[Days, Days, Days]] = []
        tables = [table for table in _SOURCES if getattr(book, table) is not None]
        if not tables:
            raise _clavis.InputError("early warning: the book has neither contacts nor life_events")
        for table in tables:
            rows = book.read(table, time_zone=time_zone, threads=threads)
            kind = rows["kind"].astype(str)
            place = _places(ids, rows["customer_id"])
            day = local_days(rows["time"], time_zone)
            for k, name in enumerate(names):
                own = (kind == name) & (place >= 0)
                parts.append((place[own], day[own] + 1, np.full(int(own.sum()), k, dtype=np.int64)))
        owner, begin, code = (np.concatenate([part[i] for part in parts]) for i in range(3))
        order = np.lexsort((begin, code, owner))
        owner, begin, code = owner[order], begin[order], code[order]
        end = begin + np.array(list(self.conditions.values()), dtype=np.int64)[code]
        # One that begins while an earlier one of its kind holds goes on from where that ends.
        for i in range(1, len(owner)):
            if owner[i] == owner[i - 1] and code[i] == code[i - 1] and begin[i] < end[i - 1]:
                begin[i] = end[i - 1]
        return owner, begin, end, code

    def _segments(
        self,
        book: CustomerBook,
        ids: npt.NDArray[Any],
        low: Days,
        high: Days,
        time_zone: str | None,
        threads: int,
    ) -> tuple[Days, Days, Days, Days]:
        """Each customer's days from low to high, cut where what holds changes: customer, from, to, what holds."""
        owner, begin, end, code = self._intervals(book, ids, time_zone, threads)
        begin, end = np.clip(begin, low[owner], high[owner]), np.clip(end, low[owner], high[owner])
        bit = np.left_shift(1, code)
        everybody = np.arange(len(ids))
        where = np.concatenate([everybody, owner, owner])
        when = np.concatenate([low, begin, end])
        step = np.concatenate([np.zeros(len(ids), dtype=np.int64), bit, -bit])
        some = (when < high[where]) | (np.arange(len(where)) < len(ids))
        where, when, step = where[some], when[some], step[some]
        order = np.lexsort((when, where))
        where, when, step = where[order], when[order], step[order]
        total = np.cumsum(step)
        first = np.searchsorted(where, everybody)
        state = total - (total[first] - step[first])[where]
        stop = np.append(when[1:], 0)
        last = np.append(where[1:] != where[:-1], True)
        stop[last] = high[where[last]]
        # The state of the last step at a moment is what holds; of an empty stretch only the last of a customer is kept.
        kept = (stop > when) | last
        return where[kept], when[kept], stop[kept], state[kept]

    def _states_on(self, book: CustomerBook, ids: npt.NDArray[Any], day: int, time_zone: str | None) -> Days:
        owner, begin, end, code = self._intervals(book, ids, time_zone, 0)
        state = np.zeros(len(ids), dtype=np.int64)
        holds = (begin <= day) & (day < end)
        np.bitwise_or.at(state, owner[holds], np.left_shift(1, code[holds]))
        return state

    def _fitted(self) -> dict[str, Any]:
        if self._model is None:
            raise _clavis.InputError("this EarlyWarning has learned nothing yet: call fit first")
        return self._model

    @property
    def factors_(self) -> dict[str, float]:
        """By how much each condition multiplies the rate of changes."""
        return dict(zip(self.conditions, np.exp(self._fitted()["beta"]).tolist(), strict=True))

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Of the logarithms of the factors."""
        return dict(zip(self.conditions, self._fitted()["standard_error"].tolist(), strict=True))

    @property
    def rate_(self) -> float:
        """Changes a customer and year while nothing holds."""
        return float(np.exp(self._fitted()["log_rate"]) * 365.25)

    @property
    def converged_(self) -> bool:
        """Whether the search ended at the maximum."""
        return bool(self._fitted()["converged"])

    @property
    def cells_(self) -> Table:
        """What was counted."""
        self._fitted()
        codes = sorted(self._cells)
        names = list(self.conditions)
        told = [" + ".join(name for k, name in enumerate(names) if code >> k & 1) or "none" for code in codes]
        return Table(
            {
                "conditions": np.array(told, dtype=object),
                "events": np.array([self._cells[code][0] for code in codes]),
                "exposure": np.array([float(self._cells[code][1]) for code in codes]),
            }
        )


def _history(book: CustomerBook, time_zone: str | None, threads: int) -> _clavis.ledger.History:
    amount = "amount" if "amount" in book.names("transactions") else None
    state = Summarizer(
        customer="customer_id", time="time", amount=amount, time_zone=time_zone, unit="day", threads=threads
    )
    return state.update(book).history()


def _places(ids: npt.NDArray[Any], customer: npt.NDArray[Any]) -> Days:
    """The row of each customer among ascending ids, -1 where absent."""
    if not len(ids) or not len(customer) or (ids.dtype.kind == "O") != (customer.dtype.kind == "O"):
        return np.full(len(customer), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(ids, customer), len(ids) - 1)
    return np.where(ids[place] == customer, place, -1)


def _changes(ids: npt.NDArray[Any], changes: Any) -> tuple[list[int], list[int]]:
    customer = _columns.read(changes, {}, {"customer_id": "customer_id"}, "changes")["customer_id"]
    try:
        day = np.asarray(changes["since"]).astype("datetime64[D]")
    except (KeyError, TypeError, ValueError):
        raise _clavis.InputError('changes: a column "since" with dates is needed') from None
    place = _places(ids, customer)
    known = (place >= 0) & ~np.isnat(day)
    return place[known].tolist(), day[known].astype(np.int64).tolist()


def _operational(watch: DefectionMonitor) -> Any:
    """Operational days from 1970-01-01 to midnight at the start of each day."""
    season = watch.season_
    if not len(season):
        return lambda days: np.asarray(days, dtype=np.float64)
    first = int(season["day"][0].astype(np.int64))
    total = np.concatenate([[0.0], np.cumsum(season["index"])])

    def at(days: Days) -> npt.NDArray[np.float64]:
        inside = np.clip(days - first, 0, len(total) - 1)
        return np.asarray(np.minimum(days, first) + total[inside] + np.maximum(days - first - (len(total) - 1), 0))

    return at
