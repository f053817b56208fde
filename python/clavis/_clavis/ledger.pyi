from typing import Any

import numpy as np
import numpy.typing as npt

from clavis._clavis.core import Columns

class Summarizer:
    def __init__(
        self,
        *,
        unit: int,
        collapse: str,
        time_zone: str,
        returns: str,
        observe_until: int | None,
        calibrate_until: int | None,
        include_first: bool,
        on_bad_rows: str,
        amount_digits: int | None,
        threads: int,
        progress: object,
    ) -> None: ...
    def update(self, batch: Columns) -> None: ...
    def merge(self, other: Summarizer) -> None: ...
    def finish(self) -> dict[str, Any]: ...
    def quality(self) -> dict[str, Any]: ...
    def history(self) -> History: ...

class History:
    def __len__(self) -> int: ...
    @property
    def customer_id(self) -> npt.NDArray[Any]: ...
    @property
    def offsets(self) -> npt.NDArray[np.int64]: ...
    @property
    def day(self) -> npt.NDArray[np.datetime64]: ...
    @property
    def orders(self) -> npt.NDArray[np.int32]: ...
    @property
    def amount_scale(self) -> int: ...
