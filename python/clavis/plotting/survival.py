"""Pictures of survival curves and of retention by cohort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clavis._extras import require
from clavis.plotting._axes import MODEL, axes, finish, plural
from clavis.retention import CohortTable
from clavis.survival import KaplanMeier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_retention", "plot_survival"]

#: Wong's colours, which everybody can tell apart.
_COLOURS = (MODEL, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444")


def plot_survival(
    km: KaplanMeier, *, ax: Axes | None = None, unit: str = "", at_risk: bool = True, interval: bool = True
) -> Axes:
    """Draw survival curves as steps, with their intervals and, below, how many are at risk.

    Parameters
    ----------
    km
        Fitted; with groups a curve for each.
    ax
        Where to draw; default: axes of a new figure.
    unit
        Of the durations, for the label ("days").
    at_risk, interval
        Whether to draw them.
    """
    ax = axes(ax, "plot_survival")
    table = km.survival_function_
    grouped = "group" in table
    labels: list[Any] = list(dict.fromkeys(table["group"].tolist())) if grouped else [None]
    end = float(table["time"].max(initial=0.0)) or 1.0
    ticks = [tick for tick in ax.xaxis.get_major_locator().tick_values(0, end) if 0 <= tick <= end]
    shown = []
    for row, label in enumerate(labels):
        part = table.take(table["group"] == label) if grouped else table
        colour = _COLOURS[row % len(_COLOURS)]
        time = np.concatenate([[0.0], part["time"]])
        ax.step(time, np.concatenate([[1.0], part["survival"]]), where="post", color=colour, linewidth=1.8,
                label=str(label))  # fmt: skip
        if interval:
            low, high = (np.concatenate([[1.0], part[name]]) for name in ("low", "high"))
            ax.fill_between(time, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
        place = np.searchsorted(part["time"], ticks)
        counts = np.append(part["at_risk"], 0.0)[place]
        shown.append((label, colour, [f"{count:,.0f}" for count in counts]))
    ax.set_xlim(0, end)
    ax.set_ylim(0, 1.02)
    if grouped:
        ax.legend(frameon=False, loc="best")
    what = f"Survival, with intervals of {100 * km.confidence:g} %" if interval else "Survival"
    finish(ax, what, f"Duration ({unit})" if unit else "Duration", "Part still there")
    ax.yaxis.set_major_formatter(require("matplotlib.ticker", "plot", "plot_survival").PercentFormatter(1.0))
    if at_risk:
        _draw_at_risk(ax, ticks, shown)
    return ax


def _draw_at_risk(ax: Axes, ticks: list[float], shown: list[tuple[Any, str, list[str]]]) -> None:
    """Counts under the axis, a line a curve; in points, so that no size of the figure moves them onto something."""
    ax.set_xticks(ticks)
    below, line_height, size = -40.0, 12.5, 8.5
    options: dict[str, Any] = {"textcoords": "offset points", "fontsize": size, "va": "top", "annotation_clip": False}
    ax.annotate("At risk", (0, 0), (0, below), xycoords="axes fraction", color="#444444", ha="left", **options)
    for line, (label, colour, counts) in enumerate(shown, start=1):
        height = below - line_height * line
        for tick, count in zip(ticks, counts, strict=True):
            ax.annotate(count, (tick, 0), (0, height), xycoords=ax.get_xaxis_transform(), color=colour, ha="center",
                        **options)  # fmt: skip
        if label is not None:
            # Left of the first count, which stands around the axis.
            away = -6.0 - 0.32 * size * max(len(row[0]) for _, _, row in shown)
            ax.annotate(str(label), (0, 0), (away, height), xycoords="axes fraction", color=colour, ha="right",
                        **options)  # fmt: skip


def plot_retention(table: CohortTable, *, ax: Axes | None = None, numbers: bool | None = None) -> Axes:
    """Draw the triangle of retention: a row for each cohort, a column for each age, darker where more are left.

    Parameters
    ----------
    table
        What :func:`cohorts` returned, of classic or rolling retention.
    ax
        Where to draw; default: axes of a new figure.
    numbers
        Whether to write the rates into the cells; default: where there are 20 ages or fewer.
    """
    if "age" not in table:
        raise ValueError("a bracket has one rate a cohort: the triangle is of classic or rolling retention")
    names, matrix = table.triangle()
    sizes = table["customers"][table["age"] == 0]
    # Periods at the end in which nobody began, and ages that no cohort has reached, are not drawn.
    names = names[: int(np.flatnonzero(sizes).max(initial=-1)) + 1]
    if not len(names):
        raise ValueError("there are no cohorts to draw")
    matrix = matrix[: len(names)]
    matrix = matrix[:, : int(np.flatnonzero(np.isfinite(matrix).any(axis=0)).max(initial=0)) + 1]
    height = max(2.6, min(10.0, 0.32 * len(names) + 1.4))
    ax = axes(ax, "plot_retention", (max(5.0, min(11.0, 0.62 * matrix.shape[1] + 2.6)), height))
    later = matrix[:, 1:]
    top = float(np.nanmax(later)) if np.isfinite(later).any() else 1.0
    # Age 0 is 100 % by definition: the scale is that of what comes after.
    image = ax.imshow(matrix, aspect="auto", cmap="Blues", vmin=0, vmax=max(top, 1e-9), interpolation="nearest")
    shorter = 7 if table.period in ("month", "quarter", "year") else 10
    every = max(1, len(names) // 24)
    rows = list(range(0, len(names), every))
    ax.set_yticks(rows, [f"{str(names[row])[:shorter]}  ({sizes[row]:,})" for row in rows])
    ages = list(range(0, matrix.shape[1], max(1, matrix.shape[1] // 16)))
    ax.set_xticks(ages, [str(age) for age in ages])
    if numbers is None:
        numbers = matrix.shape[1] <= 20
    for (row, age), rate in np.ndenumerate(matrix) if numbers else ():
        if np.isfinite(rate):
            dark = rate > 0.6 * top
            ax.text(age, row, f"{100 * rate:.0f}", ha="center", va="center", fontsize=8,
                    color="white" if dark else "#222222")  # fmt: skip
    figure = ax.figure
    bar = figure.colorbar(image, ax=ax, fraction=0.04, pad=0.02)
    bar.ax.yaxis.set_major_formatter(require("matplotlib.ticker", "plot", "plot_retention").PercentFormatter(1.0, 0))
    bar.outline.set_visible(False)
    kind = {"customers": f"{table.retention.kind.capitalize()} retention of customers"}.get(
        table.retention.measure, table.retention.measure.replace("_", " ").capitalize() + " over the first period's"
    )
    finish(ax, f"{kind}, %", f"Age ({plural(table.period)})", "Cohort (customers)", grid="")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)
    return ax
