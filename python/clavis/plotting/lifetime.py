"""Pictures of models of purchases: how they fit, what they foretold, whom they hold for alive, who is worth what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clavis import _time
from clavis._estimator import Horizon, PurchaseModel
from clavis.plotting._axes import ACTUAL, MARK, MODEL, MUTED, axes, finish, plural
from clavis.plotting.lifetime_tables import (
    alive_table,
    calibration_table,
    frequency_table,
    in_unit_of,
    rate_density_table,
    tracking_table,
    value_table,
    values_of,
)
from clavis.summary import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_alive_matrix",
    "plot_calibration",
    "plot_frequency",
    "plot_rate_densities",
    "plot_tracking",
    "plot_value_distribution",
]


def plot_tracking(
    model: PurchaseModel,
    transactions: Any,
    *,
    kind: str = "cumulative",
    period: _time.Duration = "week",
    calibrate_until: _time.Date | None = None,
    ax: Axes | None = None,
    threads: int = 0,
    **keywords: Any,
) -> Axes:
    """Repeat purchases over time, actual and expected by the model.

    Parameters
    ----------
    kind
        ``"cumulative"``: since the beginning; ``"incremental"``: of each period.
    model, transactions, period, calibrate_until, threads, **keywords
        As in :func:`clavis.plotting.tracking_table`, which gives the numbers.
    ax
        Where to draw; default: axes of a new figure.
    """
    if kind not in ("cumulative", "incremental"):
        raise ValueError(f'kind: {kind!r} is neither "cumulative" nor "incremental"')
    ax = axes(ax, "plot_tracking")
    table = tracking_table(
        model, transactions, period=period, calibrate_until=calibrate_until, threads=threads, **keywords
    )
    suffix = "_cumulative" if kind == "cumulative" else ""
    ax.plot(table["until"], table["actual" + suffix], color=ACTUAL, linewidth=1.6, label="actual")
    ax.plot(
        table["until"],
        table["expected" + suffix],
        color=MODEL,
        linewidth=1.8,
        linestyle=(0, (5, 2)),
        label=f"expected, {type(model).__name__}",
    )
    ax.set_ylim(bottom=0)
    if calibrate_until is not None and not table["calibration"].all():
        day = _time.to_date(_time.day_number(calibrate_until, "calibrate_until"))
        ax.axvline(day, color=MARK, linewidth=1.2, label=f"fitted until {day}")  # type: ignore[arg-type]
    unit = _time.unit_text(_time.microseconds(period, "period"))
    title = "Repeat purchases since the beginning" if kind == "cumulative" else f"Repeat purchases, {unit} by {unit}"
    ax.legend(frameon=False, loc="upper left" if kind == "cumulative" else "upper right")
    ax.tick_params(axis="x", rotation=30)
    finish(ax, title, f"{unit} ending on", "repeat purchases")
    return ax


def plot_frequency(model: PurchaseModel, summary: Any, *, max_frequency: int = 7, ax: Axes | None = None) -> Axes:
    """How many customers bought again 0, 1, 2 … times, actual and expected by the model.

    Parameters
    ----------
    model, summary, max_frequency
        As in :func:`clavis.plotting.frequency_table`, which gives the numbers.
    ax
        Where to draw; default: axes of a new figure.
    """
    ax = axes(ax, "plot_frequency")
    table = frequency_table(model, summary, max_frequency=max_frequency)
    place = table["frequency"]
    ax.bar(place - 0.2, table["actual"], 0.4, color=MUTED, label="actual")
    ax.bar(place + 0.2, table["expected"], 0.4, color=MODEL, label=f"expected, {type(model).__name__}")
    _name_frequencies(ax, max_frequency)
    ax.legend(frameon=False, loc="upper right")
    finish(ax, "Customers by repeat purchases", "repeat purchases", "customers")
    return ax


def _name_frequencies(ax: Axes, last: int, customers: Any = None) -> None:
    """Ticks at whole numbers, the last of which means that many and more; not all of them where they are many."""
    step = max(1, -(-(last + 1) // 16))
    ticks = [place for place in range(0, last, step) if last - place >= step or step == 1] + [last]
    names = [*(str(place) for place in ticks[:-1]), f"{last}+"]
    if customers is not None:
        names = [f"{name}\n({customers[tick]:,.0f})" for tick, name in zip(ticks, names, strict=True)]
    ax.set_xticks(ticks, names)


def plot_calibration(model: PurchaseModel, summary: Summary, *, max_frequency: int = 7, ax: Axes | None = None) -> Axes:
    """Mean purchases in the holdout by those in the calibration period, actual and foretold.

    Parameters
    ----------
    model, summary, max_frequency
        As in :func:`clavis.plotting.calibration_table`, which gives the numbers.
    ax
        Where to draw; default: axes of a new figure.
    """
    ax = axes(ax, "plot_calibration")
    table = calibration_table(model, summary, max_frequency=max_frequency)
    place = table["frequency"]
    ax.plot(place, table["actual"], color=ACTUAL, marker="o", linewidth=1.6, label="actual")
    ax.plot(
        place,
        table["expected"],
        color=MODEL,
        marker="s",
        markersize=5,
        linewidth=1.8,
        linestyle=(0, (5, 2)),
        label=f"foretold, {type(model).__name__}",
    )
    top = float(np.nanmax([table["actual"], table["expected"]]))
    ax.set_ylim(0, 1.12 * top if top > 0 else 1)
    _name_frequencies(ax, max_frequency, table["customers"] if max_frequency <= 10 else None)
    ax.legend(frameon=False, loc="upper left")
    span = f"{summary['duration_holdout'][0]:.4g} {plural(summary.unit)}"
    finish(
        ax,
        f"What was foretold and what came: purchases in the next {span}",
        "repeat purchases in the calibration period" + (" (customers)" if max_frequency <= 10 else ""),
        "mean purchases of a customer afterwards",
    )
    return ax


def plot_alive_matrix(
    model: PurchaseModel,
    summary: Summary | None = None,
    *,
    T: Horizon | None = None,
    max_frequency: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """P(alive) of customers of one age by how often and how lately they bought.

    Parameters
    ----------
    model
        A fitted model of repeat purchases.
    summary
        Gives T (its largest) and ``max_frequency`` (99 of 100 customers) where they are not given.
    T, max_frequency
        As in :func:`clavis.plotting.alive_table`, which gives the numbers.
    ax
        Where to draw; default: axes of a new figure.
    """
    if T is None:
        if summary is None:
            raise ValueError("plot_alive_matrix: give T, the age of the customers, or a summary to take it from")
        model = in_unit_of(model, summary)
        largest = float(np.nanmax(summary["T"]))
        T = np.timedelta64(round(largest * summary._unit), "us") if model._ready().unit else largest
    if max_frequency is None:
        usual = 20.0 if summary is None else float(np.quantile(summary["frequency"], 0.99))
        max_frequency = int(min(max(usual, 10.0), 100.0))
    ax = axes(ax, "plot_alive_matrix", (7.0, 4.6))
    table = alive_table(model, T=T, max_frequency=max_frequency)
    alive = table["probability_alive"].reshape(max_frequency, -1)
    recency = table["recency"][: alive.shape[1]]
    picture = ax.pcolormesh(
        recency, np.arange(1, max_frequency + 1), alive, cmap="viridis", vmin=0, vmax=1, shading="nearest"
    )
    bar = ax.figure.colorbar(picture, ax=ax)
    bar.set_label("probability of being alive")
    bar.outline.set_visible(False)
    words = plural(_unit_words(model))
    age = float(table["T"][0])
    finish(
        ax,
        f"Who is still a customer at the age of {age:.4g} {words}, by {type(model).__name__}",
        f"age at the last purchase, {words}",
        "repeat purchases",
        grid="",
    )
    return ax


def plot_rate_densities(model: PurchaseModel, which: str = "purchases", *, ax: Axes | None = None) -> Axes:
    """How readily customers buy, or leave, as the model's parameters have it.

    Parameters
    ----------
    model, which
        As in :func:`clavis.plotting.rate_density_table`, which gives the numbers: ``"purchases"`` or ``"dropout"``.
    ax
        Where to draw; default: axes of a new figure.
    """
    ax = axes(ax, "plot_rate_densities")
    table = rate_density_table(model, which)
    value, density, mean = table["value"], table["density"], float(table["mean"][0])
    # A density without bound at an end is cut off where all but the outermost values fit.
    usual = float(np.quantile(density, 0.97))
    ends = max(float(density[0]), float(density[-1]))
    top = 1.1 * (usual if ends > 2 * usual else float(density.max()))
    ax.fill_between(value, density, color=MODEL, alpha=0.15, linewidth=0)
    ax.plot(value, density, color=MODEL, linewidth=1.8)
    title, label = _rate_words(model, which)
    gap = f", one in {1 / mean:.3g} {plural(_unit_words(model))}" if label.startswith("purchases") else ""
    ax.axvline(mean, color=MARK, linewidth=1.2, label=f"mean {mean:.3g}{gap}")
    ax.set_xlim(0, 1 if value[-1] < 1 and 1 - value[-1] < 2 * value[0] else float(value[-1]))
    ax.set_ylim(0, top)
    ax.legend(frameon=False, loc="upper right")
    finish(ax, f"{title}, by {type(model).__name__}", label, "density of customers")
    return ax


def _unit_words(model: PurchaseModel) -> str:
    unit = model._ready().unit
    return _time.unit_text(unit) if unit else "unit"


def _rate_words(model: PurchaseModel, which: str) -> tuple[str, str]:
    per = f"a {_unit_words(model)}"
    names = model.params_
    if which == "purchases":
        chance = "delta" in names
        return "How often customers buy", "chance of buying at an opportunity" if chance else f"purchases {per}"
    label = {
        "a": "chance of leaving after a purchase",
        "s": f"rate of leaving, {per}" + (", at the start" if "b" in names else ""),
        "delta": "chance of leaving at an opportunity",
        "alpha": "chance of leaving at a renewal",
    }
    return "How readily customers leave", next(words for name, words in label.items() if name in names)


def plot_value_distribution(value: Any, *, bins: int = 40, ax: Axes | None = None) -> Axes:
    """How the value ahead is spread over customers, and how much of it the best fifth holds.

    Parameters
    ----------
    value, bins
        As in :func:`clavis.plotting.value_table`, which gives the numbers.
    ax
        Where to draw; default: axes of a new figure.
    """
    ax = axes(ax, "plot_value_distribution")
    table = value_table(value, bins=bins)
    values = values_of(value)
    positive = np.sort(values[np.isfinite(values) & (values > 0)])[::-1]
    mean, median = float(positive.mean()), float(np.median(positive))
    best = -(-len(positive) // 5)
    share = float(positive[:best].sum() / positive.sum())
    threshold = float(positive[best - 1])
    # The first class has no lower end: it is drawn as wide as the others.
    low = np.r_[table["low"][1] ** 2 / table["high"][1] if len(table) > 1 else table["high"][0] / 2, table["low"][1:]]
    colours = [MODEL if middle >= threshold else MUTED for middle in np.sqrt(low * table["high"])]
    ax.bar(low, table["customers"], table["high"] - low, align="edge", color=colours, edgecolor="white", linewidth=0.4)
    ax.set_xscale("log")
    ax.axvline(median, ymax=0.87, color=ACTUAL, linewidth=1.2, linestyle=":", label=f"median {median:,.4g}")
    ax.axvline(mean, ymax=0.87, color=MARK, linewidth=1.2, label=f"mean {mean:,.4g}")
    ax.plot([], [], color=MODEL, linewidth=6, label=f"the best fifth: {100 * share:.0f} % of all value")
    ax.set_ylim(0, 1.2 * float(table["customers"].max()))
    ax.legend(frameon=False, loc="upper left", ncols=3, fontsize=9)
    outside = len(values) - len(positive)
    note = f" ({outside:,} without value or not known are not shown)" if outside else ""
    finish(ax, f"What {len(positive):,} customers are worth{note}", "value of a customer, logarithmic", "customers")
    return ax
