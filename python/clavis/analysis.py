"""Everything at once: one row per customer with value, lifetime, defection and loyalty."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clavis import _clavis, _input, _time
from clavis.loyalty import TierProgram
from clavis.quality import Quality
from clavis.summary import Summarizer
from clavis.table import Table

__all__ = ["Analysis", "analyse"]

Progress = Callable[[str, float], Any]


@dataclass(frozen=True, repr=False)
class Analysis:
    """What :func:`analyse` found.

    Attributes
    ----------
    customers
        One row per customer, sorted by ``customer_id``, with every score; docs/guide/analysis.md explains each column.
    segments
        One row per RFM segment: customers, revenue, their shares, what is ahead and what is at risk.
    alerts
        One row per alarm, each with its sentence.
    metrics
        Indicators of the whole base: name, value, and what the number means.
    fits
        For ``purchases`` and ``spend`` the fitted parameters and the report of the fit.
    notes
        What could not be computed and why, one sentence each.
    quality
        What was read, used and refused.
    """

    customers: Table
    segments: Table
    alerts: Table
    metrics: Table
    quality: Quality
    as_of: datetime.date
    baseline_until: datetime.date
    horizon: str
    tier_program: dict[str, Any]
    fits: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        watched = self.customers["state"][self.customers["state"] != None]  # noqa: E711 - elementwise
        states, counts = np.unique(watched.astype(str), return_counts=True)
        parts = ", ".join(f"{count:,} {state}" for state, count in zip(states, counts, strict=True)) or "nobody watched"
        return f"Analysis as of {self.as_of}: customers {len(self.customers):,} ({parts}), alerts {len(self.alerts):,}"


def analyse(
    book: Any,
    as_of: _time.Date | None = None,
    *,
    customer: str = "customer_id",
    time: str = "time",
    amount: str | None = "amount",
    order_id: str | None = "order_id",
    currency: str | None = "currency",
    kind: str | None = "kind",
    event_id: str | None = "event_id",
    known_time: str | None = "known_time",
    unit: _time.Duration = "week",
    time_zone: str | None = None,
    known_at: _time.Date | None = None,
    on_bad_rows: str = "raise",
    rates: Any = None,
    reporting_currency: str | None = None,
    horizon: _time.Duration = "1 year",
    annual_rate: float = 0.10,
    margin: float = 1.0,
    baseline_until: _time.Date | None = None,
    retained: tuple[float, ...] = (0.0, 0.5),
    false_alarms_per_year: float = 0.10,
    tiers: TierProgram | Mapping[str, Any] | str | None = None,
    bins: int = 5,
    threads: int = 0,
    progress: Progress | None = None,
) -> Analysis:
    """Score every customer on value, lifetime, defection and loyalty.

    Parameters
    ----------
    book
        A :class:`CustomerBook`, or any table of transactions, whose columns then are named by ``customer``, ``time``,
        ``amount``, ``order_id``, ``currency``, ``kind``, ``event_id`` and ``known_time``.
    as_of
        The last day that counts; default: the last day seen. Later rows are left out and counted, as if it were
        that day today.
    unit, time_zone, known_at, on_bad_rows, rates, reporting_currency, threads, progress
        As in :func:`summarize`.
    horizon, annual_rate, margin
        How far ahead purchases and values are counted, the effective discount rate a year, and the part of an amount
        that is kept.
    baseline_until
        The first day watched for defection; default: the middle of the records.
    retained, false_alarms_per_year
        As in :class:`DefectionMonitor`.
    tiers
        A :class:`TierProgram`, or its JSON; default: three tiers by spend over 365 days, cut where half and nine tenths
        of the buyers stand.
    bins
        Scores of the RFM axes go from 1 to ``bins``.

    Returns
    -------
    Analysis

    Raises
    ------
    ValueError
        If a value or an option cannot be used; the message names table, column, row and value.
    """
    state = Summarizer(
        customer=customer,
        time=time,
        amount=_input.optional_column(book, amount, "amount"),
        order_id=order_id,
        currency=currency,
        kind=kind,
        event_id=event_id,
        known_time=known_time,
        known_at=known_at,
        unit=unit,
        time_zone=time_zone,
        observe_until=as_of,
        skip_late=True,
        on_bad_rows=on_bad_rows,
        rates=rates,
        reporting_currency=reporting_currency,
        threads=threads,
        progress=progress,
    )
    state.update(book)
    program = tiers if tiers is None or isinstance(tiers, TierProgram) else TierProgram.from_json(tiers)
    core = _clavis.analysis.analyse(
        state._state,
        horizon=_time.microseconds(horizon, "horizon"),
        annual_rate=annual_rate,
        margin=margin,
        baseline_until=_time.optional_day_number(baseline_until, "baseline_until"),
        retained=list(retained),
        false_alarms_per_year=false_alarms_per_year,
        tiers=None if program is None else program.to_json(),
        bins=bins,
        threads=threads,
        progress=progress,
    )
    return Analysis(
        customers=Table(core["customers"]),
        segments=Table(core["segments"]),
        alerts=Table(core["alerts"]),
        metrics=Table(core["metrics"]),
        quality=Quality.from_dict(core["quality"]),
        as_of=_time.to_date(core["as_of"]),
        baseline_until=_time.to_date(core["baseline_until"]),
        horizon=_clavis.core.format_duration(_time.microseconds(horizon, "horizon")),
        tier_program=json.loads(core["tier_program"]),
        fits=core["fits"],
        notes=core["notes"],
    )
