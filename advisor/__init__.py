"""Point it at a folder of data with few labels; it says how to train on it, why, and then trains.

    files -> Dataset -> DatasetProfile -> Regime -> StrategyReport -> SearchSpace -> Trials -> FittedPipeline

The map of the house. The spine, in the order the data travels; each module may import only those above it:

=============  ===========================================================================
cache          what was computed from a file's content, kept for next time
media          folders of files of any kind: which are labelled with what
images         how pictures are decoded, what they look like, which repeat others
texts, sounds  the same for what is read and what is heard, and how it is varied
backbone       pretrained networks by name; embedding: items to their frozen features
tables         how tables are read: cells, columns and their kinds, targets; files as rows
dataset        what was read: labelled rows, the unlabelled pool, the test split
profile        what it is: counts and shapes
regime         where it stands: exactly one regime per dataset
rule, finding  what to mind: imbalance, leakage, groups, ... with its effect on the error
metrics        scores of many weightings of the rows at once
splits         the folds that everything is judged on; left_out: linear fits without a row, or its group
evaluation     scores with intervals, corrected for having been selected by
space          search spaces as data (``search_spaces/MODALITY/*.toml``)
strategy       the card and the contract of a recipe
workspace      data and folds as worker processes read them; rows_kept: the rows
executor       where fits run; trials: one configuration on all folds
probe          cheap strategies measured on this data
ranking        measurements and published effects in one ranking
pretraining    a backbone trained further on the unlabelled pool
suggestion     which unlabelled items are most worth a label; labelling: the file to fill in
report         the ranked plan
downsampling   of many rows, those that the time limit allows to learn from
search         the race for the budget; selection, ensemble and calibration after it
deployment     the chosen models in one folder; pipeline: what predicts, and how it is saved
=============  ===========================================================================

The face: ``api`` (:func:`advise`, :func:`autofit`), ``cli`` (the commands), ``render`` (terminal, Markdown, HTML).
The ribs, found by folder, one file per part: ``readers``, ``profilers``, ``regimes``, ``rules``,
``representations``, ``strategies``, ``nets``, ``backbones``, ``evidence_tables``.

Importing this package loads none of it: every public name is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advisor.api import advise, autofit, suggest_labels
    from advisor.dataset import Dataset, Modality, Task, read_dataset
    from advisor.errors import AdvisorError
    from advisor.evaluation import Score
    from advisor.finding import Finding
    from advisor.pipeline import FittedPipeline, load_pipeline
    from advisor.pretraining import Pretrained, pretrain
    from advisor.profile import (
        AudioProfile,
        DatasetProfile,
        ImageProfile,
        TabularProfile,
        TextProfile,
        profile_dataset,
    )
    from advisor.regime import Regime, find_regime
    from advisor.report import Recommendation, StrategyReport
    from advisor.run import Result, TrainedRun
    from advisor.space import SearchSpace
    from advisor.suggestion import Suggestion

# ONNX Runtime, which lightning imports unasked, else writes an id of the machine and a telemetry store into the home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.6.1"

_HOME = {
    "AdvisorError": "errors",
    "AudioProfile": "profile",
    "Dataset": "dataset",
    "DatasetProfile": "profile",
    "Finding": "finding",
    "FittedPipeline": "pipeline",
    "ImageProfile": "profile",
    "Modality": "dataset",
    "Pretrained": "pretraining",
    "Recommendation": "report",
    "Regime": "regime",
    "Result": "run",
    "Score": "evaluation",
    "SearchSpace": "space",
    "StrategyReport": "report",
    "Suggestion": "suggestion",
    "TabularProfile": "profile",
    "Task": "dataset",
    "TextProfile": "profile",
    "TrainedRun": "run",
    "advise": "api",
    "autofit": "api",
    "find_regime": "regime",
    "load_pipeline": "pipeline",
    "pretrain": "pretraining",
    "profile_dataset": "profile",
    "read_dataset": "dataset",
    "suggest_labels": "api",
}
"""Public name -> the module it lives in."""

__all__ = [
    "AdvisorError",
    "AudioProfile",
    "Dataset",
    "DatasetProfile",
    "Finding",
    "FittedPipeline",
    "ImageProfile",
    "Modality",
    "Pretrained",
    "Recommendation",
    "Regime",
    "Result",
    "Score",
    "SearchSpace",
    "StrategyReport",
    "Suggestion",
    "TabularProfile",
    "Task",
    "TextProfile",
    "TrainedRun",
    "__version__",
    "advise",
    "autofit",
    "find_regime",
    "load_pipeline",
    "pretrain",
    "profile_dataset",
    "read_dataset",
    "suggest_labels",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _HOME:
        raise AttributeError(f"module 'advisor' has no attribute '{name}'")
    return getattr(importlib.import_module(f"advisor.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
