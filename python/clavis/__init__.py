"""clavis: who matters, what they are worth ahead, who is leaving and how loyal they are, from the records at hand."""

from __future__ import annotations

from clavis._clavis import Cancelled, InputError, __version__
from clavis.quality import Quality, Refusal
from clavis.simulate import simulate_shop
from clavis.sources import read, read_batches
from clavis.summary import Summarizer, Summary, summarize
from clavis.table import Table

__all__ = [
    "Cancelled",
    "InputError",
    "Quality",
    "Refusal",
    "Summarizer",
    "Summary",
    "Table",
    "__version__",
    "read",
    "read_batches",
    "simulate_shop",
    "summarize",
]
