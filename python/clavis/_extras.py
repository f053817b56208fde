"""Optional packages: imported when first needed, named in a sentence when missing."""

from __future__ import annotations

import importlib
from types import ModuleType

_EXTRAS = {"io", "postgresql", "plot", "report", "sklearn", "cli"}


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import ``module``, or raise an ImportError that says what needs it and how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        package = f"'clavis[{extra}]'" if extra in _EXTRAS else extra
        raise ImportError(f"{purpose} needs the package {module}: pip install {package}") from missing
