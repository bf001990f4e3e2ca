"""A profile, a probe and a report made by hand, for tests of what is made from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.dataset import Modality, Task
from advisor.evaluation import Score
from advisor.evidence import Effect
from advisor.finding import Finding
from advisor.measurement import CurvePoint, Measurement, Probe
from advisor.profile import TabularProfile
from advisor.regime import find_regime
from advisor.report import Judging, Origin, StrategyReport, advise_profile
from advisor.splits import SplitPlan

NASTY = "<b>rows|&_*\u202e</b>"
"""A dataset name that HTML and Markdown would read as markup."""


def score(value: float, width: float = 0.04) -> Score:
    """A score in the middle of an interval of the given width."""
    return Score(value=value, low=value - width / 2, high=value + width / 2, level=0.95)


def profile(**changes: Any) -> TabularProfile:
    """A plain binary table of 2,227 rows, with changes."""
    fields: dict[str, Any] = {
        "name": "credit",
        "modality": Modality.TABULAR,
        "task": Task.BINARY,
        "n_rows": 2227,
        "n_labelled": 2227,
        "n_unlabelled": 0,
        "n_test": 0,
        "n_classes": 2,
        "class_counts": {"good": 1600, "bad": 627},
        "smallest_class": 627,
        "labels_per_class": 1113.5,
        "imbalance": 1600 / 627,
        "n_columns": 13,
        "n_features": 13,
        "kinds": {"numeric": 9, "categorical": 4},
        "rows_per_feature": 2227 / 13,
        "share_missing": 0.0123,
    }
    return TabularProfile(**(fields | changes))


def effect(family: str, mean: float, low: float | None = None, high: float | None = None) -> Effect:
    """An effect with an interval that is a point unless given."""
    return Effect(
        family=family,
        mean=mean,
        low=mean if low is None else low,
        high=mean if high is None else high,
        evidence=f"made_up_{family}",
    )


def finding(*effects: Effect, rule: str = "made_up", **changes: Any) -> Finding:
    """A finding with effects."""
    fields: dict[str, Any] = {"severity": "note", "message": "Said by a test."}
    return Finding(rule=rule, effects=effects, **(fields | changes))


def probe(errors: dict[str, float] | None = None, **changes: Any) -> Probe:
    """A probe that measured the given errors of ROC AUC, by default of three strategies."""
    errors = {"lightgbm": 0.158, "linear": 0.169, "forest": 0.171} if errors is None else errors
    measured = tuple(
        Measurement(
            strategy=name,
            score=score(1 - error),
            error=error,
            fit_seconds=0.5,
            beats_best=0.0 if place == 0 else 0.2,
        )
        for place, (name, error) in enumerate(sorted(errors.items(), key=lambda item: item[1]))
    )
    fields: dict[str, Any] = {
        "n_rows": 2227,
        "n_labelled": 2227,
        "folds": 6,
        "metric": "roc_auc",
        "measured": measured,
        "dummy": score(0.5, 0.02),
        "jobs": 2,
        "seconds": 12.5,
        "speed": 1.0,
    }
    return Probe(**(fields | changes))


def curve(*errors: float, better_than_all: float = 0.0) -> tuple[CurvePoint, ...]:
    """A learning curve at 100, 200, 400 ... rows."""
    return tuple(
        CurvePoint(
            n_train=100 * 2**place,
            score=score(1 - error),
            error=error,
            better_than_all=better_than_all,
        )
        for place, error in enumerate(errors)
    )


def report(
    measured: Probe | None = None,
    findings: Sequence[Finding] = (),
    metric: str = "roc_auc",
    **changes: Any,
) -> StrategyReport:
    """The report on the plain table, with changes of its profile."""
    table = profile(**changes)
    judging = Judging(metric, "a test asked for it", SplitPlan(folds=6, repeats=1, seed=0), 0)
    origin = Origin("data/credit", "ab" * 32, ("Status",), (), ("Target 'Status' as asked.",))
    return advise_profile(table, find_regime(table), findings, judging, measured, origin)
