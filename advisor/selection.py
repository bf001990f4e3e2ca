"""Trials → what is deployed, and the score one can believe of it.

The final predictor is chosen on the same out-of-fold predictions that score it, so its own score is optimistic.
The headline is therefore bias-corrected: the whole choice (members, weights, decision, calibration) is made again
on every bootstrap sample and scored on the rows outside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from advisor.belief import Beliefs
from advisor.calibration import Calibrator, fit_calibrator, temper
from advisor.decision import Decision, fit_decision
from advisor.ensemble import Blend, select_blend
from advisor.evaluation import (
    Score,
    bias_corrected_score,
    bootstrap_counts,
    permutation_p,
)
from advisor.gate import Gate
from advisor.metrics import Metric, get_metric
from advisor.sampling import weighed_rows
from advisor.trials import Trial, TrialStore, contenders
from advisor.workspace import Problem, Workspace

ENSEMBLE_MIN_ROWS = 60
"""Fewer rows than this cannot weigh several members; the best configuration is used alone (our choice)."""

BOOTSTRAPS, LEAST_BOOTSTRAPS, BOOTSTRAP_ROWS = 200, 50, 400_000
"""Bootstrap samples of the bias correction: the first number, fewer where their rows would add up to more than the
last, but never fewer than the second (Tsamardinos et al. 2018 use 500 and more; 200 give the 95 % bounds to about a
tenth of the interval's width, and the more rows the narrower that is)."""

MAX_ROWS = 10_000
"""Rows that the choice and its score are computed on; above, a part of them (our choice: the interval is then
a few tenths of a point wide)."""

SLOW_BOOTSTRAP_ROWS = {"average_precision": 100_000}
"""The same for metrics that take several times as long (measured: 30 s against 8 s for 100 samples of 20,000 rows)."""

NO_CALIBRATION = Calibrator(kind="none")

NOTHING_BELIEVED = Beliefs()
"""All trials are equal before they are judged."""

PROPER = frozenset({"log_loss", "brier"})
"""Metrics that calibration changes; for all others it need not be repeated in every bootstrap sample."""

TINY_CLASS = 10
"""Labels in the smallest class below which a permutation check is made (our choice)."""

PERMUTATION_ALPHA = 0.05
"""A score that shuffled labels reach more often than this is said to be no evidence of learning."""


@dataclass(frozen=True)
class Selection:
    """What is deployed.

    Attributes
    ----------
    members : tuple of Trial
        With weight above zero, heaviest first.
    weights : tuple of float
        One per member, summing to one.
    calibrators : tuple of Calibrator
        One per member: from its own probabilities to those that are blended.
    decision : Decision
        From probabilities to the predicted class.
    calibrator : Calibrator
        From blended to reported probabilities.
    score : Score
        Bias-corrected, in the user's metric.
    naive : float
        The same choice scored on the rows that chose it.
    notes : tuple of str
        What the user should know of this score.
    """

    members: tuple[Trial, ...]
    weights: tuple[float, ...]
    calibrators: tuple[Calibrator, ...]
    decision: Decision
    calibrator: Calibrator
    score: Score
    naive: float
    notes: tuple[str, ...]


def select(
    workspace: Workspace,
    store: TrialStore,
    single: bool = False,
    beliefs: Beliefs = NOTHING_BELIEVED,
) -> Selection:
    """Choose the final predictor and score the choice.

    Parameters
    ----------
    workspace : Workspace
        Targets and blocks.
    store : TrialStore
        Holds at least one complete trial.
    single : bool
        The best configuration only, no ensemble.
    beliefs : Beliefs
        What is known of strategies before they were tried (see :class:`advisor.gate.Gate`).

    Returns
    -------
    Selection

    References
    ----------
    .. [1] Caruana et al., Ensemble Selection from Libraries of Models, ICML 2004.
    .. [2] Tsamardinos et al., Bootstrapping the out-of-sample predictions, Machine Learning 107, 2018.
    """
    problem = workspace.problem
    metric = get_metric(problem.metric, problem.task)
    rows, everything, notes = _rows(workspace, metric)
    y = workspace.y[rows]
    blocks = None if workspace.blocks is None else workspace.blocks[rows]
    counts = bootstrap_counts(y, blocks, bootstraps(len(y), metric), problem.seed)
    weighed = counts if (everything == 1).all() else counts * everything
    criterion = get_metric(metric.criterion, problem.task)
    answers = _answers(contenders(store), store, rows, y, metric, everything)
    trials = _best_first(answers, y, criterion, everything)
    said_of = {number: own.values for number, own in answers.items()}
    gate = Gate(said_of, y, criterion, np.vstack([everything, weighed]), beliefs)
    trials, said = gate.passed(trials)
    notes += said
    stack = np.stack([answers[trial.number].values for trial in trials])
    units = len(y) if blocks is None else len(np.unique(blocks))
    alone = single or units < ENSEMBLE_MIN_ROWS
    factors = gate.factors(trials)
    choose = _chooser(stack, y, metric, problem, factors if alone else None)

    def chosen_on(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        blend, calibrator = choose(weights), NO_CALIBRATION
        if metric.name in PROPER:
            # Rows for these were drawn alike, so weights are counts of a bootstrap sample.
            drawn = np.repeat(np.arange(len(y)), weights.astype(np.int64))
            calibrator = _calibrate(blend, stack[:, drawn], y[drawn], problem)
        return _judged(blend, calibrator, stack, metric)

    # Small matrices: with several BLAS threads they would mostly wait for each other.
    with threadpool_limits(1):
        score = bias_corrected_score(y, metric, chosen_on, counts, row_weights=everything)
        blend = choose(everything)
        calibrator = _calibrate(blend, stack, y, problem, everything)
    final = _judged(blend, calibrator, stack, metric)
    kept = sorted(
        ((w, t) for w, t in zip(blend.weights, trials, strict=True) if w > 0),
        key=lambda pair: (-pair[0], pair[1].number),
    )
    notes += _permutation_note(final, y, metric, workspace)
    return Selection(
        members=tuple(trial for _, trial in kept),
        weights=tuple(float(weight) for weight, _ in kept),
        calibrators=tuple(answers[trial.number].calibrator for _, trial in kept),
        decision=blend.decision,
        calibrator=calibrator,
        score=score,
        naive=float(metric.score(y, final, everything[None])[0]),
        notes=notes,
    )


@dataclass(frozen=True)
class _Answers:
    """What a trial said of the rows that are chosen by: as sure as the folds allow, where labels are asked for."""

    trial: Trial
    values: NDArray[np.float64]
    calibrator: Calibrator


def _answers(
    trials: Sequence[Trial],
    store: TrialStore,
    rows: NDArray[np.int64],
    y: NDArray[np.generic],
    metric: Metric,
    weights: NDArray[np.float64],
) -> dict[int, _Answers]:
    """Read the trials' predictions; of single labels, where sureness does not count, each with its own temperature."""
    found = {}
    for trial in trials:
        values = store.predictions(trial.number)[rows]
        tempered = metric.needs == "labels" and y.ndim == 1
        calibrator = temper(values, y, weights) if tempered else NO_CALIBRATION
        found[trial.number] = _Answers(trial, calibrator.apply(values), calibrator)
    return found


def _best_first(
    answers: Mapping[int, _Answers],
    y: NDArray[np.generic],
    criterion: Metric,
    weights: NDArray[np.float64],
) -> list[Trial]:
    """Order trials by the criterion of their answers; they come so where these are as they were predicted."""
    if all(own.calibrator == NO_CALIBRATION for own in answers.values()):
        return [own.trial for own in answers.values()]

    def loss(own: _Answers) -> tuple[bool, float, int]:
        error = criterion.error(float(criterion.score(y, own.values, weights[None])[0]))
        return bool(np.isnan(error)), error, own.trial.number

    return [own.trial for own in sorted(answers.values(), key=loss)]


def _rows(
    workspace: Workspace, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[str, ...]]:
    """The rows that the choice is made on and scored by, how much each counts, and what to say of it."""
    y, seed = workspace.y, workspace.problem.seed
    if len(y) <= MAX_ROWS:
        return np.arange(len(y)), np.ones(len(y)), ()
    if metric.name in PROPER:  # means over rows, which calibrators are fitted for again and again
        rows = np.sort(np.random.default_rng(seed).choice(len(y), MAX_ROWS, replace=False))
        weights = np.ones(MAX_ROWS, dtype=np.int64)
    else:
        rows, weights = weighed_rows(y, MAX_ROWS, seed)
    rare = "" if (weights == 1).all() else ", which of rare classes are as many as possible"
    told = f"the ensemble and its score come from {len(rows):,} of {len(y):,} labelled rows{rare}"
    return rows, weights.astype(np.float64), (told,)


Chooser = Callable[[NDArray[np.float64]], Blend]


def bootstraps(n_rows: int, metric: Metric) -> int:
    """How many bootstrap samples the bias correction takes for this many rows."""
    rows = SLOW_BOOTSTRAP_ROWS.get(metric.criterion, BOOTSTRAP_ROWS)
    return int(np.clip(rows // max(1, n_rows), LEAST_BOOTSTRAPS, BOOTSTRAPS))


def _chooser(
    stack: NDArray[np.float64],
    y: NDArray[np.generic],
    metric: Metric,
    problem: Problem,
    factors: NDArray[np.float64] | None,
) -> Chooser:
    """The whole choice as a function of row weights (bootstrap counts), so that it can be repeated.

    With ``factors`` one configuration is chosen by its loss times its factor; without, an ensemble.
    """
    criterion = get_metric(metric.criterion, problem.task)

    def choose(weights: NDArray[np.float64]) -> Blend:
        if factors is None:
            return select_blend(stack, y, metric, criterion, weights)
        losses = [criterion.error(float(criterion.score(y, p, weights[None])[0])) for p in stack]
        best = int(np.argmin(np.nan_to_num(np.asarray(losses) * factors, nan=np.inf)))
        picked = tuple(np.eye(len(stack))[best].tolist())
        return Blend(weights=picked, decision=fit_decision(stack[best], y, metric, weights))

    return choose


def _calibrate(
    blend: Blend,
    stack: NDArray[np.float64],
    y: NDArray[np.generic],
    problem: Problem,
    weights: NDArray[np.float64] | None = None,
) -> Calibrator:
    """Calibrate a blend on rows, each of which may stand for several."""
    if not problem.task.is_classification:
        return NO_CALIBRATION
    return fit_calibrator(blend.average(stack), y, problem.task, weights)


def _judged(
    blend: Blend, calibrator: Calibrator, stack: NDArray[np.float64], metric: Metric
) -> NDArray[np.float64]:
    """The predictions a metric looks at: decided for label metrics, calibrated for all others."""
    mixed = blend.average(stack)
    return blend.decision.apply(mixed) if metric.needs == "labels" else calibrator.apply(mixed)


def _permutation_note(
    final: NDArray[np.float64], y: NDArray[np.generic], metric: Metric, workspace: Workspace
) -> tuple[str, ...]:
    """With a tiny class, ask how often shuffled labels would score as well."""
    problem, labels = workspace.problem, workspace.y
    smallest = (
        len(labels)
        if not problem.task.is_classification
        else int(labels.sum(axis=0).min())
        if labels.ndim == 2
        else int(np.bincount(labels.astype(np.int64), minlength=len(problem.classes)).min())
    )
    if smallest >= TINY_CLASS:
        return ()
    p = permutation_p(y, final, metric, problem.seed)
    verdict = (
        "better than chance"
        if p <= PERMUTATION_ALPHA
        else "no evidence of anything learned: collect more labels before using this model"
    )
    return (
        f"the smallest class has {smallest} label{'' if smallest == 1 else 's'}; shuffled labels score as well with "
        f"p = {p:.3f}: {verdict}",
    )
