"""The product of mel filters and a spectrogram, whatever the threads of BLAS."""

from threading import Lock
from typing import Any

import numpy as np


class MelFilters:
    """Filters (mels, frequencies) that multiply a spectrogram (frequencies, frames) in one thread.

    With more of them (OPENBLAS_NUM_THREADS) BLAS adds up in another order, and the last bits of
    the features do decide on words. Their number is the process's: one product is made at a time.
    """

    _turn = Lock()

    def __init__(self, filters: np.ndarray) -> None:
        from threadpoolctl import ThreadpoolController

        controller: Any = ThreadpoolController  # it has no types
        self._filters = filters
        self._blas = controller().select(user_api="blas")

    def __matmul__(self, spectrogram: np.ndarray) -> np.ndarray:
        with self._turn, self._blas.limit(limits=1):
            product: np.ndarray = self._filters @ spectrogram
        return product
