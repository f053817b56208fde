"""A simulated shop: every table, with planted truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clavis import _clavis, _time
from clavis._coded import CodedTable, Computed
from clavis.book import CustomerBook

__all__ = ["simulate_shop"]

Progress = Callable[[str, float], Any]


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
    stores: Sequence[str] = ("center", "north", "south", "online"),
    home_store_share: float = 0.85,
    discount_chance: float = 0.15,
    mean_cost_ratio: float = 0.65,
    late_share: float = 0.01,
    mean_late_delay: float = 3.0,
    return_chance: float = 0.05,
    mean_return_delay: float = 10.0,
    payment_days: float = 30.0,
    late_payment_chance: float = 0.2,
    mean_payment_delay: float = 12.0,
    stop_share: float = 0.15,
    halving_share: float = 0.15,
    growth_share: float = 0.10,
    one_time_share: float = 0.15,
    growth_ratio: float = 1.6,
    changes_from: _time.Date | None = None,
    changes_until: _time.Date | None = None,
    dropped_category_share: float = 0.3,
    complaint_hazard_ratio: float = 12.0,
    resolved_complaint_hazard_ratio: float = 2.0,
    complaint_half_life: float = 30.0,
    life_event_hazard_ratio: float = 6.0,
    life_event_half_life: float = 60.0,
    price_hazard_ratio: float = 1.5,
    price_half_life: float = 45.0,
    contact_rate: float = 0.8,
    complaint_share: float = 0.25,
    praise_share: float = 0.15,
    visit_rate: float = 2.0,
    resolved_share: float = 0.65,
    staff_spread: float = 0.15,
    mean_response_hours: float = 20.0,
    mean_resolution_days: float = 4.0,
    life_event_rate: float = 0.08,
    mean_share: float = 0.5,
    share_concentration: float = 4.0,
    switched_share: float = 0.7,
    losing_share: float = 0.4,
    losing_ratio: float = 0.7,
    wallet_panel_share: float = 0.1,
    wallet_answer_chance: float = 0.8,
    wallet_noise: float = 0.15,
    spurious_share: float = 0.08,
    attitudinal_share: float = 0.6,
    attitude_drop: float = 1.5,
    attitude_lead: float = 90.0,
    survey_interval: float = 182.0,
    survey_response_chance: float = 0.3,
    segment_weights: Sequence[float] = (0.35, 0.30, 0.20, 0.15),
    referral_share: float = 0.2,
    campaigns: int = 4,
    campaign_reach: float = 0.3,
    treated_share: float = 0.5,
    campaign_days: int = 28,
    persuadable_share: float = 0.2,
    sleeping_dog_share: float = 0.1,
    persuaded_ratio: float = 1.8,
    annoyed_ratio: float = 0.6,
    campaign_cost: float = 1.2,
    interview_share: float = 0.3,
    interview_refusal: float = 0.25,
    interview_error: float = 0.1,
    price_rise: float = 0.04,
    outage_ratio: float = 0.3,
    outage_days: int = 3,
    anniversary_ratio: float = 1.25,
    anniversary_days: int = 7,
    weekday_weights: Sequence[float] | None = None,
    month_weights: Sequence[float] | None = None,
    hour_weights: Sequence[float] | None = None,
    threads: int = 0,
    progress: Progress | None = None,
) -> CustomerBook:
    """Simulate every table of a shop whose customers differ and, in known part, defect, with the truth beside it.

    A share, chance, rate or number of 0 turns its part off and leaves the random numbers of all others as they were.

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
    extra_lines, categories, stores, home_store_share
        Mean number of lines of an order beyond the first, what the shop sells and where, and the share of orders in
        the customer's own store.
    discount_chance, mean_cost_ratio
        Chance of 10, 20 or 30 % off a line, and cost of goods over list price.
    late_share, mean_late_delay
        Share of lines that are known later than they happened, and by how many days.
    return_chance, mean_return_delay
        Mean chance that a line comes back, and after how many days.
    payment_days, late_payment_chance, mean_payment_delay
        Business customers pay on account: days to pay, chance to be late (mean over customers), days late.
    stop_share, halving_share, growth_share, one_time_share, growth_ratio
        Shares of customers by what becomes of them where no incident comes between, and rate after over rate before for
        growth.
    changes_from, changes_until
        First and last day on which a change may begin; default: from half to 85 % of the period.
    dropped_category_share
        Of the halvings, those that give up one category.
    complaint_hazard_ratio, resolved_complaint_hazard_ratio, complaint_half_life
        Hazard of a stop or halving on the day after a complaint (not resolved, resolved) over the hazard without, and
        days in which the excess halves.
    life_event_hazard_ratio, life_event_half_life, price_hazard_ratio, price_half_life
        The same after a life event, and after the price rise.
    contact_rate, complaint_share, praise_share, visit_rate
        Contacts a year, shares of complaints and praise among them, and visits a year to business customers.
    resolved_share, staff_spread, mean_response_hours, mean_resolution_days
        Share of complaints that are resolved, how far the best and the worst of the staff are from it, and how long
        answers and resolutions take.
    life_event_rate
        Life events a year.
    mean_share, share_concentration
        Share of wallet: beta across customers with this mean and sum of its parameters.
    switched_share, losing_share, losing_ratio
        Of the stops and halvings, those that go to others while the wallet stays; of the growing customers, those
        whose share of wallet falls, and by which ratio.
    wallet_panel_share, wallet_answer_chance, wallet_noise
        Share of customers asked every quarter what they spend elsewhere, chance of an answer, and standard deviation
        of the logarithm of what they report.
    spurious_share
        Share of customers with a high share of wallet and a low attitude.
    attitudinal_share, attitude_drop, attitude_lead
        Of the stops and halvings, those before which the attitude falls; by how many standard deviations; over how
        many days.
    survey_interval, survey_response_chance
        Days between invitations to a survey, and chance of an answer.
    segment_weights
        Weights of single, family, senior and business customers.
    referral_share
        Share of customers whom an earlier, satisfied customer sends.
    campaigns, campaign_reach, treated_share, campaign_days, campaign_cost
        How many campaigns, share of customers in each, share of these treated, days it works, cost a customer treated.
    persuadable_share, sleeping_dog_share, persuaded_ratio, annoyed_ratio
        Shares of customers who buy more and less when treated, and rates with the campaign over rates without.
    interview_share, interview_refusal, interview_error
        Of the stops and halvings, those asked for an interview; of those asked, who refuse; of the answers, the wrong.
    price_rise, outage_ratio, outage_days, anniversary_ratio, anniversary_days
        The company's events, in periods of 90 days and more: prices rise by this part, business is that many times what
        it would be.
    weekday_weights, month_weights, hour_weights
        7, 12 and 24 relative weights of business, from Monday, January and midnight; 0: closed.
    threads, progress
        As in :func:`summarize`.

    Returns
    -------
    CustomerBook
        Times are datetime64[us] in UTC and whole seconds, money is in currency units and whole cents, ids are int64.
        Columns of text hold few different texts and decode when they are first asked for; ``event_id``, ``known_time``,
        ``margin``, ``due_time`` and ``paid_time`` are computed then.

        ``transactions``: ``customer_id`` (from 1), ``time``, ``amount`` (negative for returns), ``event_id``,
        ``known_time``, ``order_id`` (a return carries that of its order), ``kind`` (``sale``, ``return``),
        ``category``, ``product_line``, ``store``, ``quantity`` (negative for returns), ``discount``, ``cost``,
        ``margin``, ``due_time`` and ``paid_time`` (NaT where not on account, or not paid in the period).

        ``customers``: ``customer_id``, ``segment``, ``account_id``, ``owner``, ``acquired_by``, ``acquired_time``,
        ``birth_date``, ``region``, ``income``. ``contacts``: ``customer_id``, ``time``, ``kind`` (``inquiry``,
        ``complaint``, ``praise``, ``visit``), ``direction``, ``channel``, ``staff``, ``topic``, ``sentiment``,
        ``outcome`` (``answered``, ``resolved``, ``unresolved``, ``open``), ``responded_time``, ``resolved_time``,
        ``due_time``, ``text``. ``surveys``: ``customer_id``, ``time``, ``score``, ``scale``. ``wallet``:
        ``customer_id``, ``period`` (``2023-Q1``), ``category_spend``, ``competitor_spend``. ``life_events``:
        ``customer_id``, ``time``, ``kind``. ``costs``: ``customer_id``, ``time``, ``acquisition``, ``service``,
        ``retention``. ``referrals``: ``referrer_id``, ``customer_id``, ``time``. ``campaigns``: ``customer_id``,
        ``campaign``, ``time``, ``arm``, ``offer``, ``cost``, ``response`` (1: bought while it worked).
        ``interviews``: ``customer_id``, ``interviewer``, ``status``, ``time``, ``causes``, ``label``. ``events``:
        ``time``, ``kind``, ``days``, ``effect``. ``targets``: ``class``, ``metric``, ``period``, ``value``.

        ``truth``, one row per customer: ``customer_id``, ``first_day``, ``rate`` (purchases a week of average season
        before any change), ``regularity``, ``change`` (``none``, ``stop``, ``halving``, ``growth``, ``one_time``),
        ``change_day`` (the first day with the new rate, NaT without change), ``rate_ratio`` (rate after over rate
        before), ``cause`` (``none``, ``complaint``, ``life_event``, ``price``, ``unknown``), ``cause_time``, ``label``
        (``none``, ``switched``, ``stopped``, ``other``), ``dropped_category``, ``spend_mean`` (expected amount of an
        order), ``return_chance`` (of a line), ``purchases`` (orders that came about), ``wallet`` (spent a week on all
        suppliers) and ``share`` (of it here) before any change, ``wallet_ratio`` and ``share_ratio`` (after over
        before), ``attitude`` (standard normal), ``attitude_drop`` (before ``change_day``), ``spurious`` (1: high
        share, low attitude), ``response`` (``persuadable``, ``sure_thing``, ``lost_cause``, ``sleeping_dog``),
        ``late_payment_chance``, ``invitations`` (to surveys).

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
    options: dict[str, Any] = dict(locals())
    threads, progress = options.pop("threads"), options.pop("progress")
    for name, most in (("customers", 2**63 - 1), ("seed", 2**64 - 1), ("days", 2**31 - 1)):
        if not isinstance(options[name], (int, np.integer)) or not 0 <= options[name] <= most:
            raise _clavis.InputError(f"simulate_shop: {name} must be a whole number, 0 or more, not {options[name]!r}")
    options["start"] = _time.day_number(start, "start")
    for name in ("acquired_until", "changes_from", "changes_until"):
        options[name] = _time.optional_day_number(options[name], name)
    for name in ("categories", "stores"):
        options[name] = list(options[name])
        if not all(isinstance(label, str) for label in options[name]):
            raise _clavis.InputError(f"simulate_shop: {name} must be text, not {options[name]!r}")
    for name, size in (("segment_weights", 4), ("weekday_weights", 7), ("month_weights", 12), ("hour_weights", 24)):
        options[name] = _weights(options[name], size, name)
    core = _clavis.simulate.simulate_shop(options, threads, progress)
    core["transactions"] = _transactions(core["transactions"])
    tables: dict[str, Any] = {name: CodedTable(columns) for name, columns in core.items()}
    return CustomerBook(**tables)


_TRANSACTIONS = (
    "customer_id", "time", "amount", "event_id", "known_time", "order_id", "kind", "category", "product_line", "store",
    "quantity", "discount", "cost", "margin", "due_time", "paid_time",
)  # fmt: skip


def _transactions(lines: dict[str, Any]) -> dict[str, Any]:
    """All columns: what follows from others, or differs from them in few rows, is computed when it is asked for."""
    size = len(lines["customer_id"])

    def margin() -> npt.NDArray[np.float64]:
        cents: npt.NDArray[np.float64] = np.rint(lines["amount"] * 100) - np.rint(lines["cost"] * 100)
        return cents / 100

    def replaced(values: npt.NDArray[Any], rows: str, others: str) -> npt.NDArray[Any]:
        values[lines[rows]] = lines[others]
        return values

    def never() -> npt.NDArray[np.datetime64]:
        return np.full(size, np.datetime64("NaT"), "datetime64[us]")

    computed = {
        "event_id": lambda: np.arange(1, size + 1),
        "known_time": lambda: replaced(lines["time"].copy(), "late_row", "late_known_time"),
        "margin": margin,
        "due_time": lambda: replaced(never(), "payment_row", "payment_due_time"),
        "paid_time": lambda: replaced(never(), "payment_row", "payment_paid_time"),
    }
    return {name: Computed(size, computed[name]) if name in computed else lines[name] for name in _TRANSACTIONS}


def _weights(weights: Sequence[float] | None, size: int, name: str) -> list[float] | None:
    if weights is None:
        return None
    if len(weights) != size:
        raise ValueError(f"{name} must be {size} weights, not {len(weights)}")
    return [float(weight) for weight in weights]
