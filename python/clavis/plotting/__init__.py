"""Pictures of fitted models, each with the table it draws; they need the extra ``plot`` (matplotlib).

Every ``plot_*`` draws on ``ax``, or on axes of its own where none are given, and returns them. The numbers behind each
picture come from the function named in its docstring and need no matplotlib.
"""

from __future__ import annotations

from clavis.plotting.defection import plot_reasons
from clavis.plotting.lifetime import (
    plot_alive_matrix,
    plot_calibration,
    plot_frequency,
    plot_rate_densities,
    plot_tracking,
    plot_value_distribution,
)
from clavis.plotting.lifetime_tables import (
    alive_table,
    calibration_table,
    frequency_table,
    rate_density_table,
    tracking_table,
    value_table,
)
from clavis.plotting.survival import plot_retention, plot_survival
from clavis.plotting.timeline import plot_timeline, timeline_table

__all__ = [
    "alive_table",
    "calibration_table",
    "frequency_table",
    "plot_alive_matrix",
    "plot_calibration",
    "plot_frequency",
    "plot_rate_densities",
    "plot_reasons",
    "plot_retention",
    "plot_survival",
    "plot_timeline",
    "plot_tracking",
    "plot_value_distribution",
    "rate_density_table",
    "timeline_table",
    "tracking_table",
    "value_table",
]
