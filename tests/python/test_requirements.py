"""docs/requirements.md: every requirement is there, and the functions and tests it names exist."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import clavis

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "requirements.md"
EXPECTED = [f"D{n:02d}" for n in range(1, 73)] + [f"V{n}" for n in range(1, 19)]


@dataclass
class Requirement:
    id: str
    asked: str
    answer: str
    proof: str

    @property
    def functions(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.answer)

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.proof)


def requirements() -> list[Requirement]:
    rows = re.findall(r"^\| ([DV]\d+) \|(.*)\|(.*)\|(.*)\|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return [Requirement(*(cell.strip() for cell in row)) for row in rows]


def exists(name: str) -> bool:
    """Whether ``cv.a.b`` leads from the package to something, be it an attribute or a field of a class."""
    found: object = clavis
    for part in name.removeprefix("cv.").split("."):
        if hasattr(found, part):
            found = getattr(found, part)
        else:
            return part in getattr(found, "__annotations__", {})
    return True


def names_a_test(name: str) -> bool:
    file, _, test = name.partition("::")
    path = ROOT / file
    if not path.is_file() or not test:
        return False
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return re.search(rf"^def {re.escape(test)}\(", text, re.MULTILINE) is not None
    suite, _, case = test.partition(".")
    return re.search(rf"^(TEST|TEST_F|TEST_P)\({re.escape(suite)}, {re.escape(case)}\)", text, re.MULTILINE) is not None


def test_every_requirement_is_listed_once_and_in_order() -> None:
    assert [requirement.id for requirement in requirements()] == EXPECTED
    assert all(len(requirement.asked) > 20 for requirement in requirements())


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.id)
def test_answer_and_proof_exist(requirement: Requirement) -> None:
    if requirement.answer == "planned":
        assert not requirement.proof
        return
    assert requirement.functions, "an answer names at least one function"
    assert requirement.tests, "an answer names at least one test"
    assert [name for name in requirement.functions if not name.startswith("cv.") or not exists(name)] == []
    assert [name for name in requirement.tests if not names_a_test(name)] == []


def test_what_does_not_exist_is_noticed() -> None:
    assert exists("cv.read")
    assert exists("cv.Summary.quality")
    assert not exists("cv.no_such_function")
    assert not exists("cv.Summary.no_such_method")
    assert names_a_test("tests/python/test_requirements.py::test_what_does_not_exist_is_noticed")
    assert not names_a_test("tests/python/test_requirements.py::test_of_nothing")
    assert not names_a_test("tests/python/test_nothing.py::test_of_nothing")
