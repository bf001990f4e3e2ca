"""What was measured on this data: the values that a probe gives and the ranking reads."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from advisor.evaluation import Score


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Measurement(_Frozen):
    """The default configuration of one strategy, cross-validated."""

    strategy: str
    score: Score
    error: float
    """``score`` as an error (see :meth:`advisor.metrics.Metric.error`): lower is better."""
    fit_seconds: float
    """Mean of one fit, on the probe's rows."""
    beats_best: float
    """Share of bootstrap resamples of the rows in which it beats the best measured one; 0 for the best itself."""


class CurvePoint(_Frozen):
    """One point of the learning curve."""

    n_train: int
    score: Score
    error: float
    better_than_all: float
    """Share of resamples in which fewer training rows did *better* than all of them."""


class Probe(_Frozen):
    """What was measured on this data."""

    n_rows: int
    """Rows looked at; fewer than the labelled ones where sampling was needed."""
    n_labelled: int
    folds: int
    metric: str
    measured: tuple[Measurement, ...]
    """Best first; never the dummy."""
    dummy: Score | None
    curve_strategy: str = ""
    curve: tuple[CurvePoint, ...] = ()
    """Fewest training rows first; the last point is all of them."""
    speed: float | None = None
    """Measured over predicted seconds of a fit on this machine; ``None`` when all fits were too short."""
    net_speed: float | None = None
    """Measured over predicted seconds of training a network on this machine; ``None`` where it was not measured."""
    jobs: int
    seconds: float
    unfinished: dict[str, str] = {}
    """Cheap strategies that were not measured, and why."""
    notes: tuple[str, ...] = ()
