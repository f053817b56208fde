"""The package's own promises: one version number, the extras, and a sentence for every missing dependency."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import clavis as cv

ROOT = Path(__file__).resolve().parents[2]


def extras() -> dict[str, set[str]]:
    """The optional dependencies of pyproject.toml by name alone, self-references expanded."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[project.optional-dependencies]")[1].split("\n[")[0]
    listed = {
        name: re.findall(r'"([\w-]+(?:\[[\w,]+\])?)', values)
        for name, values in re.findall(r"^(\w+) = \[(.*?)\]$", section, flags=re.MULTILINE | re.DOTALL)
    }

    def expand(name: str) -> set[str]:
        found: set[str] = set()
        for requirement in listed[name]:
            if inner := re.fullmatch(r"clavis\[([\w,]+)\]", requirement):
                found = found.union(*(expand(part) for part in inner[1].split(",")))
            else:
                found.add(requirement)
        return found

    return {name: expand(name) for name in listed}


def test_the_version_is_one() -> None:
    header = (ROOT / "include" / "clavis" / "version.hpp").read_text(encoding="utf-8")
    number = {
        part: re.search(rf"#define CLAVIS_VERSION{part} \"?([\d.]+)", header)
        for part in ("", "_MAJOR", "_MINOR", "_PATCH")
    }
    assert all(number.values())
    text, major, minor, patch = (match[1] for match in number.values() if match)
    assert text == f"{major}.{minor}.{patch}"
    assert cv.__version__ == text
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    latest = re.search(r"^## \[?([\d.]+|Unreleased)", changes, flags=re.MULTILINE)
    assert latest is not None
    assert latest[1] in {"Unreleased", text}


def test_the_extras_are_those_promised() -> None:
    found = extras()
    assert found["io"] == {"duckdb", "pyarrow"}
    assert found["plot"] == {"matplotlib"}
    assert found["report"] == {"altair", "vl-convert-python", "jinja2"}
    assert found["sklearn"] == {"scikit-learn"}
    assert found["cli"] == {"typer", "rich"} | found["io"] | found["report"]
    assert found["postgresql"] == {"adbc-driver-postgresql"} | found["io"]
    assert found["all"] == found["cli"] | found["plot"] | found["sklearn"] | found["postgresql"]


def test_numpy_is_the_only_requirement() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    required = re.search(r"^dependencies = \[(.*?)\]", text, flags=re.MULTILINE | re.DOTALL)
    assert required is not None
    assert re.findall(r'"([\w-]+)', required[1]) == ["numpy"]


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("Eigen3", "libeigen3-dev"),
        ("Boost", "libboost-dev"),
        ("nlohmann_json", "nlohmann-json3-dev"),
        ("GTest", "libgtest-dev"),
    ],
)
def test_a_missing_dependency_is_named_with_its_package(module: str, package: str, tmp_path: Path) -> None:
    if shutil.which("cmake") is None or shutil.which("ninja") is None:
        pytest.skip("cmake and ninja are not both installed")
    command = [
        "cmake",
        "-S",
        str(ROOT),
        "-B",
        str(tmp_path),
        "-G",
        "Ninja",
        f"-DCMAKE_DISABLE_FIND_PACKAGE_{module}=ON",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert f"apt-get install {package}" in " ".join(result.stderr.split())


def test_the_daily_commands_are_listed() -> None:
    result = subprocess.run(["bash", str(ROOT / "dev")], capture_output=True, text=True, check=True)
    listed = re.findall(r"^    \./dev (\w+)  +\S", result.stdout, flags=re.MULTILINE)
    assert listed == ["demo", "test", "build", "bench", "lint", "docs", "asan", "tsan", "fuzz", "verify", "clean"]


def test_an_unknown_command_is_refused() -> None:
    result = subprocess.run(["bash", str(ROOT / "dev"), "tset"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no such command: tset" in result.stderr
