"""Scores of labelled items and of a pool → the shares that the classes have in the pool, and how sure that is.

A ridge's leave-one-out scores of the labelled items are calibrated; expectation maximisation then finds the class
shares under which the scores of the pool are likeliest. With few labels, or where the features do not know the classes,
that estimate wanders: on pools with exactly the labelled shares it was 0.2 to 0.5 off (total variation) for CIFAR-10,
languages and questions at 5 labels per class. So it is compared with estimates on pools that are simulated by drawing
labelled items anew, in the labelled shares, and moves from these only as far as it stands out (James-Stein).

Total variation from the truth at 5, 10 and 25 labels per class, mean of five draws, of pools in which one class has
60 % (of two classes 80 %): spoken digits .02, .03, .02; steel .04, .01, .03; insects .08, .05, .02; questions .20, .18,
.06; languages .23, .18, .11; CIFAR-10 .27, .21, .12; film reviews .26, .24, .22; a bank's 77 questions .14 at 10. The
labelled shares are .3 to .5 off there. On pools with the labelled shares it is .00 to .05 off (film reviews .09 at 5),
and 3 of 110 such pools were called different (p < .05). Of digits and steel the intervals held all true shares, of
questions, languages and CIFAR-10 .76 to .97 of them, of film reviews, which these features hardly know, .2 to .8 (our
measurements, 500 items of the pool at most).

References
----------
Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new a priori probabilities; Alexandari,
Kundaje & Shrikumar (2020), Maximum likelihood with bias-corrected calibration, arXiv 1901.06852; Lipton, Wang & Smola
(2018), Detecting and correcting for label shift, arXiv 1802.03916; James & Stein (1961).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

SIMULATIONS = 100
"""Simulated pools; our choice: a p-value is then known to .01, and an interval's ends are the third of either side."""

STEPS, CLOSE = 200, 1e-4
"""Steps of expectation maximisation at most, and change of a share at which it ends; our choice."""

TEMPERATURES = (-4.0, 6.0)
"""Logarithms of the factors on scores that are tried."""

BIAS_PENALTY = 1.0
"""Half of it times the squared bias of each class is added to the summed log loss: a normal prior of deviation 1, our
choice."""

INTERVAL = 0.95
"""Share of simulated estimates that the interval holds."""

SMALLEST = 1e-300
"""Keeps divisions finite."""


@dataclass(frozen=True)
class ClassShares:
    """What a pool seems to hold.

    Attributes
    ----------
    shares, low, high : ndarray of float64 of shape (n_classes,)
        Estimated shares, and the ends of their intervals.
    distance : float
        Total variation between them and the labelled shares.
    p_value : float
        Share of simulated pools with the labelled shares whose estimate lies as far from these.
    chances : ndarray of float64 of shape (n_pool, n_classes)
        Class probabilities of the items of the pool under the estimated shares.
    """

    shares: Floats
    low: Floats
    high: Floats
    distance: float
    p_value: float
    chances: Floats


def estimate_shares(
    own: Floats,
    codes: Codes,
    pool: Floats,
    labelled: Floats,
    asked: NDArray[np.bool_] | None = None,
) -> ClassShares:
    """Estimate the class shares of a pool.

    Parameters
    ----------
    own : ndarray of float64 of shape (n, n_classes)
        Scores of labelled items, each by a model that has not seen it; higher for likelier classes.
    codes : ndarray of int64 of shape (n,)
        Their classes, each of which occurs.
    pool : ndarray of float64 of shape (n_pool, n_classes)
        Scores of the pool by the model of all of them.
    labelled : ndarray of float64 of shape (n_classes,)
        Shares to compare with: those of all labelled items, of which ``own`` may be a sample with other ones.
    asked : ndarray of bool of shape (n_pool,) or None
        Which items of the pool are counted; ``None`` for all.

    Returns
    -------
    ClassShares
    """
    n_classes, generator = len(labelled), np.random.default_rng(0)
    prior = np.bincount(codes, minlength=n_classes) / len(codes)
    factor, bias = _calibrate(own, codes)
    known = np.exp(_log_softmax(factor * own + bias)) / prior
    found = np.exp(_log_softmax(factor * pool + bias)) / prior
    counted = np.ones(len(found)) if asked is None else asked.astype(np.float64)
    raw, size = _likeliest(found, counted[None], prior)[0], int(counted.sum())
    away = raw - labelled
    null = _simulate(known, codes, labelled, prior, size, generator)
    noise = float(np.mean(((null - labelled) ** 2).sum(axis=1)))
    kept = max(0.0, 1.0 - noise / max(float((away**2).sum()), SMALLEST))
    shares = labelled + kept * away
    apart = 0.5 * np.abs(null - labelled).sum(axis=1)
    as_far = int((apart >= 0.5 * np.abs(away).sum()).sum())
    spread = _simulate(known, codes, shares, prior, size, generator)
    outside = (1.0 - INTERVAL) / 2
    chances = found * shares
    return ClassShares(
        shares=shares,
        low=np.minimum(np.quantile(spread, outside, axis=0), shares),
        high=np.maximum(np.quantile(spread, 1.0 - outside, axis=0), shares),
        distance=0.5 * float(np.abs(shares - labelled).sum()),
        p_value=(1 + as_far) / (SIMULATIONS + 1),
        chances=chances / np.maximum(chances.sum(axis=1, keepdims=True), SMALLEST),
    )


def _calibrate(scores: Floats, codes: Codes) -> tuple[float, Floats]:
    """Find the factor on scores, and what is added for each class, under which the classes are likeliest."""
    from scipy.optimize import minimize, minimize_scalar

    n_classes, rows = scores.shape[1], np.arange(len(codes))
    members = np.eye(n_classes)[codes]

    def loss_of_factor(log_factor: float) -> float:
        return -float(_log_softmax(np.exp(log_factor) * scores)[rows, codes].sum())

    def loss(values: Floats) -> tuple[float, Floats]:
        scaled, bias = np.exp(values[0]) * scores, values[1:]
        likely = _log_softmax(scaled + bias)
        off = np.exp(likely) - members
        total = -likely[rows, codes].sum() + BIAS_PENALTY * (bias**2).sum() / 2
        return float(total), np.r_[(off * scaled).sum(), off.sum(axis=0) + BIAS_PENALTY * bias]

    first = minimize_scalar(loss_of_factor, bounds=TEMPERATURES, method="bounded").x
    start = np.r_[first, np.zeros(n_classes)]
    bounds = [TEMPERATURES, *[(None, None)] * n_classes]
    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(best[0])), np.asarray(best[1:], dtype=np.float64)


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _likeliest(ratios: Floats, times: Floats, start: Floats) -> Floats:
    """Class shares that make each of several pools likeliest, of shape (n_pools, n_classes).

    The pools hold the same n items, each ``times`` so often (n_pools, n), with likelihood ratios (n, n_classes).
    """
    weights = times / times.sum(axis=1, keepdims=True)
    shares = np.tile(start, (len(times), 1))
    for _ in range(STEPS):
        mixed = np.maximum(shares @ ratios.T, SMALLEST)
        new = shares * ((weights / mixed) @ ratios)
        new /= new.sum(axis=1, keepdims=True)
        moved, shares = float(np.abs(new - shares).max()), new
        if moved < CLOSE:
            break
    return shares


def _simulate(
    ratios: Floats, codes: Codes, shares: Floats, start: Floats, size: int, rng: np.random.Generator
) -> Floats:
    """Estimates on pools of ``size`` items in given shares, of shape (SIMULATIONS, n_classes).

    The labelled items of each class are drawn anew before a pool is drawn of them: so much as they depend on which
    items happened to be labelled, the classifier's errors on the pool differ from those on labelled items.
    """
    members = [np.flatnonzero(codes == code) for code in range(len(shares))]
    times = np.zeros((SIMULATIONS, len(codes)))
    for turn, counts in enumerate(rng.multinomial(size, shares / shares.sum(), SIMULATIONS)):
        for rows, count in zip(members, counts, strict=True):
            again = rng.choice(rows, len(rows))
            times[turn] += np.bincount(rng.choice(again, count), minlength=len(codes))
    return _likeliest(ratios, times, start)
