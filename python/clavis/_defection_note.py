"""What a saved monitor says beside its state: names of columns, and what was learned in words and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["read", "write"]

#: What is kept of a monitor's ``learned`` in its bytes, and the type of each.
_LEARNED: dict[str, type | tuple[type, ...]] = {
    "params": dict,
    "standard_errors": dict,
    "log_likelihood": (int, float, type(None)),
    "converged": bool,
    "status": str,
    "notes": list,
    "warnings": list,
    "long_silence_excess": (int, float),
    "customers": int,
    "visits_after": int,
    "return_days": int,
    "customers_without_visit": int,
}
_READING = ("customer", "time", "amount", "order_id", "kind", "event_id", "known_time", "time_zone", "on_bad_rows")


def read(note: bytes) -> tuple[dict[str, Any], dict[str, Any], str, int | None]:
    """Names of columns and what was learned, as saved beside a monitor; trusts nothing."""
    damaged = ValueError("the saved state holds a note that is none of a DefectionMonitor")
    try:
        found = json.loads(note.decode())
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(found, dict) or found.keys() != {"reading", "learned", "category", "months"}:
        raise damaged
    if not isinstance(found["category"], str) or found["months"] not in (None, 1, 3, 6, 12):
        raise damaged
    reading, learned = found["reading"], found["learned"]
    if not isinstance(reading, dict) or not isinstance(learned, dict):
        raise damaged
    texts = all(isinstance(value, (str, type(None))) for value in reading.values())
    if reading.keys() != set(_READING) or not texts or learned.keys() != _LEARNED.keys():
        raise damaged
    for name, kind in _LEARNED.items():
        value = learned[name]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        wanted: Any = str if isinstance(value, list) else (int, float)
        if not isinstance(value, kind) or not all(isinstance(each, wanted) for each in inner):
            raise damaged
    return reading, learned, found["category"], found["months"]


def write(reading: Mapping[str, Any], learned: Mapping[str, Any], category: str, months: int | None) -> str:
    """The note of a monitor."""
    kept = {name: value for name, value in learned.items() if name in _LEARNED}
    return json.dumps({"reading": dict(reading), "learned": kept, "category": category, "months": months})
