"""Who is leaving, wholly or in part, and since when."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _defection_note, _evidence, _input, _time
from clavis.quality import Quality
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["DefectionMonitor", "average_run_length", "threshold_for"]

Progress = Callable[[str, float], Any]


class DefectionMonitor:
    """Watches every customer and raises an alert when visits stop or become fewer, or less is bought on them.

    Each customer is judged by a clock of their own: silence counts by how unlikely the customer's past makes it. One
    limit then means the same for all. A customer who does not change raises an alert within the first year watched
    with probability at most ``false_alarms_per_year``, however often they come; the mean time to a false alert is at
    least ``1 / false_alarms_per_year`` years.

    A visit is a local day with a purchase. Returns are never visits, and several receipts of a day are one.

    Parameters
    ----------
    retained
        The changes to look for, as the fraction of visits that the customer keeps: 0 is a full stop, 0.5 half. Each in
        [0, 1), of equal weight.
    false_alarms_per_year
        The budget, in (0, 1].
    keep_events
        How many of each customer's last visits to keep (0 to 64), so that ``since`` comes with an interval: 4 bytes
        each and 8 more a customer. 32 are enough for most.
    reorder_days
        How many days late a record may come. Days are watched, and alerts raised, when they are this old; until then
        visits wait in the order of their days.
    evidence
        What is watched beside ``"visits"``, which always are: ``"spend"``, the amounts of visits; ``"category"``, each
        category that the customer has bought on four days or more, the eight most bought; ``"wallet"``, the share of
        what is spent with all suppliers, period by period, where the book's table ``wallet`` (or ``wallet=``)
        tells it. The budget holds for all of it together. Spend takes 80 bytes a customer more, category 256,
        wallet 224. Categories and wallets cannot come late: they need ``reorder_days=0``.
    r, alpha
        Shape and scale (in days) of the customers' rates, where they are known; by default learned from the baseline.
    k
        How regularly customers come: gaps between visits are gamma distributed with this shape, in [0.2, 20]. 1 is at
        random, more is more regular, less is in bursts. By default learned from pairs of neighbouring gaps, or 1 where
        ``r`` and ``alpha`` are given.
    season
        The index that the clock runs on: ``"learned"`` from the baseline where it holds two years or more and weeks
        differ by more than chance; ``None`` for the calendar's time; or ``(first_day, values)``, one positive value a
        day from ``first_day`` on, 1 on average.
    threads
        0: every core.
    progress
        Called with the stage and the part done; returning ``False`` stops.

    Attributes
    ----------
    params_ : dict
        ``r`` and ``alpha`` (days) of the customers' rates and ``k`` of their gaps; where learned also ``a`` and ``b``
        of dropout. With evidence from spend ``spend_p``, ``spend_q`` and ``spend_gamma`` of the gamma-gamma model; from
        categories ``category_r``, ``category_alpha`` and ``category_k`` of their clock.
    standard_errors_ : dict
        Of the learned parameters.
    converged_ : bool
        Whether the search for them ended where it should; ``status_`` says how.
    notes_ : list of str
        How they were learned, where that needs a word.
    warnings_ : list of str
        What makes the promise doubtful on these records, in words. Read them: where customers buy in bursts or
        seasons, false alerts exceed the budget.
    season_ : Table
        ``day`` and ``index`` of the season that the clock runs on; empty on the calendar's time.
    long_silence_excess_ : float
        How often silences that the clock gives one in a hundred ended in a visit within the baseline, over 0.01; the
        clock holds, or errs to the safe side, at 1 or less.
    limit_ : float
        The statistic at which an alert is raised.
    received_ : dict
        What the last update did with its records: ``visits_used``; ``visits_late`` (on a day already watched, or before
        the watch) and ``visits_early`` (after ``as_of``), which are not used; ``return_days``; ``customers_joined``.
        ``received_total_`` adds up all updates.
    quality_ : Quality
        What was read and refused of the last table.
    watched_from_, watched_until_ : datetime.date
        The first day watched, and the last day whose visits are in: ``reorder_days`` before the last ``as_of``.
    visits_waiting_ : int
        Visits that wait for their day to be watched.

    Notes
    -----
    Gaps between visits are taken to be gamma distributed of shape ``k`` given the customer's rate, and rates to be
    gamma distributed. The statistic is the mean of
    the Shiryaev–Roberts statistics for each retained fraction (Shiryaev 1963; Roberts 1966; Pollak 1985). The rates are
    learned by the modified BG/NBD model (Batislam, Denizel and Filiztekin 2007) with gamma gaps (Reutterer, Platzer and
    Schroeder 2020), jointly with dropout.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.arange("2023-01-01", "2024-03-01", 7, dtype="datetime64[D]")
    >>> log = {"customer_id": np.full(len(days), 17), "time": days}
    >>> watch = DefectionMonitor(r=2, alpha=14).fit(log, baseline_until="2024-01-01")
    >>> alerts = watch.update(log, as_of="2024-12-31")
    >>> alerts["state"][0], str(alerts["since"][0])
    ('LAPSED', '2024-02-25')
    >>> watch.states()["state"]
    array(['LAPSED'], dtype=object)
    """

    def __init__(
        self,
        retained: Iterable[float] = (0.0, 0.5),
        false_alarms_per_year: float = 0.10,
        *,
        keep_events: int = 0,
        reorder_days: int = 0,
        evidence: Iterable[str] | str = ("visits",),
        r: float | None = None,
        alpha: float | None = None,
        k: float | None = None,
        season: str | tuple[_time.Date, Any] | None = "learned",
        threads: int = 0,
        progress: Progress | None = None,
    ) -> None:
        if (r is None) != (alpha is None):
            raise ValueError("r and alpha go together: give both, or neither to learn them")
        self.retained = tuple(float(fraction) for fraction in retained)
        self.false_alarms_per_year = float(false_alarms_per_year)
        self.keep_events = keep_events
        self.reorder_days = reorder_days
        self.evidence = _evidence.checked(evidence)
        self.r = r
        self.alpha = alpha
        self.k = k
        self.season = season
        self.threads = threads
        self.progress = progress
        self._monitor: _clavis.defection.Monitor | None = None
        self._reading: dict[str, Any] = {}
        self._category = "category"
        self._months: int | None = None
        self._received: dict[str, int] = {}
        self._quality: Quality | None = None

    def fit(
        self,
        transactions: Any,
        *,
        baseline_until: _time.Date,
        customer: str = "customer_id",
        time: str = "time",
        amount: str | None = "amount",
        order_id: str | None = "order_id",
        kind: str | None = "kind",
        event_id: str | None = "event_id",
        known_time: str | None = "known_time",
        category: str = "category",
        wallet: Any = None,
        time_zone: str | None = None,
        on_bad_rows: str = "raise",
    ) -> DefectionMonitor:
        """Learn how often customers come, and start the watch.

        Parameters
        ----------
        transactions
            Any table, one row per line of a receipt, in any order. Rows on or after ``baseline_until`` are left for
            :meth:`update` and counted in ``visits_after_``.
        baseline_until
            The first day watched: the watch starts at midnight at its start.
        customer, time, amount, order_id, kind, event_id, known_time
            Names of the columns; :meth:`update` keeps them. Negative amounts are returns. A table without a column
            ``amount`` is read as visits alone.
        category
            Name of the column of categories, where these are evidence.
        wallet
            Where wallets are evidence and ``transactions`` is no book with one: a table with ``customer_id``,
            ``period`` (``2024``, ``2024-H1``, ``2024-Q4`` or ``2024-11``, all of one length) and ``category_spend`` or
            ``competitor_spend``. A customer with a row whose ``estimated`` is 1 gets no alert from it, at most
            ``WATCH``.
        time_zone, on_bad_rows
            As in :func:`summarize`.

        Returns
        -------
        DefectionMonitor
            The monitor itself.

        Raises
        ------
        ValueError
            If there is no visit before ``baseline_until``, or no repeat visit to learn from, or a value cannot be used.
        """
        self._reading = {
            "customer": customer,
            "time": time,
            "amount": amount,
            "order_id": order_id,
            "kind": kind,
            "event_id": event_id,
            "known_time": known_time,
            "time_zone": time_zone,
            "on_bad_rows": on_bad_rows,
        }
        until = _time.day_number(baseline_until, "baseline_until")
        records = self._read(transactions).history()
        self._category = category
        self._months = None
        more = self._more(transactions, wallet)
        self._monitor = _clavis.defection.Monitor.fit(
            records=records,
            baseline_until=until,
            retained=list(self.retained),
            false_alarms_per_year=self.false_alarms_per_year,
            keep_events=self.keep_events,
            reorder_days=self.reorder_days,
            r=self.r,
            alpha=self.alpha,
            k=self.k,
            season=_season_of(self.season),
            evidence=list(self.evidence),
            more=more,
            threads=self.threads,
            progress=self.progress,
        )
        self._received = {}
        return self

    def update(self, batch: Any, as_of: _time.Date | None = None, *, wallet: Any = None) -> Table:
        """Take in what happened since, and return the new alerts.

        However the records are cut into updates, and in whatever order their rows come, the alerts are the same.

        Parameters
        ----------
        batch
            Any table with the columns named in :meth:`fit`. Rows on days already watched, and after ``as_of``, are
            counted in ``received_`` and not used.
        as_of
            The last day that is complete; default: the last day in ``batch``.
        wallet
            As in :meth:`fit`. What is told of a period counts from its end on, or from the first day not watched yet
            where that is later; of a period before the last one it is not used.

        Returns
        -------
        Table
            One row per new alert, by day raised and customer: ``customer_id``; ``state`` (``LAPSED`` or ``PARTIAL``);
            ``evidence``, what raised it;
            ``raised``, the day; ``since``, the most likely day of the change (of ``LAPSED``: the last visit);
            ``visits`` and ``expected``, those since then and those an unchanged customer would have made;
            ``retained_ratio``, the one over the other; ``since_low`` and ``since_high``, between which the change lies
            with probability 95 % (missing unless ``keep_events``); ``usual_gap``, days from visit to visit before;
            ``statistic``; ``overdue_p``, how often an unchanged customer is silent for longer; ``sentence``. Where
            ``evidence`` is not ``visits``: ``visits`` is 0, ``expected`` missing, or purchases of the ``category``
            given up; ``before`` and ``after``, the spend of a visit or the share of wallet until then and since, and
            ``retained_ratio`` the one over the other; no interval.
            Customers never seen before join with the clock of the whole population.

        Raises
        ------
        ValueError
            If ``as_of`` lies before a day already watched, or a value cannot be used.
        """
        monitor = self._fitted()
        state = self._read(batch)
        # A batch without a row that counts is a quiet time, not an error.
        records = state.history() if state.quality.rows_used else None
        if as_of is not None:
            until = _time.day_number(as_of, "as_of")
        elif records is not None and len(records.day):
            until = max(int(records.day.max().astype(np.int64)), monitor.received_until)
        else:
            until = monitor.received_until
        more = self._more(batch, wallet) if records is not None or wallet is not None else None
        columns, self._received = monitor.update(records, until, more, self.threads, self.progress)
        return Table(columns)

    def states(self, as_of: _time.Date | None = None, values: Any = None) -> Table:
        """Where every customer stands.

        Parameters
        ----------
        as_of
            A day not before the last one watched, taking it that nobody came since; default: that day. This does not
            change the monitor.
        values
            What each customer is worth if nothing changes, to be set against the loss: a table with ``customer_id`` and
            ``value`` (as :func:`lifetime_value` gives), or one value per row of this table.

        Returns
        -------
        Table
            One row per customer, sorted by ``customer_id``.

            ``state``
                ``NEW``: no repeat visit yet, judged by the population alone. ``ACTIVE``. ``WATCH``: the statistic is
                above a fifth of the limit, or the customer was overdue at p ≤ 0.01 when the watch began and has
                been silent since. ``PARTIAL``, ``LAPSED``: an alert stands. ``RECOVERED``: back after one; the third
                visit from there makes the customer ``ACTIVE``.
            ``evidence``
                What raised the alert that stands, or speaks loudest: ``visits``, ``spend``, ``category``, ``wallet``.
            ``growing_but_losing_share``
                With evidence from wallets: over the last four periods own spend lies above that before the watch and
                the share of wallet below; at most a tenth of those so called wrongly (as in :func:`share_changes`).
            ``statistic``
                Grows by one a week on average while nothing changes, and exponentially after a change.
            ``overdue_p``
                How often an unchanged customer with this past is silent for longer.
            ``false_alarm_bound``
                The largest chance that an unchanged customer shows such a statistic by now.
            ``since``, ``since_low``, ``since_high``
                Most likely day of the change in ``WATCH``, ``PARTIAL`` and ``LAPSED``; and where ``keep_events`` is set
                and an alert stands, the days between which it lies with probability 95 %.
            ``retained_ratio``
                Visits since the change over those expected; of other evidence what is left of it.
            ``last_visit``, ``repeat_visits``, ``expected_gap``
                The last visit, the repeat visits that the clock has learned from, and the days from visit to visit it
                now expects.
            ``value_at_risk``
                With ``values``: the value of a customer with a standing alert times the part that no longer comes
                (1 - ``retained_ratio``), 0 without an alert, NaN where the value is not known.

        Raises
        ------
        ValueError
            If ``as_of`` lies before the last day watched, or ``values`` has another length.
        """
        monitor = self._fitted()
        until = monitor.received_until if as_of is None else _time.day_number(as_of, "as_of")
        columns = monitor.states(until, self.threads)
        if values is not None:
            alarmed = np.isin(columns["state"].astype(str), ("PARTIAL", "LAPSED"))
            lost = np.where(alarmed, np.clip(1 - columns["retained_ratio"], 0, 1), 0)
            columns["value_at_risk"] = _values_of(columns["customer_id"], values) * lost
        return Table(columns)

    def listed(self, q: float = 0.10, as_of: _time.Date | None = None, values: Any = None) -> Table:
        """The customers who have changed, of whom in expectation at most the part ``q`` has not.

        Alerts bound how often each customer is accused falsely; a list among very many customers may still be mostly
        false. This one is not, whatever binds the customers together: with R the statistic and t the weeks watched, R/t
        has mean at most 1 for a customer who does not change, so that it is an e-value, and e-BH holds under any
        dependence (Wang and Ramdas 2022).

        Parameters
        ----------
        q
            The largest expected share of wrong entries, in (0, 1]. It holds for the list of any one day.
        as_of, values
            As in :meth:`states`.

        Returns
        -------
        Table
            The rows of :meth:`states` that belong to the list, the largest ``statistic`` first, with the column
            ``false_discovery_level``: the smallest ``q`` that would still list the customer.
        """
        if not 0 < q <= 1:
            raise _clavis.InputError(f"q must lie in (0, 1], not {q}")
        monitor = self._fitted()
        until = monitor.received_until if as_of is None else _time.day_number(as_of, "as_of")
        states = self.states(as_of, values)
        weeks = (until + 1 - monitor.watched_from) / 7
        e = states["statistic"] / weeks if weeks > 0 else np.zeros(len(states))
        levels = _clavis.statistics.discovery_levels(e, "e-bh")
        listed = np.flatnonzero(levels <= q) if q < 1 else np.arange(len(states))
        order = listed[np.argsort(-states["statistic"][listed], kind="stable")]
        return Table({**states.take(order).to_dict(), "false_discovery_level": levels[order]})

    def merge(self, other: DefectionMonitor) -> DefectionMonitor:
        """Take in a monitor of other customers. Returns the monitor itself.

        Both have the same options and clock (give ``r`` and ``alpha`` to each, or read both from bytes) and have
        watched the same days. Every later alert is what one monitor of all would have raised.

        Raises
        ------
        ValueError
            If they differ, or a customer is in both; neither is changed.
        """
        self._fitted().merge(other._fitted())
        return self

    def to_bytes(self) -> bytes:
        """The monitor as bytes with a version and a checksum: customers, options, what was learned, column names."""
        note = _defection_note.write(self._reading, self._fitted().learned, self._category, self._months)
        return self._fitted().to_bytes(note)

    @classmethod
    def from_bytes(cls, data: bytes, *, threads: int = 0, progress: Progress | None = None) -> DefectionMonitor:
        """The monitor that :meth:`to_bytes` saved, ready to go on: later alerts are those of one that never stopped.

        Safe to call on bytes from strangers.

        Raises
        ------
        ValueError
            If the bytes are no monitor, are damaged, or come from a later version.
        """
        monitor, note = _clavis.defection.Monitor.from_bytes(bytes(data))
        result = cls(**monitor.options, threads=threads, progress=progress)
        result._reading, monitor.learned, result._category, result._months = _defection_note.read(note)
        result._monitor = monitor
        return result

    def _read(self, table: Any) -> Summarizer:
        amount = _input.optional_column(table, self._reading["amount"], "amount")
        names = {**self._reading, "amount": amount}
        state = Summarizer(**names, unit="day", threads=self.threads, progress=self.progress).update(table)
        self._quality = state.quality
        return state

    def _more(self, table: Any, wallet: Any) -> _clavis.defection.Evidence | None:
        more, months = _evidence.collect(
            self.evidence, table, self._reading, self._category, wallet, self._months, self.threads
        )
        self._months = months
        return more

    def _fitted(self) -> _clavis.defection.Monitor:
        if self._monitor is None:
            raise ValueError("this DefectionMonitor has no baseline yet: call fit first")
        return self._monitor

    def _learned(self, name: str) -> Any:
        return self._fitted().learned[name]

    @property
    def params_(self) -> dict[str, float]:
        """``r``, ``alpha`` (days) and ``k``; where learned also ``a`` and ``b`` of dropout; those of other evidence."""
        return {**self._learned("params"), **self._fitted().beside}

    @property
    def standard_errors_(self) -> dict[str, float]:
        """Of the learned parameters; empty where they were given."""
        return dict(self._learned("standard_errors"))

    @property
    def converged_(self) -> bool:
        """Whether the search for the parameters ended at a maximum."""
        return bool(self._learned("converged"))

    @property
    def status_(self) -> str:
        """How the search for the parameters ended."""
        return str(self._learned("status"))

    @property
    def notes_(self) -> list[str]:
        """How the parameters were learned, where that needs a word."""
        return list(self._learned("notes"))

    @property
    def warnings_(self) -> list[str]:
        """What makes the promise doubtful on these records."""
        return list(self._learned("warnings"))

    @property
    def season_(self) -> Table:
        """``day`` and ``index`` of the season that the clock runs on; empty on the calendar's time."""
        index = self._fitted().season
        first = np.datetime64(self._fitted().season_first, "D")
        return Table({"day": first + np.arange(len(index)), "index": index})

    @property
    def long_silence_excess_(self) -> float:
        """How often long silences ended in a visit, over what the clock expects."""
        return float(self._learned("long_silence_excess"))

    @property
    def visits_after_(self) -> int:
        """Visits in the table given to fit that lie on or after ``baseline_until`` and were not used."""
        return int(self._learned("visits_after"))

    @property
    def limit_(self) -> float:
        """The statistic at which an alert is raised."""
        return float(self._fitted().limit)

    @property
    def received_(self) -> dict[str, int]:
        """What the last update did with its records."""
        return dict(self._received)

    @property
    def received_total_(self) -> dict[str, int]:
        """What all updates together did with their records."""
        return dict(self._fitted().received)

    @property
    def quality_(self) -> Quality | None:
        """What was read and refused of the last table."""
        return self._quality

    @property
    def visits_waiting_(self) -> int:
        """Visits that wait for their day to be watched."""
        return self._fitted().visits_waiting

    @property
    def watched_from_(self) -> datetime.date:
        """The first day watched."""
        return _time.to_date(self._fitted().watched_from)

    @property
    def watched_until_(self) -> datetime.date:
        """The last day whose visits are in; before the first update the day before ``watched_from_``."""
        return _time.to_date(self._fitted().watched_until)

    def __len__(self) -> int:
        return 0 if self._monitor is None else len(self._monitor)

    def __repr__(self) -> str:
        fractions = ", ".join(f"{fraction:g}" for fraction in self.retained)
        kinds = f", evidence={self.evidence!r}" if len(self.evidence) > 1 else ""
        name = f"DefectionMonitor(retained=({fractions}), false_alarms_per_year={self.false_alarms_per_year:g}{kinds})"
        if self._monitor is None:
            return f"{name}, not fitted"
        lines = [f"{name}: {len(self):,} customers, watched from {self.watched_from_} until {self.watched_until_}"]
        return "\n".join([*lines, *(f"  warning: {text}" for text in self.warnings_)])


def _season_of(season: str | tuple[_time.Date, Any] | None) -> tuple[int, list[float]] | None:
    """The first day and the values of an index; an empty one is the calendar's time, and None asks to learn it."""
    if season is None:
        return (0, [])
    if isinstance(season, str):
        if season != "learned":
            raise ValueError(f'season must be "learned", None or (first_day, values), not {season!r}')
        return None
    first, values = season
    return (_time.day_number(first, "season"), [float(value) for value in np.asarray(values, dtype=np.float64)])


def _values_of(customers: npt.NDArray[Any], values: Any) -> npt.NDArray[np.float64]:
    """The value of each customer: by position, or looked up in a table; NaN where there is none."""
    if not hasattr(values, "__arrow_c_stream__") and not hasattr(values, "columns") and not isinstance(values, Mapping):
        by_position = np.asarray(values, dtype=np.float64)
        if by_position.shape != customers.shape:
            raise ValueError(f"values: {by_position.shape} where there are {len(customers)} customers")
        return by_position
    table = _columns.read(values, {"value": "value"}, {"customer_id": "customer_id"}, "values")
    known = dict(zip(table["customer_id"].tolist(), table["value"].tolist(), strict=True))
    return np.array([known.get(customer, np.nan) for customer in customers.tolist()], dtype=np.float64)


def average_run_length(rho: float, limit: float, rate: float = 1.0) -> float:
    """Mean wait until the rate-drop CUSUM reaches its limit.

    Parameters
    ----------
    rho
        The fraction of visits retained that the detector looks for, in [0, 1).
    limit
        The limit, at least 0.
    rate
        The true rate in expected visits: 1 without a change, ``rho`` after the change looked for.

    Returns
    -------
    float
        In expected visits of the unchanged customer; NaN outside the domain, relative error at most 1e-9.

    Examples
    --------
    >>> round(average_run_length(0.5, 2.9599), 1), round(average_run_length(0.5, 2.9599, rate=0.5), 2)
    (104.0, 14.46)
    """
    return _clavis.defection.average_run_length(rho, limit, rate)


def threshold_for(rho: float, run_length: float, rate: float = 1.0) -> float:
    """The limit at which the rate-drop CUSUM waits ``run_length`` on average, as :func:`average_run_length` has it.

    Examples
    --------
    >>> round(threshold_for(0.5, 104), 4)
    2.9599
    """
    return _clavis.defection.threshold_for(rho, run_length, rate)
