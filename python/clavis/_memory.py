"""What the core keeps of its memory between calls."""

from __future__ import annotations

from clavis import _clavis

__all__ = ["keep_memory"]


def keep_memory(most: float) -> None:
    """Keep at most this many bytes of large columns that are no longer needed for the next ones.

    Pages that a system hands out anew must be cleared first, which takes a good part of the time of a summary of
    many rows; so the memory of columns is used again. Nothing is kept beyond what was in use at once before, and on
    Linux the system takes kept pages whenever it needs them; until then they count as memory of the process. The
    default is an eighth of the machine's memory.

    Parameters
    ----------
    most
        Bytes; 0 gives everything back and keeps nothing.

    Raises
    ------
    ValueError
        If it is negative.

    Examples
    --------
    >>> keep_memory(1e9)
    """
    if not most >= 0:
        raise ValueError(f"keep_memory takes a number of bytes, not {most}")
    _clavis.core.keep_memory(int(most))
