"""Simulated customers: a whole shop with planted truth, and purchases drawn from models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _time
from clavis.book import CustomerBook
from clavis.table import Table

__all__ = ["simulate_purchases", "simulate_shop"]

Progress = Callable[[str, float], Any]

_MODELS = {
    "BetaGeoNBD": _clavis.simulate.beta_geo_nbd,
    "ModifiedBetaGeoNBD": _clavis.simulate.modified_beta_geo_nbd,
}


def simulate_shop(
    customers: int = 1000,
    seed: int = 1,
    *,
    start: _time.Date = "2023-01-01",
    days: int = 730,
    time_zone: str = "Europe/Berlin",
    acquired_until: _time.Date | None = None,
    rate_shape: float = 1.0,
    mean_rate: float = 0.25,
    regularity_shape: float = 6.0,
    mean_regularity: float = 1.5,
    spend_shape: float = 6.0,
    spend_heterogeneity: float = 4.0,
    mean_spend: float = 35.0,
    extra_lines: float = 0.6,
    categories: Sequence[str] = ("grocery", "household", "drinks", "care", "toys", "garden"),
    stop_share: float = 0.15,
    halving_share: float = 0.15,
    growth_share: float = 0.10,
    one_time_share: float = 0.15,
    growth_ratio: float = 1.6,
    changes_from: _time.Date | None = None,
    changes_until: _time.Date | None = None,
    return_chance: float = 0.05,
    mean_return_delay: float = 10.0,
    contact_rate: float = 0.8,
    life_event_rate: float = 0.08,
    complaint_cause_share: float = 0.25,
    life_event_cause_share: float = 0.10,
    weekday_weights: Sequence[float] | None = None,
    month_weights: Sequence[float] | None = None,
    hour_weights: Sequence[float] | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> CustomerBook:
    """Simulate a shop whose customers differ, follow the seasons, return goods and, in known part, defect.

    Parameters
    ----------
    customers, seed
        How many customers, and which ones: the same arguments give the same shop on every platform and for any number
        of threads, and more customers leave the first ones as they were.
    start, days, time_zone
        First day and length of the period, and the zone of the shop's clock.
    acquired_until
        Last day of first purchases; default: 60 % of the period.
    rate_shape, mean_rate
        Purchases a week are gamma across customers; a shape of ``inf`` makes them all alike.
    regularity_shape, mean_regularity
        Gaps between purchases are gamma with a shape (1: Poisson purchases, above: more regular) that is itself gamma
        across customers; a shape of ``inf`` gives everyone the mean.
    spend_shape, spend_heterogeneity, mean_spend
        Amounts of orders are gamma-gamma: gamma with shape ``spend_shape`` around the customer's mean, which varies the
        less the larger ``spend_heterogeneity`` (above 1).
    extra_lines, categories
        Mean number of lines of an order beyond the first, and what the shop sells.
    stop_share, halving_share, growth_share, one_time_share
        Shares of customers who stop, buy half as often or more often from a day on, or never come back.
    growth_ratio
        Rate after over rate before, for growth.
    changes_from, changes_until
        First and last day on which a change may begin; default: from half to 85 % of the period.
    return_chance, mean_return_delay
        Mean chance that a line comes back, and after how many days.
    contact_rate, life_event_rate
        How many contacts and life events a customer has a year that have nothing to do with a change.
    complaint_cause_share, life_event_cause_share
        Of the stops and halvings, the shares that a complaint or a move comes shortly before.
    weekday_weights, month_weights, hour_weights
        7, 12 and 24 relative weights of business, from Monday, January and midnight; 0: closed.
    threads, progress
        As in :func:`summarize`.

    Returns
    -------
    CustomerBook
        ``book.transactions``: ``customer_id`` (int64, from 1), ``time`` (datetime64[us], UTC, whole seconds),
        ``amount`` (whole cents, negative for returns), ``order_id`` (a return carries that of its order), ``kind``
        (``sale``, ``return``), ``category``, ``quantity`` (negative for returns).

        ``book.contacts``: ``customer_id``, ``time``, ``kind`` (``inquiry``, ``complaint``, ``praise``), ``channel``,
        ``topic``. ``book.life_events``: ``customer_id``, ``time``, ``kind`` (``moving``, ``new_job`` …).

        ``book.truth``, one row per customer: ``customer_id``, ``first_day``, ``rate`` (purchases a week of average
        season before any change), ``regularity``, ``change`` (``none``, ``stop``, ``halving``, ``growth``,
        ``one_time``), ``change_day`` (the first day with the new rate, NaT without change), ``rate_ratio`` (rate after
        over rate before), ``cause`` (``none``, ``complaint``, ``life_event``, ``unknown``), ``spend_mean`` (expected
        amount of an order), ``return_chance`` (of a line), ``purchases`` (orders that came about).

    Raises
    ------
    ValueError
        If an option has no sensible value; the message names it.

    Notes
    -----
    docs/methods/simulate.md gives the laws in full.

    Examples
    --------
    >>> book = simulate_shop(customers=100, seed=7)
    >>> len(book.truth)
    100
    """
    core = _clavis.simulate.simulate_shop(
        customers=customers,
        seed=seed,
        start=_time.day_number(start, "start"),
        days=days,
        time_zone=time_zone,
        acquired_until=_time.optional_day_number(acquired_until, "acquired_until"),
        rate_shape=rate_shape,
        mean_rate=mean_rate,
        regularity_shape=regularity_shape,
        mean_regularity=mean_regularity,
        spend_shape=spend_shape,
        spend_heterogeneity=spend_heterogeneity,
        mean_spend=mean_spend,
        extra_lines=extra_lines,
        categories=list(categories),
        stop_share=stop_share,
        halving_share=halving_share,
        growth_share=growth_share,
        one_time_share=one_time_share,
        growth_ratio=growth_ratio,
        changes_from=_time.optional_day_number(changes_from, "changes_from"),
        changes_until=_time.optional_day_number(changes_until, "changes_until"),
        return_chance=return_chance,
        mean_return_delay=mean_return_delay,
        contact_rate=contact_rate,
        life_event_rate=life_event_rate,
        complaint_cause_share=complaint_cause_share,
        life_event_cause_share=life_event_cause_share,
        weekday_weights=_weights(weekday_weights, 7, "weekday_weights"),
        month_weights=_weights(month_weights, 12, "month_weights"),
        hour_weights=_weights(hour_weights, 24, "hour_weights"),
        threads=threads,
        progress=progress,
    )
    return CustomerBook(
        Table(core["transactions"]),
        contacts=Table(core["contacts"]),
        life_events=Table(core["life_events"]),
        truth=Table(core["truth"]),
    )


def _weights(weights: Sequence[float] | None, size: int, name: str) -> list[float] | None:
    if weights is None:
        return None
    if len(weights) != size:
        raise ValueError(f"{name} must be {size} weights, not {len(weights)}")
    return [float(weight) for weight in weights]


def simulate_purchases(
    model: str,
    parameters: Mapping[str, float],
    n: int,
    T: npt.ArrayLike,
    seed: int,
    *,
    unit: _time.Duration = "week",
    until: _time.Date = "2025-01-01",
    threads: int = 0,
) -> Table:
    """Draw customers from a model of repeat purchases, purchase by purchase as the model tells it.

    Parameters
    ----------
    model
        ``"BetaGeoNBD"`` or ``"ModifiedBetaGeoNBD"``.
    parameters
        By the literature's names: ``r``, ``alpha``, ``a``, ``b``; times are in ``unit``.
    n
        How many customers.
    T
        How long each is observed from the first purchase on, in ``unit``: one number for all, or ``n`` of them.
    seed
        The same seed gives the same customers, and more of them leave the first ones as they were.
    unit
        The unit of the parameters and of ``T``.
    until
        The day at whose start observation ends for everyone.
    threads
        0 means every core.

    Returns
    -------
    Table
        One row per purchase, the first included: ``customer_id`` (from 1) and ``time`` (datetime64[us]).

    Raises
    ------
    ValueError
        If the model is not known, or a parameter, ``n`` or ``T`` has no sensible value.
    """
    if model not in _MODELS:
        raise ValueError(f"model must be one of {', '.join(_MODELS)}, not {model!r}")
    if n < 0:
        raise ValueError(f"n must be at least 0, not {n}")
    ages = np.asarray(T, dtype=np.float64)
    if ages.shape not in ((), (n,)):
        raise ValueError(f"T must be one number or {n} of them, not an array of shape {ages.shape}")
    data = _MODELS[model](**parameters, T=np.broadcast_to(ages, (n,)).copy(), seed=seed, threads=threads)
    microseconds = float(_time.microseconds(unit, "unit"))
    purchases = np.diff(data["offsets"])
    age = data["age"] - np.repeat(data["T"], purchases)
    end = np.datetime64(_time.to_date(_time.day_number(until, "until")), "us")
    return Table(
        {
            "customer_id": np.repeat(np.arange(1, n + 1), purchases),
            "time": end + np.floor(age * microseconds).astype("timedelta64[us]"),
        }
    )
