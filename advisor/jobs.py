"""One fit to do, and what became of it: the two messages between a search and its workers."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from advisor.parameter import ParamValue


class FoldJob(BaseModel):
    """One fit to do.

    ``seconds`` is the soft deadline that the fit itself keeps; ``predictions`` the ``.npy`` file for the
    validation rows' predictions of shape (n_valid, n_outputs); ``model`` the folder for the fitted model.
    """

    model_config = ConfigDict(frozen=True)

    workspace: Path
    strategy: str
    params: dict[str, ParamValue]
    fold: int
    seed: int
    threads: int = 1
    seconds: float | None = None
    train_fraction: float = 1.0
    predictions: Path
    model: Path | None = None


class FoldResult(BaseModel):
    """What became of one job; ``error`` is empty when the predictions are there."""

    model_config = ConfigDict(frozen=True)

    fold: int
    seconds: float
    truncated: bool = False
    error: str = ""
