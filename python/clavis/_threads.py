"""What callers say of threads, checked once for every function and method that takes them."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from clavis._clavis import InputError

__all__ = ["check_everywhere"]


def check_everywhere(namespace: dict[str, Any], names: list[str]) -> None:
    """Let all public functions and methods with a keyword ``threads`` say in a sentence what it may be.

    Parameters
    ----------
    namespace, names
        The package's, and which of it is public. A function is replaced there and in the module that defines it.
    """
    for name in names:
        found = namespace[name]
        if inspect.isclass(found):
            for one in found.__mro__:
                if one.__module__.startswith("clavis."):
                    _check_methods(one)
        elif inspect.isfunction(found) and _takes_threads(found):
            namespace[name] = checked = _checked(found)
            setattr(sys.modules[found.__module__], found.__name__, checked)


def _check_methods(owner: type) -> None:
    for name, member in list(vars(owner).items()):
        function = member.__func__ if isinstance(member, classmethod) else member
        if inspect.isfunction(function) and _takes_threads(function) and not hasattr(function, "__wrapped__"):
            checked = _checked(function)
            setattr(owner, name, classmethod(checked) if isinstance(member, classmethod) else checked)


def _takes_threads(function: Callable[..., Any]) -> bool:
    parameter = inspect.signature(function).parameters.get("threads")
    return parameter is not None and parameter.kind is inspect.Parameter.KEYWORD_ONLY


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        threads = kwargs.get("threads", 0)
        whole = isinstance(threads, (int, np.integer)) and not isinstance(threads, bool)
        if not whole or not 0 <= threads < 2**16:
            raise InputError(f"threads must be a whole number from 0 (every core) to {2**16 - 1}, not {threads!r}")
        return function(*args, **kwargs)

    return call
