"""Levels of a column → the order that they are known to have, and the number that each stands for."""

from __future__ import annotations

import re
from collections.abc import Sequence

SCALES: tuple[str, ...] = (
    "very low|vlow lower|low|l medium|med|moderate|average|normal|mid|m high|h very_high|vhigh",
    "tiny|xs very_small small|s medium|med|m big|large|l very_big|very_large|xl huge|xxl",
    "very_poor poor below_average fair average|typical|ok above_average good very_good excellent"
    " very_excellent",
    "never rarely|seldom sometimes|occasionally often|frequently usually always",
    "none|absent minimal|slight mild|minor moderate|medium severe|major extreme",
    "strongly_disagree disagree neutral|neither agree strongly_agree",
    "very_bad bad neutral good very_good",
    "freezing cold cool mild|moderate warm hot",
    "zero one two three four five six seven eight nine ten eleven twelve",
    "first second third fourth fifth sixth seventh eighth ninth tenth",
    "january|jan february|feb march|mar april|apr may june|jun july|jul august|aug"
    " september|sep|sept october|oct november|nov december|dec",
    "monday|mon tuesday|tue wednesday|wed thursday|thu friday|fri saturday|sat sunday|sun",
)
"""Known orders of words, lowest first: words between spaces ascend, ``|`` separates spellings of one rank."""

MIN_SCALE_LEVELS = 3
"""Levels a column must show of a scale to be ranked (our choice: two words, say S and M, prove nothing)."""

OPEN_TOP = re.compile(r"(?:\d+\s*(?:\+|[- ]?(?:or )?more)|more)", re.IGNORECASE)
"""The open last level of a count: ``5more``, ``4+``, ``more``."""


def find_ranks(words: Sequence[str]) -> tuple[str, ...] | None:
    """Levels with a known order → the same levels, lowest first; else None.

    Parameters
    ----------
    words : sequence of str
        The levels of a column.

    Returns
    -------
    tuple of str or None

    Examples
    --------
    >>> find_ranks(["high", "med", "vhigh", "low"])
    ('low', 'med', 'high', 'vhigh')
    >>> find_ranks(["2", "3", "4", "5more"])
    ('2', '3', '4', '5more')
    """
    if len(words) < MIN_SCALE_LEVELS:
        return None
    folded = [re.sub(r"[-_\s]+", "_", word.strip().casefold()) for word in words]
    for scale in SCALES:
        rank = {w: i for i, step in enumerate(scale.split()) for w in step.split("|")}
        if all(word in rank for word in folded):
            order = sorted(range(len(words)), key=lambda i: rank[folded[i]])
            return tuple(words[i] for i in order)
    counts = sorted((word for word in words if word.isdecimal()), key=int)
    tops = [word for word in words if not word.isdecimal()]
    if len(tops) == 1 and OPEN_TOP.fullmatch(tops[0]):
        return (*counts, tops[0])
    return None


def scale_values(scale: Sequence[str]) -> list[float]:
    """Ranked levels → the number each stands for: its rank from 0, or the count it spells.

    Parameters
    ----------
    scale : sequence of str
        As :func:`find_ranks` gives it.

    Returns
    -------
    list of float

    Examples
    --------
    >>> scale_values(["low", "med", "high"]), scale_values(["2", "4", "more"])
    ([0.0, 1.0, 2.0], [2.0, 4.0, 5.0])
    """
    if not scale[0].isdecimal():
        return [float(rank) for rank in range(len(scale))]
    counts = [float(word) for word in scale[:-1]]
    top = re.match(r"\d+", scale[-1])
    return [*counts, float(top.group()) if top else counts[-1] + 1.0]
