"""Pictures that stand out from the others."""

from __future__ import annotations

from advisor.errors import quoted
from advisor.finding import Finding, note
from advisor.profile import ImageProfile
from advisor.rule import rule

NAMED = 3
"""Files named in one message; our choice, for the reader."""


@rule(reference="our choice: named for a look, never left out")
def odd_pictures(profile: ImageProfile) -> Finding | None:
    """Pictures that are nearly black or white, or far less sharp than the others.

    What: compares mean brightness (all labelled pictures) and sharpness (a sample) with the median, in robust standard
    deviations. Why: lens caps, failed exposures and placeholders teach nothing; blurred ones may be what use will
    bring, so nothing is left out unasked.
    """
    dark, blurred = profile.brightness_outliers, profile.blurred
    if not dark and not blurred:
        return None
    parts = []
    if dark:
        parts.append(f"nearly black or white: {quoted(dark, NAMED)}")
    if blurred:
        parts.append(f"far less sharp than the rest: {quoted(blurred, NAMED)}")
    return note(f"Worth a look, {' and '.join(parts)}.", n_dark=len(dark), n_blurred=len(blurred))
