"""What the pictures share: axes, colours that everybody can tell apart, and words for units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clavis._extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ACTUAL", "MARK", "MODEL", "MUTED", "axes", "finish", "plural"]

ACTUAL = "#444444"
MODEL = "#0072b2"
MARK = "#d55e00"
MUTED = "#9a9a9a"


def axes(ax: Axes | None, purpose: str, size: tuple[float, float] = (7.0, 4.2)) -> Axes:
    """The axes given, or those of a new figure."""
    require("matplotlib", "plot", purpose)
    if ax is not None:
        return ax
    pyplot: Any = require("matplotlib.pyplot", "plot", purpose)
    made: Axes = pyplot.subplots(figsize=size, layout="constrained")[1]
    return made


def finish(ax: Axes, title: str, x: str, y: str, *, grid: str = "y") -> None:
    """Title, labels with units, and no more ink than is needed."""
    ax.set_title(title, loc="left", fontsize=11)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if grid:
        ax.grid(axis=grid, color="#e3e3e3", linewidth=0.8)  # type: ignore[arg-type]
        ax.set_axisbelow(True)
    if grid == "y" and ax.get_ylim()[1] >= 2000:
        ax.yaxis.set_major_formatter("{x:,.0f}")


def plural(unit: str) -> str:
    """``"week"`` as ``"weeks"``; a unit of several, ``"30 days"``, as it stands in words."""
    return f"periods of {unit}" if unit[:1].isdigit() else f"{unit}s"
