"""The house's rules on files: which room may include which, what public headers may contain, how files are named."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "clavis"
ROOMS_BY_LEVEL = (
    ("core",),
    ("numerics",),
    ("statistics",),
    ("ledger",),
    ("value", "lifetime", "loyalty"),
    ("defection", "economics", "simulate"),
    ("metrics",),
    ("analysis",),
)
LEVEL = {room: level for level, rooms in enumerate(ROOMS_BY_LEVEL) for room in rooms}
FOLDERS = (INCLUDE, ROOT / "src", ROOT / "tests" / "cpp")
LONGEST_HEADER = 330


def cpp_files() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in folder.rglob("*") if path.suffix in {".hpp", ".cpp"})


def public_headers() -> list[Path]:
    return sorted(path for path in INCLUDE.rglob("*.hpp") if path.name != "clavis.hpp")


def room_of(path: Path) -> str | None:
    """The room a file stands in; None for clavis.hpp, version.hpp and what serves all rooms."""
    folder = next(folder for folder in FOLDERS if folder in path.parents)
    parts = path.relative_to(folder).parts
    return parts[0] if len(parts) > 1 else None


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def upward_includes(room: str, included: list[str]) -> list[str]:
    """The rooms among these includes that `room` may not see."""
    seen = []
    for name in included:
        parts = name.removeprefix("clavis/").split("/")
        if len(parts) > 1 and parts[0] in LEVEL and parts[0] != room and LEVEL[parts[0]] >= LEVEL[room]:
            seen.append(parts[0])
    return seen


def test_every_folder_is_a_room() -> None:
    strangers = {
        folder.relative_to(ROOT).as_posix()
        for base in FOLDERS
        for folder in base.iterdir()
        if folder.is_dir() and folder.name not in LEVEL and any(folder.iterdir())
    }
    assert not strangers


def test_a_room_includes_lower_levels_only() -> None:
    problems = []
    for path in cpp_files():
        room = room_of(path)
        if room is None:
            continue
        name = path.relative_to(ROOT).as_posix()
        problems += [f"{name} includes {other}" for other in upward_includes(room, includes(path))]
        if "clavis/clavis.hpp" in includes(path):
            problems.append(f"{name} includes the umbrella")
    assert not problems


def test_the_rule_sees_upward_and_sideways_includes() -> None:
    assert upward_includes("value", ["clavis/lifetime/model.hpp", "vector"]) == ["lifetime"]
    assert upward_includes("core", ["ledger/quality.hpp"]) == ["ledger"]
    assert upward_includes("defection", ["clavis/value/rfm.hpp", "clavis/defection/monitor.hpp"]) == []


def test_cmake_knows_the_same_levels() -> None:
    text = (ROOT / "src" / "CMakeLists.txt").read_text(encoding="utf-8")
    declared = {
        match[0]: match[1].split() for match in re.findall(r"^clavis_room\((\w+)([^)]*)\)", text, flags=re.MULTILINE)
    }
    assert set(declared) == set(LEVEL)
    assert all(LEVEL[low] < LEVEL[room] for room, below in declared.items() for low in below)


def test_public_headers_are_light() -> None:
    problems = []
    for path in public_headers():
        name = path.relative_to(ROOT).as_posix()
        for included in includes(path):
            library = included.split("/")[0]
            if library in {"boost", "nlohmann", "ranges", "format", "regex", "iostream"}:
                problems.append(f"{name} includes {included}")
            if library == "Eigen" and room_of(path) != "statistics":
                problems.append(f"{name} includes {included}: Eigen appears in the headers of statistics alone")
        text = path.read_text(encoding="utf-8")
        if not text.startswith("#pragma once\n"):
            problems.append(f"{name} does not begin with #pragma once")
        if re.search(r"^\s*using namespace", text, flags=re.MULTILINE):
            problems.append(f"{name} opens a namespace to everyone who includes it")
        if (lines := text.count("\n")) > LONGEST_HEADER:
            problems.append(f"{name} has {lines} lines; about 300 are the most")
    assert not problems


def test_the_umbrella_includes_every_public_header() -> None:
    included = includes(INCLUDE / "clavis.hpp")
    expected = [path.relative_to(INCLUDE.parent).as_posix() for path in public_headers()]
    assert sorted(included) == sorted(expected)
    assert len(included) == len(set(included))
    levels = [LEVEL.get(name.split("/")[1], -1) for name in included]
    assert levels == sorted(levels), "the lowest rooms come first"


def test_files_are_named_in_snake_case() -> None:
    folders = (*FOLDERS, ROOT / "bench", ROOT / "python", ROOT / "tests" / "python")
    problems = [
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in {".hpp", ".cpp", ".py", ".pyi"} and not re.fullmatch(r"[a-z0-9_]+", path.stem)
    ]
    assert not problems


def test_python_tests_and_stubs_stand_beside_what_they_are_of() -> None:
    bindings = {path.stem for path in (ROOT / "python" / "bindings").glob("*.cpp")} - {"module"}
    stubs = {path.stem for path in (ROOT / "python" / "clavis" / "_clavis").glob("*.pyi")} - {"__init__"}
    rooms = {name for name in bindings if name in LEVEL}
    assert rooms <= stubs, "a binding has a stub of its name"
    assert stubs <= set(LEVEL)


def test_no_file_knows_where_it_was_written() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout: there is no list of the project's own files")
    home = re.compile(r"/(?:work|home|root|Users)/[\w.]")
    problems = []
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".bin", ".gz", ".parquet"}:
            text = path.read_text(encoding="utf-8", errors="ignore")
            problems += [f"{name}: {match[0]}" for match in home.finditer(text)]
    assert not problems


def test_the_umbrella_compiles_in_two_seconds(tmp_path: Path) -> None:
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")

    def seconds(header: str) -> float:
        """Processor time: other work on the machine should not count."""
        source = tmp_path / "one.cpp"
        source.write_text(f"#include <{header}>\nint main() {{}}\n", encoding="utf-8")
        options = ["-std=c++20", f"-I{INCLUDE.parent}", "-isystem", "/usr/include/eigen3", "-c", str(source)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([compiler, *options, "-o", str(tmp_path / "one.o")], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Two threads of one core, or a slow one, make it longer: then what counts is how Eigen's own header does beside it.
    taken, beside = [], []
    for _ in range(4):
        taken.append(seconds("clavis/clavis.hpp"))
        beside.append(seconds("Eigen/Core"))
        if min(taken) <= 2 or min(taken) <= 1.8 * min(beside):
            return
    raise AssertionError(f"{min(taken):.1f} s, beside {min(beside):.1f} s for Eigen/Core")
