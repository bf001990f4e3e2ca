"""Pretrained tables-in-context networks: nothing is trained, the training rows are the prompt.

Fitting stores the rows, and so does saving; the network is made again from its weights when a model is loaded. Weights
are used where they are found on this machine and are never downloaded from here: the advice says what to fetch, and
under which licence.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor.dataset import Task
from advisor.deadline import Deadline
from advisor.registry import available
from advisor.representation import Features
from advisor.storage import read_arrays, write_arrays
from advisor.strategy import FitContext, Model

WEIGHTS_FOLDER = Path("~/.cache/regime-advisor/weights")
"""Where a user may put weight files that did not come through the Hugging Face hub."""

PREDICT_ROWS = 2000
"""Rows predicted at once; our choice: they share the memory of one pass with the training rows."""


def find_weights(repository: str, pattern: str) -> Path | None:
    """Look for a weight file on this machine.

    Parameters
    ----------
    repository : str
        ``owner/name`` on the Hugging Face hub, whose cache is looked through.
    pattern : str
        Name of the file; may hold ``*``, of several the last by name is taken.

    Returns
    -------
    Path or None
        The file, or ``None`` when it is not here.
    """
    found = sorted(WEIGHTS_FOLDER.expanduser().glob(pattern))
    if not found and available("huggingface_hub"):
        from huggingface_hub.constants import HF_HUB_CACHE

        folder = Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "snapshots"
        found = sorted(folder.glob(f"*/{pattern}"), key=lambda path: path.name)
    return found[-1] if found else None


class InContextModel(Model):
    """The training rows and an estimator that reads them anew for every prediction.

    Parameters
    ----------
    context : FitContext
        The task.
    make : callable
        Makes the estimator from the context and ``n_estimators``.
    n_estimators : int
        Shuffled views of the table that are averaged.
    """

    def __init__(
        self, context: FitContext, make: Callable[[FitContext, int], Any], n_estimators: int
    ) -> None:
        self.context, self.make, self.n_estimators = context, make, n_estimators
        self.rows: NDArray[np.float64] = np.zeros((0, 0))
        self.y: NDArray[Any] = np.zeros(0)
        self.estimator: Any = None

    def fit(self, X: Features, y: NDArray[np.generic], deadline: Deadline) -> Model:
        """Keep the rows and make the estimator."""
        deadline.check()
        self.rows, self.y = X.values, np.asarray(y)
        self._read()
        return self

    def _read(self) -> None:
        import torch

        torch.set_num_threads(self.context.threads)
        self.estimator = self.make(self.context, self.n_estimators).fit(self.rows, self.y)

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Show the rows and the questions to the network, some questions at a time."""
        regression = self.context.task is Task.REGRESSION
        ask = self.estimator.predict if regression else self.estimator.predict_proba
        starts = range(0, max(1, len(values)), PREDICT_ROWS)
        found = [np.asarray(ask(values[i : i + PREDICT_ROWS]), dtype=np.float64) for i in starts]
        return np.concatenate(found).reshape(len(values), -1)

    def save(self, folder: Path) -> None:
        """Write ``rows.npz``: the training rows; the weights stay where they are."""
        arrays = {"rows": self.rows, "y": self.y, "n_estimators": np.array(self.n_estimators)}
        write_arrays(folder / "rows.npz", arrays)

    @classmethod
    def load(
        cls, folder: Path, context: FitContext, make: Callable[[FitContext, int], Any]
    ) -> InContextModel:
        """Read ``rows.npz`` and show the rows to the network again.

        Parameters
        ----------
        folder : Path
            The folder.
        context : FitContext
            As it was fitted with.
        make : callable
            As it was fitted with.

        Returns
        -------
        InContextModel
            Predicts as the one saved, given the same weights.
        """
        arrays = read_arrays(folder / "rows.npz")
        model = cls(context, make, int(arrays["n_estimators"]))
        model.rows, model.y = arrays["rows"], arrays["y"]
        model._read()
        return model
