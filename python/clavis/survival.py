"""How long customers stay: survival curves, hazards and tests of their difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis
from clavis._durations import Array, coded, numbers, one_column, optional_codes
from clavis.table import Table

__all__ = ["AalenJohansen", "KaplanMeier", "LogRank", "NelsonAalen", "brier_score", "concordance_index", "log_rank"]

Progress = Callable[[str, float], Any]
Values = npt.NDArray[np.float64]


def life_tables(
    durations: Any,
    events: Any,
    *,
    entry: Any = None,
    weights: Any = None,
    group: npt.NDArray[np.int32] | None = None,
    groups: int = 1,
    causes: int = 1,
    threads: int = 0,
    progress: Progress | None = None,
) -> list[_clavis.statistics.LifeTable]:
    """Counts by distinct duration, a table a group."""
    duration = one_column(durations, "durations")
    size = len(duration)
    return _clavis.statistics.life_tables(
        duration,
        None if events is None else one_column(events, "events", size),
        entry=None if entry is None else one_column(entry, "entry", size),
        weights=numbers(weights, "weights", size),
        group=group,
        groups=groups,
        causes=causes,
        threads=threads,
        progress=progress,
    )


class Curve:
    """What the estimators of one curve, or of one a group, share."""

    def __init__(self, confidence: float = 0.95) -> None:
        self.confidence = float(confidence)
        self._tables: list[_clavis.statistics.LifeTable] = []
        self._labels: list[Any] | None = None
        self._curves: list[Any] = []

    def _estimate(self, table: _clavis.statistics.LifeTable) -> Any:
        raise NotImplementedError

    def _fit(
        self, durations: Any, events: Any, entry: Any, weights: Any, groups: Any, threads: int, progress: Any
    ) -> None:
        codes, labels = None, None
        if groups is not None:
            codes, labels = coded(groups, "groups", len(np.asarray(durations)))
        self._tables = life_tables(
            durations,
            events,
            entry=entry,
            weights=weights,
            group=codes,
            groups=1 if labels is None else max(len(labels), 1),
            threads=threads,
            progress=progress,
        )
        self._labels = labels
        self._curves = [self._estimate(table) for table in self._tables]

    def _ready(self) -> list[Any]:
        if not self._curves:
            raise ValueError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self._curves

    def _table(self) -> Table:
        curves = self._ready()
        parts = [curve.columns for curve in curves]
        if self._labels is None:
            return Table(parts[0])
        sizes = [len(part["time"]) for part in parts]
        label = np.repeat(np.array(self._labels), sizes) if self._labels else np.empty(0)
        if label.dtype.kind in "US":
            label = label.astype(object)
        return Table({"group": label, **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}})

    def _each(self, ask: Callable[[Any], Any]) -> Any:
        """One answer, or one a group by its label."""
        curves = self._ready()
        if self._labels is None:
            return ask(curves[0])
        return {label: ask(curve) for label, curve in zip(self._labels, curves, strict=True)}

    def predict(self, times: npt.ArrayLike) -> Any:
        """The estimate at these times: an array of their shape (a dict of arrays by group).

        NaN after the last time seen, where nothing is known any more.
        """
        at = np.asarray(times, dtype=np.float64)
        return self._each(lambda curve: curve.predict(np.ascontiguousarray(at.ravel())).reshape(at.shape))

    def merge(self, other: Any) -> Any:
        """Add the subjects of another estimate without groups: shards give what their rows together give."""
        if type(other) is not type(self) or self._labels is not None or other._labels is not None:
            raise ValueError("two fitted estimates of one kind, both without groups, merge")
        self._ready()[0], other._ready()[0]
        self._tables[0].merge(other._tables[0])
        self._curves = [self._estimate(self._tables[0])]
        return self


class KaplanMeier(Curve):
    """The survival function of durations that are not all over (Kaplan and Meier 1958).

    Parameters
    ----------
    confidence
        Of the intervals.
    interval
        The scale on which they are symmetric: ``"log-log"`` (ln(−ln S)), ``"log"`` or ``"plain"``.

    Attributes
    ----------
    survival_function_ : Table
        By distinct duration: ``time``, ``at_risk``, ``events``, ``censored``, ``survival`` (just after the time),
        ``se`` (Greenwood's; NaN where survival is 0), ``low``, ``high``; with groups a first column ``group``.
    median_ : float
        The first time at which survival is at most ½; the middle of the stretch where it is ½. NaN where it stays
        above. With groups a dict by label, as everything below.
    median_interval_ : tuple of float
        Its interval (Brookmeyer and Crowley 1982).

    Examples
    --------
    >>> km = KaplanMeier().fit([5, 6, 6, 8, 10, 12], [1, 1, 0, 1, 0, 1])
    >>> km.median_
    8.0
    >>> km.predict([5.5, 9]).round(4)
    array([0.8333, 0.4444])
    """

    def __init__(self, confidence: float = 0.95, interval: str = "log-log") -> None:
        super().__init__(confidence)
        self.interval = interval

    def _estimate(self, table: _clavis.statistics.LifeTable) -> Any:
        return _clavis.statistics.kaplan_meier(table, self.confidence, self.interval)

    def fit(
        self,
        durations: Any,
        events: Any = None,
        *,
        entry: Any = None,
        weights: Any = None,
        groups: Any = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> KaplanMeier:
        """Count and multiply.

        Whole numbers of any type are counted without sorting, and read in the type they have.

        Parameters
        ----------
        durations
            Shape (n,), not negative: how long each was seen, in any unit. NumPy time spans become days.
        events
            Shape (n,): 1 where the event ended the duration, 0 where observation did (censored); ``None``: all 1.
        entry
            Shape (n,): where observation began later than time 0 (left truncation), when. Such a row is at risk after
            its entry alone.
        weights
            Shape (n,): how many each row stands for. The standard errors take them for counts.
        groups
            Shape (n,): labels; a curve for each.
        threads
            0: every core.
        progress
            Called with the stage and the part done; returning ``False`` stops.

        Raises
        ------
        ValueError
            Where a value cannot be used, named by column and row.
        """
        self._fit(durations, events, entry, weights, groups, threads, progress)
        return self

    @property
    def survival_function_(self) -> Table:
        """The curve as a table."""
        return self._table()

    @property
    def median_(self) -> Any:
        """The median duration."""
        return self._each(lambda curve: curve.quantile(0.5)[0])

    @property
    def median_interval_(self) -> Any:
        """Lower and upper limit of the median."""
        return self._each(lambda curve: curve.quantile(0.5)[1:])

    def quantile(self, p: float) -> Any:
        """The time by which a part ``p`` has had the event: ``(value, low, high)``; NaN where the curve ends above."""
        return self._each(lambda curve: curve.quantile(float(p)))

    def restricted_mean(self, until: float) -> Any:
        """The mean of the duration up to ``until`` (the area under the curve), as ``(mean, se, low, high)``.

        Raises
        ------
        ValueError
            Where observation ends before ``until`` with survival above 0.
        """
        return self._each(lambda curve: curve.restricted_mean(float(until), self.confidence))

    def __repr__(self) -> str:
        if not self._curves:
            return f"KaplanMeier(confidence={self.confidence:g}, interval={self.interval!r})"
        lines = []
        for label, table, curve in zip(self._labels or [None], self._tables, self._curves, strict=True):
            events = curve.columns["events"].sum()
            median, low, high = curve.quantile(0.5)
            name = "" if label is None else f"{label}: "
            lines.append(f"  {name}{table.total:g} rows, {events:g} events, median {median:g} ({low:g} to {high:g})")
        return "\n".join(["KaplanMeier", *lines])


class NelsonAalen(Curve):
    """The cumulative hazard of durations that are not all over (Nelson 1972, Aalen 1978).

    Attributes
    ----------
    cumulative_hazard_ : Table
        By distinct duration: ``time``, ``at_risk``, ``events``, ``censored``, ``cumulative_hazard``, ``se``, and
        ``low`` and ``high``, symmetric on the logarithm; with groups a first column ``group``.

    Examples
    --------
    >>> NelsonAalen().fit([5, 6, 6, 8], [1, 1, 0, 1]).predict([6, 8]).round(4)
    array([0.5833, 1.5833])
    """

    def _estimate(self, table: _clavis.statistics.LifeTable) -> Any:
        return _clavis.statistics.nelson_aalen(table, self.confidence)

    def fit(
        self,
        durations: Any,
        events: Any = None,
        *,
        entry: Any = None,
        weights: Any = None,
        groups: Any = None,
        threads: int = 0,
        progress: Progress | None = None,
    ) -> NelsonAalen:
        """Count and add; the arguments are those of :meth:`KaplanMeier.fit`."""
        self._fit(durations, events, entry, weights, groups, threads, progress)
        return self

    @property
    def cumulative_hazard_(self) -> Table:
        """The estimate as a table."""
        return self._table()


class LogRank:
    """What :func:`log_rank` returns.

    Attributes
    ----------
    statistic, degrees_of_freedom, p_value
        Chi-squared.
    groups : Table
        ``group``, ``observed``, ``expected``: events seen and those expected with one hazard for all.
    """

    def __init__(self, statistic: float, degrees_of_freedom: int, p_value: float, groups: Table) -> None:
        self.statistic = statistic
        self.degrees_of_freedom = degrees_of_freedom
        self.p_value = p_value
        self.groups = groups

    def __repr__(self) -> str:
        return (
            f"LogRank(statistic={self.statistic:.4f}, degrees_of_freedom={self.degrees_of_freedom}, "
            f"p_value={self.p_value:.4g})\n{self.groups}"
        )


def log_rank(
    durations: Any,
    events: Any,
    groups: Any,
    *,
    strata: Any = None,
    entry: Any = None,
    weights: Any = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    threads: int = 0,
) -> LogRank:
    """Test whether groups share one hazard.

    Parameters
    ----------
    durations, events, entry, weights
        As in :meth:`KaplanMeier.fit`.
    groups
        Shape (n,): labels, two or more.
    strata
        Shape (n,): labels; groups are compared within each and the differences added up.
    rho, gamma
        Weights S⁻(t)^rho (1 − S⁻(t))^gamma of the differences (Harrington and Fleming 1982): 0 and 0 is the log-rank
        test, 1 and 0 weighs early differences more, 0 and 1 late ones.

    Examples
    --------
    >>> found = log_rank([5, 6, 6, 8, 10, 12], [1, 1, 0, 1, 0, 1], list("aabbba"))
    >>> round(found.statistic, 4), found.degrees_of_freedom
    (0.8253, 1)
    """
    size = len(np.asarray(durations))
    codes, labels = coded(groups, "groups", size)
    within = len(labels)
    joint: Array = codes
    count = 1
    if strata is not None:
        stratum, distinct = coded(strata, "strata", size)
        joint, count = (stratum * np.int32(within) + codes).astype(np.int32), len(distinct)
    tables = life_tables(
        durations, events, entry=entry, weights=weights, group=joint, groups=max(within * count, 1), threads=threads
    )
    found = _clavis.statistics.log_rank(tables, within, float(rho), float(gamma))
    name = np.array(labels, dtype=object if labels and isinstance(labels[0], str) else None)
    shown = Table({"group": name, "observed": found["observed"], "expected": found["expected"]})
    return LogRank(found["statistic"], found["degrees"], found["p_value"], shown)


class AalenJohansen:
    """How many have ended in each way by each time, where one way precludes the others (Aalen and Johansen 1978).

    Attributes
    ----------
    cumulative_incidence_ : Table
        ``time``, ``at_risk``, ``cause``, ``incidence``, ``se``, ``low``, ``high``: a stretch of rows for each cause.
    survival_ : Table
        ``time``, ``survival``: the part that has not ended at all; incidences and survival add to 1.

    Examples
    --------
    >>> curves = AalenJohansen().fit([2, 3, 4, 5], ["switched", "stopped", None, "switched"])
    >>> curves.predict("switched", [2, 4.5, 5])
    array([0.25, 0.25, 0.75])
    """

    def __init__(self, confidence: float = 0.95) -> None:
        self.confidence = float(confidence)
        self._found: dict[str, Any] | None = None
        self._causes: list[Any] = []

    def fit(
        self, durations: Any, causes: Any, *, entry: Any = None, weights: Any = None, threads: int = 0
    ) -> AalenJohansen:
        """Count and multiply.

        Parameters
        ----------
        durations, entry, weights, threads
            As in :meth:`KaplanMeier.fit`.
        causes
            Shape (n,): what ended each duration, a label (text, or a number above 0); missing, empty or 0 where
            observation did.
        """
        size = len(np.asarray(durations))
        column = np.asarray(causes)
        if column.dtype.kind in "iub":
            ended = column != 0
        elif column.dtype.kind == "f":
            ended = ~np.isnan(column) & (column != 0)
        else:
            column = np.asarray(causes, dtype=object)
            ended = np.fromiter((not _absent(value) for value in column), dtype=bool, count=len(column))
        if len(column) != size:
            raise _clavis.InputError(f"causes has {len(column)} rows where the durations have {size}")
        codes = np.zeros(size, dtype=np.int32)
        chosen, self._causes = coded(column[ended], "causes", int(ended.sum()))
        codes[ended] = chosen + 1
        table = life_tables(
            durations, codes, entry=entry, weights=weights, causes=max(len(self._causes), 1), threads=threads
        )[0]
        self._found = _clavis.statistics.aalen_johansen(table, self.confidence)
        return self

    def _ready(self) -> dict[str, Any]:
        if self._found is None:
            raise ValueError("this AalenJohansen is not fitted yet: call fit first")
        return self._found

    @property
    def cumulative_incidence_(self) -> Table:
        """The incidence of each cause."""
        found = self._ready()
        parts = found["causes"][: len(self._causes)]
        count, size = len(parts), len(found["survival"])
        name = np.array(self._causes, dtype=object if any(isinstance(one, str) for one in self._causes) else None)
        columns: dict[str, Any] = {
            "time": np.tile(found["counts"]["time"], count),
            "at_risk": np.tile(found["counts"]["at_risk"], count),
            "cause": np.repeat(name, size),
        }
        for column in ("incidence", "se", "low", "high"):
            columns[column] = np.concatenate([part[column] for part in parts]) if parts else np.empty(0)
        return Table(columns)

    @property
    def survival_(self) -> Table:
        """The part not ended at all."""
        found = self._ready()
        return Table({"time": found["counts"]["time"], "survival": found["survival"]})

    def predict(self, cause: Any, times: npt.ArrayLike) -> Values:
        """The incidence of a cause at these times; NaN after the last time seen unless nobody is left."""
        found = self._ready()
        if cause not in self._causes:
            raise ValueError(f"no row ended by {cause!r}; the causes are {', '.join(map(str, self._causes))}")
        at = np.asarray(times, dtype=np.float64)
        time = found["counts"]["time"]
        steps = np.concatenate([[0.0], found["causes"][self._causes.index(cause)]["incidence"]])
        result: Values = steps[np.searchsorted(time, at, side="right")]
        beyond = (at > time[-1]) & (found["survival"][-1] > 0)
        return np.where(beyond, np.nan, result)


def _absent(value: Any) -> bool:
    if isinstance(value, str):
        return not value
    return value is None or value != value or value == 0


def concordance_index(
    durations: Any,
    events: Any,
    scores: Any,
    *,
    start: Any = None,
    strata: Any = None,
    weights: Any = None,
    censoring_weights: bool = False,
    until: float | None = None,
) -> float:
    """The part of comparable pairs in which the one that ended first has the higher score; equal scores count half.

    Parameters
    ----------
    durations, events
        As in :meth:`KaplanMeier.fit`.
    scores
        Shape (n,): higher means sooner (a hazard, a probability of leaving).
    start, strata, weights
        As in :meth:`CoxPH.fit`: pairs are those at risk together in one stratum.
    censoring_weights
        Weigh pairs by 1 / G(t)² of the censoring distribution (Uno and others 2011), so that the figure does not depend
        on who was censored when; with ``until``, events after it do not count.

    Examples
    --------
    >>> concordance_index([1, 2, 3, 4], [1, 1, 0, 1], [4, 2, 3, 1])
    0.8
    """
    stop = one_column(durations, "durations").astype(np.float64)
    size = len(stop)
    code, labels = optional_codes(strata, "strata", size)
    found = _clavis.statistics.concordance(
        stop,
        one_column(events, "events", size).astype(np.uint8),
        one_column(scores, "scores", size).astype(np.float64),
        start=numbers(start, "start", size),
        weights=numbers(weights, "weights", size),
        stratum=code,
        strata=len(labels) if labels else 1,
        censoring_weights=censoring_weights,
        until=0.0 if until is None else float(until),
    )
    return found["index"]


def brier_score(durations: Any, events: Any, survival: npt.ArrayLike, times: npt.ArrayLike) -> tuple[Values, float]:
    """The mean squared error of predicted survival, weighted for censoring (Graf and others 1999).

    Parameters
    ----------
    survival
        Shape (n, times): predicted for each row at each time.
    times
        Ascending.

    Returns
    -------
    tuple
        The score at each time (0.25 is a coin's, NaN beyond observation), and its mean over the times.

    Examples
    --------
    >>> score, integrated = brier_score([1, 2, 3], [1, 1, 1], [[0.5, 0.2], [0.6, 0.3], [0.9, 0.8]], [1.5, 2.5])
    >>> score.round(4), round(integrated, 4)
    (array([0.14  , 0.0567]), 0.0983)
    """
    duration = one_column(durations, "durations").astype(np.float64)
    predicted = np.ascontiguousarray(survival, dtype=np.float64)
    at = np.atleast_1d(np.asarray(times, dtype=np.float64))
    event = one_column(events, "events", len(duration)).astype(np.uint8)
    return _clavis.statistics.brier_score(duration, event, predicted, at)
