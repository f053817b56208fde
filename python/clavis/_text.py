"""An analysis in words and small tables: the same sections for the terminal and for Markdown."""

from __future__ import annotations

import html
import re
import shlex
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from clavis.analysis import Analysis
    from clavis.quality import Quality
    from clavis.table import Table

__all__ = ["Grid", "Lines", "Section", "amount", "facts", "markdown", "quality_lines", "sections"]

STATES = {
    "NEW": "no second visit yet",
    "ACTIVE": "buys as usual",
    "WATCH": "late, no alarm yet",
    "PARTIAL": "buys much less",
    "LAPSED": "most likely gone",
    "RECOVERED": "back after an alarm",
}

_TOP = 8
_SHOWN_REFUSALS = 5
_LONGEST_CELL = 28


@dataclass
class Lines:
    """A title and sentences under it."""

    title: str
    lines: list[str]


@dataclass
class Grid:
    """A title, a table (its first ``texts`` columns are text) and a remark."""

    title: str
    header: list[str]
    rows: list[list[str]] = field(default_factory=list)
    texts: int = 1
    remark: str = ""

    def is_text(self, position: int) -> bool:
        """Whether a column reads from the left."""
        return position < self.texts

    def lines(self) -> list[str]:
        """The header and the rows in columns."""
        table = [self.header, *self.rows]
        widths = [max(_width(row[position]) for row in table) for position in range(len(self.header))]
        return [
            "  ".join(self._cell(row, position, width) for position, width in enumerate(widths)).rstrip()
            for row in table
        ]

    def _cell(self, row: list[str], position: int, width: int) -> str:
        blanks = " " * (width - _width(row[position]))
        return row[position] + blanks if self.is_text(position) else blanks + row[position]


Section = Lines | Grid


def _width(text: str) -> int:
    """How many places a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def amount(value: float) -> str:
    """A sum of money, with cents only where it is small."""
    if not np.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1_000 or value == 0 else f"{value:,.2f}"


def counted(number: Any, noun: str) -> str:
    """A number of things: "1 row", "1,200 rows"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def share(part: Any, whole: Any) -> str:
    return f"{100 * part / whole:.1f} %" if whole and np.isfinite(part) else "–"


def shortened(text: str, length: int = _LONGEST_CELL) -> str:
    text = " ".join(str(text).split())
    return text if len(text) <= length else text[: length - 1] + "…"


def day(value: np.datetime64) -> str:
    return "–" if np.isnat(value) else str(value.astype("datetime64[D]"))


def sections(found: Analysis) -> Iterator[Section]:
    """What a reader wants first, in that order."""
    yield _records(found)
    if len(found.customers):
        yield _states(found)
        yield _segments(found)
        if (risk := _at_risk(found)) is not None:
            yield risk
        yield _tiers(found)
    yield from _models(found)
    # The models have said theirs already.
    said = tuple(line for fit in found.fits.values() for line in (fit["status"], *fit["warnings"]))
    if notes := [note for note in found.notes if not note.endswith(said)]:
        yield Lines("Notes", notes)


def quality_lines(quality: Quality) -> list[str]:
    """What was read, used and refused, one sentence each."""
    lines = [f"{counted(quality.rows_read, 'row')} read, {quality.rows_used:,} used, {quality.rows_refused:,} refused"]
    if quality.rows_without_customer:
        lines.append(
            f"{counted(quality.rows_without_customer, 'row')} without customer "
            f"(amount {quality.amount_without_customer:,.2f}), counted apart"
        )
    if quality.rows_late:
        lines.append(f"{counted(quality.rows_late, 'row')} after the last day that counts, left out")
    for entry in quality.refused[:_SHOWN_REFUSALS]:
        examples = ", ".join(
            f'row {row:,} "{shortened(value)}"' for row, value in zip(entry.rows[:3], entry.values[:3], strict=True)
        )
        more = ", …" if entry.count > 3 else ""
        lines.append(f'{entry.count:,} refused: "{entry.column}" {entry.reason} ({examples}{more})')
    if len(quality.refused) > _SHOWN_REFUSALS:
        lines.append(f"and {len(quality.refused) - _SHOWN_REFUSALS} more reasons")
    return [*lines, *quality.notes]


def _records(found: Analysis) -> Lines:
    lines = quality_lines(found.quality)
    customers = found.customers
    if len(customers):
        first = customers["first_time"]
        seen = first[~np.isnat(first)]
        span = f" from {day(seen.min())}" if len(seen) else ""
        lines.insert(1, f"{counted(len(customers), 'customer')}{span} to {found.as_of}")
    if "net_amount" in customers:
        net = customers["net_amount"]
        lines.insert(
            2,
            f"net amount {found.quality.amount_total:,.2f}: "
            f"{counted(np.count_nonzero(net < 0), 'customer')} negative, {np.count_nonzero(net == 0):,} at zero",
        )
    return Lines("Records", lines)


def _states(found: Analysis) -> Grid:
    customers = found.customers
    state = customers["state"]
    grid = Grid(
        f"Who is leaving, as of {found.as_of} (watched since {found.baseline_until})",
        ["state", "meaning", "customers", *_money_headers(customers)],
        texts=2,
    )
    classes = [(name, meaning, state == name) for name, meaning in STATES.items()]
    classes.append(("–", "not watched", np.array([value is None for value in state])))
    for name, meaning, chosen in classes:
        if chosen.any():
            grid.rows.append([name, meaning, f"{np.count_nonzero(chosen):,}", *_money_cells(customers, chosen)])
    if len(found.alerts):
        grid.remark = (
            f"{counted(len(found.alerts), 'alarm')} since {found.baseline_until}, one sentence each in alerts.csv"
        )
    return grid


def _money_headers(customers: Table) -> list[str]:
    names = {"net_amount": "net amount", "lifetime_value": "value ahead", "value_at_risk": "at risk"}
    return [label for column, label in names.items() if column in customers]


def _money_cells(customers: Table, chosen: Any) -> list[str]:
    columns = [column for column in ("net_amount", "lifetime_value", "value_at_risk") if column in customers]
    return [amount(_total(customers[column][chosen])) for column in columns]


def _total(values: Any) -> float:
    """The sum of what is known; NaN where nothing is."""
    known = values[~np.isnan(values)]
    return float(np.sum(known)) if len(known) else float("nan")


def _segments(found: Analysis) -> Grid:
    segments = found.segments
    grid = Grid("Who matters: segments by recency, frequency and money", ["segment", "customers", "share"])
    money = "net_amount" in segments
    order = np.argsort(-segments["net_amount"] if money else -segments["customers"], kind="stable")
    if money:
        grid.header += ["net amount", "of all", "at risk"]
    for row in order:
        cells = [
            str(segments["segment"][row]),
            f"{segments['customers'][row]:,}",
            share(segments["customer_share"][row], 1),
        ]
        if money:
            cells += [
                amount(segments["net_amount"][row]),
                share(segments["net_amount_share"][row], 1),
                amount(segments["value_at_risk"][row]) if "value_at_risk" in segments else "–",
            ]
        grid.rows.append(cells)
    return grid


def _at_risk(found: Analysis) -> Grid | None:
    customers = found.customers
    if "value_at_risk" not in customers:
        return None
    risk = customers["value_at_risk"]
    order = [row for row in np.argsort(-np.nan_to_num(risk), kind="stable")[:_TOP] if risk[row] > 0]
    if not order:
        return None
    grid = Grid(
        f"Most value at risk over {found.horizon if found.horizon[0].isdigit() else 'one ' + found.horizon}",
        ["customer", "state", "since", "bought last", "orders", "at risk"],
        texts=4,
        remark=f"in all {amount(float(np.nansum(risk)))} with {counted(np.count_nonzero(risk > 0), 'customer')}",
    )
    for row in order:
        grid.rows.append(
            [
                shortened(str(customers["customer_id"][row])),
                str(customers["state"][row]),
                day(customers["since"][row]),
                day(customers["last_time"][row]),
                f"{customers['orders'][row]:,}",
                amount(risk[row]),
            ]
        )
    return grid


def _tiers(found: Analysis) -> Grid:
    program = found.tier_program
    grid = Grid(
        f'Tiers of the programme "{shortened(program["name"], 40)}", {_window(program)}',
        ["tier", "from", "customers", "share"],
    )
    tier = found.customers["tier"]
    for level in program["tiers"]:
        count = np.count_nonzero(tier == level["name"])
        threshold = level.get("threshold", 0)
        grid.rows.append(
            [shortened(level["name"]), amount(float(threshold)), f"{count:,}", share(count, len(found.customers))]
        )
    return grid


def planted_and_found(found: Analysis, truth: Table) -> Grid:
    """What a simulation planted against the states found."""
    meaning = {
        "none": "buys on as before",
        "stop": "stopped",
        "halving": "buys half as often",
        "growth": "buys more often",
        "one_time": "bought once only",
    }
    row_of = {customer: row for row, customer in enumerate(found.customers["customer_id"].tolist())}
    rows = np.array([row_of.get(customer, -1) for customer in truth["customer_id"].tolist()])
    seen = rows >= 0
    state = found.customers["state"][rows[seen]]
    change = truth["change"][seen]
    present = [name for name in STATES if np.any(state == name)]
    grid = Grid("What was planted and what was found", ["planted", "customers", *present])
    for name, words in meaning.items():
        chosen = change == name
        if chosen.any():
            counts = [f"{np.count_nonzero(state[chosen] == label):,}" for label in present]
            grid.rows.append([words, f"{np.count_nonzero(chosen):,}", *counts])
    grid.remark = "a change needs a few missed purchases before it can be told from chance"
    return grid


def _window(program: dict[str, Any]) -> str:
    window = program["window"]
    if "rolling_days" in window:
        return f"{program['metric']} of {window['rolling_days']} days"
    return f"{program['metric']} of the calendar {window['calendar']}" if "calendar" in window else program["metric"]


def _models(found: Analysis) -> Iterator[Lines]:
    lines = []
    for name, fit in found.fits.items():
        lines.append(f"{name}: {fit['model']}, log-likelihood {fit['log_likelihood']:,.2f}")
        errors = fit["standard_errors"]
        lines.append("  " + ", ".join(_estimate(key, value, errors[key]) for key, value in fit["parameters"].items()))
        if not fit["converged"]:
            lines.append(f"  warning: {fit['status']}")
        lines += [f"  warning: {warning}" for warning in fit["warnings"]]
    if lines:
        yield Lines("What the models say (estimate ± standard error)", lines)


def _estimate(name: str, value: float, error: float) -> str:
    return f"{name} {value:.4g} ± {error:.2g}" if np.isfinite(error) else f"{name} {value:.4g} (no standard error)"


def facts(found: Analysis) -> dict[str, Any]:
    """The analysis in numbers, for machines."""
    customers = found.customers
    names, counts = np.unique([value or "not watched" for value in customers["state"]], return_counts=True)
    return {
        "as_of": str(found.as_of),
        "watched_since": str(found.baseline_until),
        "horizon": found.horizon,
        "customers": len(customers),
        "quality": {
            "rows_read": found.quality.rows_read,
            "rows_used": found.quality.rows_used,
            "rows_refused": found.quality.rows_refused,
            "rows_without_customer": found.quality.rows_without_customer,
            "amount_total": found.quality.amount_total,
        },
        "metrics": dict(zip(found.metrics["metric"].tolist(), found.metrics["value"].tolist(), strict=True)),
        "states": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "segments": dict(zip(found.segments["segment"].tolist(), found.segments["customers"].tolist(), strict=True)),
        "alerts": len(found.alerts),
        "models": found.fits,
        "notes": found.notes,
    }


def markdown(title: str, parts: Sequence[Section]) -> str:
    """The sections as a Markdown document."""
    blocks = [f"# {_escaped(title)}"]
    for part in parts:
        blocks.append(f"## {_escaped(part.title)}")
        if isinstance(part, Lines):
            blocks.append("\n".join(f"- {_escaped(line.strip())}" for line in part.lines))
            continue
        rule = ["---" if part.is_text(position) else "---:" for position in range(len(part.header))]
        rows = [part.header, rule, *part.rows]
        blocks.append("\n".join("| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows))
        if part.remark:
            blocks.append(_escaped(part.remark))
    return "\n\n".join(blocks) + "\n"


def _escaped(text: str) -> str:
    # Ids and names are the data's, not ours: they may not become markup.
    return html.escape(re.sub(r"([\\`*_\[\]|#])", r"\\\1", text), quote=False).replace("\n", " ")


def command(*words: str) -> str:
    """Words as a line for a shell."""
    return shlex.join(words)
