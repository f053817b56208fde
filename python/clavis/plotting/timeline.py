"""One customer's timeline as the monitor saw it: visits, statistic, limit, alert and the date of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clavis import _clavis, _evidence, _time
from clavis._days import local_days
from clavis.defection import DefectionMonitor
from clavis.plotting._axes import ACTUAL, MARK, MODEL, MUTED, axes, finish
from clavis.table import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_timeline", "timeline_table"]

#: WATCH begins this factor below the limit.
_WATCH = 5


class Timeline(Table):
    """What :func:`timeline_table` found: ``day``, ``statistic``, ``state``; visits and alerts as attributes.

    Attributes
    ----------
    visits : array
        The customer's visits, in the baseline too.
    alerts : Table
        The alerts, with their intervals.
    limit : float
        The statistic at which an alert is raised.
    """

    visits: Any
    alerts: Table
    limit: float


def timeline_table(
    watch: DefectionMonitor, records: Any, customer: Any, until: _time.Date | None = None, *, wallet: Any = None
) -> Timeline:
    """The statistic of one customer from day to day, as the monitor had it.

    Parameters
    ----------
    watch
        A fitted monitor. It is not changed.
    records
        All records from the baseline on: the table or book that ``watch`` was fitted to and updated with.
    customer
        An id.
    until
        The last day; default: the last day watched.
    wallet
        As in :meth:`DefectionMonitor.fit`.

    Returns
    -------
    Timeline
        ``day``, ``statistic``, ``state``: day by day, or week by week where there is evidence other than visits, whose
        models are learned anew from ``records``.

    Raises
    ------
    ValueError
        If the records have no purchase of the customer until then, or the watch has not begun by then.
    """
    reading = dict(watch._reading)
    last = _time.day_number(until if until is not None else watch.watched_until_, "until")
    begin = _time.day_number(watch.watched_from_, "watch")
    if last < begin:
        raise _clavis.InputError("the watch begins after this timeline ends")
    lines = _evidence.lines_of(records, reading, watch._category if "category" in watch.evidence else None)
    lines = lines.take(np.flatnonzero(lines["customer_id"] == customer))
    sales = lines["amount"] > 0 if "amount" in lines else np.ones(len(lines), dtype=bool)
    visits = np.unique(local_days(lines["time"], reading["time_zone"])[sales])
    visits = visits[visits <= last]
    if not len(visits):
        raise _clavis.InputError(f"there is no purchase of customer {customer!r} until then")
    twin, own = _start(watch, records, lines, customer, begin, visits[0] < begin, wallet)
    step = 1 if len(watch.evidence) == 1 else 7
    days = np.unique(np.append(np.arange(begin, last + 1, step), last))
    on, statistic, state, alerts = [], [], [], []
    for day in days.tolist():
        found = twin.update(own, as_of=np.datetime64(day, "D"), wallet=wallet)
        alerts += [found.take([row]).to_dict() for row in np.flatnonzero(found["customer_id"] == customer)]
        now = twin.states()
        place = np.flatnonzero(now["customer_id"] == customer)
        if len(place):
            on.append(day)
            statistic.append(now["statistic"][place[0]])
            state.append(now["state"][place[0]])
    result = Timeline(
        {
            "day": np.array(on, dtype="datetime64[D]"),
            "statistic": np.array(statistic),
            "state": np.array(state, dtype=object),
        }
    )
    result.visits = visits.astype("datetime64[D]")
    names = list(found.columns)
    result.alerts = Table({name: np.concatenate([one[name] for one in alerts] or [found[name][:0]]) for name in names})
    result.limit = watch.limit_
    return result


def _start(
    watch: DefectionMonitor, records: Any, lines: Table, customer: Any, begin: int, known: bool, wallet: Any
) -> tuple[DefectionMonitor, dict[str, Any]]:
    """A monitor as ``watch`` was when it began, and the customer's records under its names of columns."""
    options: dict[str, Any] = {
        "retained": watch.retained,
        "false_alarms_per_year": watch.false_alarms_per_year,
        "keep_events": max(32, watch.keep_events),
        "evidence": watch.evidence,
        "threads": watch.threads,
    }
    own = lines.to_dict()
    reading = dict(watch._reading)
    if len(watch.evidence) > 1:
        twin = DefectionMonitor(**options, r=watch.r, alpha=watch.alpha, k=watch.k, season=watch.season)
        twin.fit(records, baseline_until=watch.watched_from_, category=watch._category, wallet=wallet, **reading)
        labels = {"customer_id": reading["customer"], "time": reading["time"], "category": watch._category}
        labels |= {role: reading[role] for role in _evidence.LINES if reading[role] is not None}
        named = {label: own[role] for role, label in labels.items() if role in own}
        return twin, named
    params, season = watch.params_, watch.season_
    twin = DefectionMonitor(
        **options,
        r=params["r"],
        alpha=params["alpha"],
        k=params["k"],
        season=(season["day"][0], season["index"]) if len(season) else None,
    )
    fitted = own
    if not known:
        # A monitor begins with somebody: a stranger of the day before.
        stranger = customer + "'" if isinstance(customer, str) else int(customer) + 1
        fitted = {
            "customer_id": np.array([stranger], dtype=lines["customer_id"].dtype),
            "time": np.array([begin - 1], dtype="datetime64[D]"),
        }
    used: dict[str, Any] = {role: (role if role in own else None) for role in _evidence.LINES}
    twin.fit(fitted, baseline_until=watch.watched_from_, time_zone=reading["time_zone"], **used)
    return twin, own


def plot_timeline(
    watch: DefectionMonitor,
    records: Any,
    customer: Any,
    until: _time.Date | None = None,
    *,
    wallet: Any = None,
    ax: Axes | None = None,
) -> Axes:
    """One customer's visits, the statistic and its limit, the alert, and when the change may have been.

    The axis of the statistic is logarithmic and ends at 25 times the limit.

    Parameters
    ----------
    watch, records, customer, until, wallet
        As in :func:`clavis.plotting.timeline_table`, which has the numbers.
    ax
        Where to draw; default: axes of their own.

    Returns
    -------
    Axes
        With the picture.
    """
    table = timeline_table(watch, records, customer, until, wallet=wallet)
    canvas = axes(ax, "plot_timeline", (8.5, 4.2))
    limit, top, floor = table.limit, 25 * table.limit, 0.08
    day = table["day"]
    canvas.set_yscale("log")
    canvas.set_ylim(floor, top)
    begin: Any = np.datetime64(watch.watched_from_)
    first = max(table.visits[0], begin - np.timedelta64(365, "D"))
    end = day[-1] if len(day) else begin
    span = end - first
    canvas.set_xlim(first - span // 50, end + span // 50)
    canvas.axhspan(limit / _WATCH, limit, color=MARK, alpha=0.07, linewidth=0)
    canvas.axhline(limit, color=MARK, linewidth=1.2)
    canvas.axvline(begin, color=MUTED, linewidth=0.9, linestyle=":")
    canvas.plot(day, np.clip(table["statistic"], floor, 10 * top), color=MODEL, linewidth=1.5)
    shown = table.visits[table.visits >= first]
    canvas.vlines(shown, floor, floor * 1.9, color=ACTUAL, linewidth=0.9)
    edge: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "fontsize": 9}
    canvas.annotate("limit", (0, limit), (4, 3), color=MARK, va="bottom", **edge)
    canvas.annotate("WATCH", (0, limit / _WATCH), (4, 3), color=MARK, va="bottom", **edge)
    canvas.annotate("visits", (0, floor * 1.9), (4, 3), color=ACTUAL, va="bottom", **edge)
    canvas.annotate(
        "watch begins",
        (begin, floor * 1.9),
        (-4, 3),
        textcoords="offset points",
        color=MUTED,
        ha="right",
        va="bottom",
        fontsize=9,
    )
    if len(table.alerts):
        since = table.alerts["since"][0]
        low, high = table.alerts["since_low"][0], table.alerts["since_high"][0]
        if not np.isnat(low):
            canvas.axvspan(low, high, ymax=1, color=MODEL, alpha=0.10, linewidth=0)
        canvas.axvline(since, color=MODEL, linewidth=1.1, linestyle="--")
        left = since < first + 0.3 * span
        canvas.annotate(
            f"changed about {since}" + ("" if np.isnat(low) else f"\n95 %: {low} to {high}"),
            (since, top),
            (5 if left else -5, -3),
            textcoords="offset points",
            color=MODEL,
            ha="left" if left else "right",
            va="top",
            fontsize=9,
        )
    for row in range(len(table.alerts)):
        raised, name = table.alerts["raised"][row], str(table.alerts["state"][row])
        kind = str(table.alerts["evidence"][row])
        canvas.plot([raised], [limit], marker="o", color=MARK, markersize=6, zorder=5)
        left = raised > first + 0.7 * span
        canvas.annotate(
            f"{name} {raised}" + ("" if kind == "visits" else f" ({kind})"),
            (raised, limit),
            (-6 if left else 6, 7 + 12 * row),
            textcoords="offset points",
            color=MARK,
            ha="right" if left else "left",
            fontsize=9,
        )
    finish(canvas, f"Customer {customer}", "", "statistic: weeks of an unchanged customer", grid="")
    return canvas
