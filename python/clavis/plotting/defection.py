"""Pictures of customers who leave: one customer's timeline, and the reasons of a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clavis import _clavis
from clavis.changes import ChangeReasons
from clavis.plotting._axes import ACTUAL, MARK, MODEL, MUTED, axes, finish

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_reasons"]

_STEPS = (("visits", "visits"), ("items", "items\na visit"), ("price", "price\nan item"), ("returns", "returns"))


def plot_reasons(why: ChangeReasons, customer: Any = None, *, ax: Axes | None = None) -> Axes:
    """A waterfall from what was spent before to what is spent after.

    Parameters
    ----------
    why
        What :func:`explain_change` found.
    customer
        Whose change; default: all customers of ``why`` together, whose effects add up as each one's do.
    ax
        Where to draw; default: axes of their own.

    Returns
    -------
    Axes
        With the picture.

    Raises
    ------
    ValueError
        If ``why`` does not know the customer.
    """
    rows = np.arange(len(why)) if customer is None else np.flatnonzero(why["customer_id"] == customer)
    if not len(rows):
        raise _clavis.InputError(f"explain_change was not asked about customer {customer!r}")
    canvas = axes(ax, "plot_reasons", (7.0, 4.2))
    total = {name: float(why[name][rows].sum()) for name in ("before", "after", *(step for step, _ in _STEPS))}
    level = total["before"]
    labels = ["before", *(label for _, label in _STEPS), "after"]
    canvas.bar(0, level, width=0.62, color=MUTED)
    tops, lows = [max(level, 0.0)], [min(level, 0.0)]
    for place, (name, _) in enumerate(_STEPS, start=1):
        effect = total[name]
        canvas.bar(place, effect, bottom=level, width=0.62, color=MARK if effect < 0 else MODEL)
        canvas.plot([place - 0.69, place + 0.31], [level, level], color=ACTUAL, linewidth=0.8)
        tops.append(max(level, level + effect))
        lows.append(min(level, level + effect))
        level += effect
    canvas.plot([len(_STEPS) + 0.31, len(_STEPS) + 0.69], [level, level], color=ACTUAL, linewidth=0.8)
    canvas.bar(len(_STEPS) + 1, total["after"], width=0.62, color=MUTED)
    tops.append(max(total["after"], 0.0))
    values = [total["before"], *(total[name] for name, _ in _STEPS), total["after"]]
    for place, (value, top) in enumerate(zip(values, tops, strict=True)):
        text = f"{value:,.0f}" if place in (0, len(values) - 1) else f"{value:+,.0f}"
        canvas.annotate(
            text.replace("-", "\N{MINUS SIGN}"),
            (place, top),
            (0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=9,
        )
    canvas.axhline(0, color=ACTUAL, linewidth=0.8)
    canvas.set_xticks(range(len(labels)), labels)
    low, high = min(0.0, *lows), max(tops)
    canvas.set_ylim(low - (0.05 * (high - low) if low < 0 else 0), high + 0.1 * (high - low or 1))
    who = f"customer {customer}" if customer is not None else f"{len(rows):,} customers"
    finish(canvas, f"What changed the spend of {who}", "", "net spend")
    return canvas
