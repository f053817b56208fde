"""The documents tell the truth: the README's Python example runs, and every link leads somewhere."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )


def lines_of_code(block: str) -> int:
    return sum(1 for line in block.splitlines() if line.strip() and not line.strip().startswith(("#include", "//")))


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("python")
    assert lines_of_code(example) <= 15
    names: dict[str, Any] = {"__name__": "readme"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(example, str(README), "exec"), names)
    assert printed.getvalue().strip()
    # What the example computes makes sense: only spend that is not positive has no value.
    summary, value = names["s"], names["worth"]["value"]
    assert len(value) == len(summary) == 1500
    without = (summary.frequency > 0) & (summary.monetary_value <= 0)
    assert without.mean() < 0.01
    assert (np.isnan(value) == without).all()
    assert (value[~without] >= 0).all()
    assert len(names["alerts"]) > 10
    assert names["purchases"].report_.converged


def test_there_is_one_cpp_example_of_fifteen_lines() -> None:
    (example,) = blocks("cpp")  # compiled and run by tests/install/run
    assert lines_of_code(example) <= 15


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert not broken
