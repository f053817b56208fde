"""Models from files that :meth:`save` wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from clavis import _clavis
from clavis._estimator import Estimator

__all__ = ["load"]

_LARGEST = 10 << 10


def _models(base: type[Estimator]) -> Iterator[type[Estimator]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def load(path: str | os.PathLike[str]) -> Any:
    """A model that was saved with ``save``: parameters, unit and report, to the last bit.

    The file is JSON below 10 KB and safe to read from strangers: it runs no code, and everything in it is checked.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The model, of the class that was saved. Parameters that its fit held fixed are those of its constructor.

    Raises
    ------
    ValueError
        If the file is no such document, is larger than 10 KB, or says anything this version does not know (a key, a
        model, a version).
    OSError
        If there is no such file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from clavis import BetaGeoNBD
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.json"
    >>> BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week").save(path)
    >>> load(path)
    BetaGeoNBD(r=0.243, alpha=4.414, a=0.793, b=2.426, unit="week")
    """
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _clavis.InputError(f"saved model: {path} is not UTF-8 text (byte {error.start})") from None
    core, _ = _clavis.lifetime.from_json(text)
    for model in _models(Estimator):
        if getattr(model, "_core_type", None) is type(core):
            return model.from_json(text)
    raise AssertionError(f"no class for {type(core).__name__}")
