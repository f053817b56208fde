"""Alarm rules compared at equal false alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _columns, _input, _time
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["ALARM_RULES", "RuleCheck", "evaluate_rules"]

Reals = npt.NDArray[np.float64]
Rule = Callable[["RuleCheck"], Any]
Progress = Callable[[str, float], Any]

#: The rules known by name, as :func:`evaluate_rules` compares them by default.
ALARM_RULES: tuple[str, ...] = tuple(_clavis.defection.named_rules())
_TRUTH = {"change_day": "change_day", "rate_ratio": "rate_ratio"}
_BENCHMARK = {"r": 2.0, "alpha": 2.0}


class RuleCheck:
    """What a rule may look at: every customer's visits up to one weekly check.

    Attributes
    ----------
    week : float
        The moment of the check, in weeks since the calibration began.
    calibration_weeks : int
        Where the watch begins.
    r, alpha : float
        Shape and scale (weeks) of the customers' rates.
    visits : array
        How many visits each customer has made; :attr:`first` and :attr:`last` are the weeks of the first and the last
        one, NaN before the first.
    silence, gap_sum, mean_gap, sd_gap : array
        Weeks since the last visit; weeks from the first visit to the last; mean and standard deviation of the gaps, NaN
        where there are fewer than one and two of them.
    """

    def __init__(self, history: _Visits, check: int) -> None:
        self.week = float(history.calibration_weeks + check)
        self.calibration_weeks = history.calibration_weeks
        self.r, self.alpha = history.r, history.alpha
        self._history = history
        self.visits: npt.NDArray[np.int64] = history.visits_until(self.week)
        some = self.visits > 0
        at = np.where(some, history.offsets[:-1] + self.visits - 1, 0)
        self.first: Reals = np.where(some, history.first, np.nan)
        self.last: Reals = np.where(some, history.time[at], np.nan)
        self.silence: Reals = self.week - self.last
        self.gap_sum: Reals = self.last - self.first
        gaps = np.maximum(self.visits - 1, 0)
        squares = history.squares[at] - history.squares[np.where(some, history.offsets[:-1], 0)]
        with np.errstate(invalid="ignore", divide="ignore"):
            self.mean_gap: Reals = np.where(gaps > 0, self.gap_sum / gaps, np.nan)
            spread = np.maximum(squares - gaps * self.mean_gap**2, 0) / (gaps - 1)
            self.sd_gap: Reals = np.where(gaps > 1, np.sqrt(spread), np.nan)

    def recent(self, weeks: float) -> npt.NDArray[np.int64]:
        """Visits of each customer in the last ``weeks`` before the check."""
        return self.visits - self._history.visits_until(self.week - weeks)


class _Visits:
    """The visits of everybody, so laid out that a check costs time by customers alone."""

    def __init__(self, data: _clavis.defection.RuleData, calibration_weeks: int, r: float, alpha: float) -> None:
        self.data, self.calibration_weeks, self.r, self.alpha = data, calibration_weeks, r, alpha
        self.offsets, self.time = data.offsets, data.time
        self.customer = np.repeat(np.arange(len(data)), np.diff(self.offsets))
        self.first = self.time[self.offsets[:-1]]
        gaps = np.diff(self.time, prepend=self.time[:1])
        gaps[self.offsets[:-1]] = 0
        self.squares = np.cumsum(gaps**2)

    def visits_until(self, week: float) -> npt.NDArray[np.int64]:
        return np.bincount(self.customer[self.time <= week], minlength=len(self.data)).astype(np.int64)


def evaluate_rules(
    transactions: Any = None,
    truth: Any = None,
    *,
    rules: Iterable[str] | Mapping[str, str | Rule] | None = None,
    false_alarms: float = 0.10,
    watched_from: _time.Date | None = None,
    calibration_weeks: int = 52,
    watched_weeks: int = 104,
    customers: int = 30_000,
    r: float | None = None,
    alpha: float | None = None,
    regularity: float = 1.0,
    retained: float = 0.5,
    change_within: int = 26,
    least_visits: int = 3,
    seed: int = 1,
    customer: str = "customer_id",
    time: str = "time",
    amount: str | None = "amount",
    order_id: str | None = "order_id",
    kind: str | None = "kind",
    time_zone: str | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> Table:
    """Compare any alarm rules at equal false alarms.

    Every rule scores every customer at the beginning of the watch and at the end of each week watched. Its limit is set
    so that the same share of unchanged customers raise an alarm in the first 52 weeks; then it is counted how many
    stops and drops are found, and how late. Customers beyond the limit when the watch begins, or alarmed before
    their change, are left out and counted.

    Parameters
    ----------
    transactions, truth
        Recorded visits, as in :class:`DefectionMonitor`, and what became of the customers: a table with
        ``customer_id``, ``change_day`` (the first day of the new rate, missing where nothing changed) and
        ``rate_ratio`` (rate after over rate before: 0 a stop). Customers not in it, growing ones, those without a visit
        in the calibration and those who changed outside the time watched are left out. A book of
        :func:`simulate_shop` brings its truth. Without ``transactions`` customers are simulated.
    rules
        Names of :data:`ALARM_RULES`, or a dict of names to names or callables; by default all of them. A callable gets
        a :class:`RuleCheck` and returns one score a customer, larger being more alarming and NaN meaning no opinion;
        or a dict with ``score`` and the week of the change as ``since``, ``since_low`` and ``since_high``.
    false_alarms
        The share of unchanged customers with an alarm in the first 52 weeks watched.
    watched_from
        Recorded visits only: the first day watched.
    calibration_weeks, watched_weeks
        Weeks before the watch from which rules may learn, and weeks watched.
    customers, regularity, retained, change_within, least_visits, seed
        Of simulated customers: how many; shape of the gamma distributed gaps; the part of the rate that drops leave;
        weeks of the watch in which changes fall; fewest visits in the calibration. A third each never changes, drops
        and stops.
    r, alpha
        Shape and scale (weeks) of the customers' rates, for simulating and for the rules' clock: 2 and 2; for recorded
        visits learned from those before the watch, where not given.
    customer, time, amount, order_id, kind, time_zone
        As in :meth:`DefectionMonitor.fit`.
    threads, progress
        As in :func:`summarize`.

    Returns
    -------
    Table
        One row per rule: ``rule``, ``limit``; ``unchanged``, customers judged, and ``beyond_at_start``, those left
        out; ``false_alarms`` and ``second_year``, the share of the unchanged alarmed in the first 52 weeks and of the
        rest in the next 52; ``false_alarms_decile_1`` to ``_10``, the first year's by visits in the calibration from
        fewest to most. ``stops`` and ``drops``, customers judged, ``…_alarmed_before``, ``…_13``, ``…_26`` and
        ``…_52``, the share found within so many weeks, and ``…_delay``, the median of weeks (inf where fewer
        than half are found). ``clock_distance``, of rules on the hazard clock, the largest distance between the
        distribution of unchanged customers' gaps on it and the unit exponential. ``dated``, ``date_error`` (median,
        in mean gaps) and ``interval_coverage``, of rules that date. Names ending in ``_error`` are standard errors.

    Raises
    ------
    ValueError
        If a rule is not known or gives something else than a score a customer, or a value cannot be used.

    Notes
    -----
    docs/methods/defection.md defines the named rules, and what was measured.

    Examples
    --------
    >>> found = evaluate_rules(
    ...     rules={"silent for long": lambda check: check.silence, "sr_mixture": "sr_mixture"}, customers=3000
    ... )
    >>> found["rule"].tolist()
    ['silent for long', 'sr_mixture']
    >>> bool(found["drops_52"][1] > found["drops_52"][0] + 0.4)  # halvings found within a year
    True
    """
    if transactions is None:
        rates = {name: _BENCHMARK[name] if given is None else given for name, given in (("r", r), ("alpha", alpha))}
        data = _clavis.defection.RuleData.simulate(
            customers=customers,
            **rates,
            regularity=regularity,
            calibration_weeks=calibration_weeks,
            watched_weeks=watched_weeks,
            change_within=change_within,
            least_visits=least_visits,
            retained=retained,
            seed=seed,
            threads=threads,
        )
    else:
        if watched_from is None:
            raise ValueError("watched_from, the first day watched, is needed with transactions")
        if truth is None:
            truth = getattr(transactions, "truth", None)
        if truth is None:
            raise ValueError("truth is needed with transactions: a table with customer_id, change_day and rate_ratio")
        columns: dict[str, Any] = {
            "customer": customer,
            "time": time,
            "order_id": order_id,
            "kind": kind,
            "time_zone": time_zone,
        }
        columns["amount"] = _input.optional_column(transactions, amount, "amount")
        state = Summarizer(**columns, unit="day", threads=threads, progress=progress).update(transactions)
        start = _time.day_number(watched_from, "watched_from")
        history = state.history()
        data = _recorded(history, truth, start, calibration_weeks, watched_weeks)
        rates = _rates(history, start, r, alpha, threads, progress)
    named: Mapping[str, str | Rule]
    if isinstance(rules, Mapping):
        named = rules
    else:
        named = {name: name for name in (ALARM_RULES if rules is None else rules)}
    rows = []
    visits: _Visits | None = None
    for number, (name, rule) in enumerate(named.items()):
        if progress is not None and progress(f"rule {name}", number / len(named)) is False:
            raise _clavis.Cancelled
        if isinstance(rule, str):
            row, _ = data.evaluate(rule, rates["r"], rates["alpha"], false_alarms, seed, threads)
        else:
            visits = visits or _Visits(data, calibration_weeks, rates["r"], rates["alpha"])
            told = _told(name, rule, visits, watched_weeks)
            row, _ = data.assess(name, *told, rates["r"], rates["alpha"], false_alarms, seed)
        rows.append({**row, "rule": name})
    if not rows:
        raise ValueError("rules: there is none to compare")
    return Table(
        {name: np.array([row[name] for row in rows], dtype=object if name == "rule" else None) for name in rows[0]}
    )


def _told(name: str, rule: Rule, visits: _Visits, watched_weeks: int) -> tuple[Reals, Reals, Reals, Reals]:
    """Scores and dates of a callable at every check, one row per customer."""
    size = len(visits.data)
    parts: dict[str, list[Reals]] = {"score": [], "since": [], "since_low": [], "since_high": []}
    for check in range(watched_weeks + 1):
        answer = rule(RuleCheck(visits, check))
        answers = answer if isinstance(answer, Mapping) else {"score": answer}
        if unknown := set(answers) - set(parts):
            raise ValueError(f"rule {name}: {', '.join(sorted(unknown))} is nothing a rule may tell")
        for part, values in answers.items():
            given = np.asarray(values, dtype=np.float64)
            if given.shape != (size,):
                raise ValueError(f"rule {name}: {part} has shape {given.shape} where there are {size} customers")
            parts[part].append(given)
    for part, columns in parts.items():
        if len(columns) not in (0, watched_weeks + 1) or (part == "score" and not columns):
            raise ValueError(f"rule {name}: {part} must be told at every check")
    score, since, low, high = (
        np.ascontiguousarray(np.column_stack(columns)) if columns else np.empty(0) for columns in parts.values()
    )
    return score, since, low, high


def _recorded(
    history: _clavis.ledger.History, truth: Any, start: int, calibration_weeks: int, watched_weeks: int
) -> _clavis.defection.RuleData:
    table = _columns.read(truth, {"rate_ratio": "rate_ratio"}, {"customer_id": "customer_id"}, "truth")
    day = np.asarray(truth["change_day"]).astype("datetime64[D]")
    unchanged = np.isnat(day)
    ratio = np.where(unchanged, 1.0, table["rate_ratio"])
    # A growing customer is neither unchanged nor found by anything here: out of range, so left out.
    outside = start + 7 * watched_weeks
    known = dict(
        zip(
            table["customer_id"].tolist(),
            zip(ratio.tolist(), np.where(unchanged, start, day.astype(np.int64)).tolist(), strict=True),
            strict=True,
        )
    )
    fates = [known.get(one, (0.5, outside)) for one in history.customer_id.tolist()]
    fates = [fate if fate[0] <= 1 else (0.5, outside) for fate in fates]
    return _clavis.defection.RuleData.from_history(
        history,
        np.array([fate[0] for fate in fates], dtype=np.float64),
        np.array([fate[1] for fate in fates], dtype=np.int64),
        start,
        calibration_weeks,
        watched_weeks,
    )


def _rates(
    history: _clavis.ledger.History,
    start: int,
    r: float | None,
    alpha: float | None,
    threads: int,
    progress: Progress | None,
) -> dict[str, float]:
    if (r is None) != (alpha is None):
        raise ValueError("r and alpha go together: give both, or neither to learn them")
    if r is not None and alpha is not None:
        return {"r": float(r), "alpha": float(alpha)}
    learned = _clavis.defection.Monitor.fit(
        records=history,
        baseline_until=start,
        retained=[0.0, 0.5],
        false_alarms_per_year=0.1,
        keep_events=0,
        reorder_days=0,
        r=None,
        alpha=None,
        k=1.0,  # the rules' clock is that of exponential gaps
        season=(0, []),  # and the calendar's time
        threads=threads,
        progress=progress,
    ).learned["params"]
    return {"r": learned["r"], "alpha": learned["alpha"] / 7}
