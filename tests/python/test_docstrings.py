"""The examples of the docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import clavis


def modules() -> list[str]:
    """Every module of the package whose source has an example."""
    names = [found.name for found in pkgutil.walk_packages(clavis.__path__, "clavis.") if "_clavis" not in found.name]
    return [name for name in sorted(names) if name != "clavis.__main__" and _tests(name)]


def _tests(name: str) -> list[doctest.DocTest]:
    try:
        module = importlib.import_module(name)
    except ImportError:  # the command line needs an extra
        return []
    tests = doctest.DocTestFinder().find(module)
    return [test for test in tests if any(doctest.SKIP not in example.options for example in test.examples)]


@pytest.mark.parametrize("name", modules())
def test_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_models_have_examples() -> None:
    assert {"clavis.lifetime", "clavis.discrete", "clavis.model_choice", "clavis.summary"} <= set(modules())
