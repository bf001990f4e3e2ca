"""Words → dates, months and times of day."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

DATE_FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%m/%d/%Y"),
    *("%d-%m-%y", "%d/%m/%y", "%d.%m.%y", "%m/%d/%y"),
    *("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
"""Date formats tried in this order, each also with a time; day first wins where both orders fit."""

MONTH_FORMATS = ("%Y/%m", "%m-%Y", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y")
"""Ways to write a month, beside that of ISO 8601 (``2010-01``)."""

CLOCK_FORMATS = ("%H:%M", "%H:%M:%S")
"""Times of day without a date."""

TIME_SUFFIXES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")
"""What may follow a date; ISO 8601 with ``T`` and zones is tried first, as a whole."""

ISO = "ISO8601"
"""What pandas calls dates by that standard, in several forms, in place of a format."""

DATE_SHAPE = (
    r"^\s*(?:\d{1,4}[-/. ][A-Za-z0-9]{1,9}[-/., ]{1,2}\d{1,4}"
    r"|(?:(?:1[7-9]|20)\d\d[-/][01]?\d|[01]?\d[-/](?:1[7-9]|20)\d\d|[A-Za-z]{3,9}[- ]\d{2,4})\s*$"
    r"|\d{1,2}:\d\d(?::\d\d)?\s*$)"
)
"""What dates, months and times of day look like."""


def find_date_format(words: Sequence[str], min_share: float) -> str | None:
    """Dates in words → the format that reads at least ``min_share`` of them, or None.

    Parameters
    ----------
    words : sequence of str
        A sample of the levels.
    min_share : float
        Fraction in [0, 1].

    Returns
    -------
    str or None
        A strptime format, or ``"ISO8601"``.

    Examples
    --------
    >>> find_date_format(["01-02-2018", "31-12-2018"], 0.98)
    '%d-%m-%Y'
    """
    text = pd.Series(words, dtype="str")
    if not len(text) or float(text.str.match(DATE_SHAPE).to_numpy(dtype=float).mean()) < min_share:
        return None
    dates = (day + time for time in TIME_SUFFIXES for day in DATE_FORMATS)
    formats = [ISO, *dates, *MONTH_FORMATS, *CLOCK_FORMATS]
    for form in formats:
        if float(np.mean(parse_dates(text, form).notna())) >= min_share:
            return form
    return None


def parse_dates(words: pd.Series, date_format: str | None) -> pd.DatetimeIndex:
    """Words → dates without a zone (UTC where one is given), NaT where a word is none.

    Parameters
    ----------
    words : Series of str of shape (n,)
        Dates as they are written.
    date_format : str or None
        A strptime format; None or ``"ISO8601"`` reads ISO 8601.

    Returns
    -------
    DatetimeIndex of shape (n,)
    """
    form = date_format or ISO
    parsed = pd.to_datetime(words, format=form, errors="coerce", utc=form == ISO)
    return without_zone(pd.DatetimeIndex(parsed))


def without_zone(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Dates of any unit and zone → nanoseconds in UTC without a zone; out of range becomes NaT."""
    if dates.tz is not None:
        dates = dates.tz_convert("UTC").tz_localize(None)
    inside = (dates >= pd.Timestamp.min.ceil("s")) & (dates <= pd.Timestamp.max.floor("s"))
    return pd.DatetimeIndex(pd.DatetimeIndex(dates.where(inside)).as_unit("ns"))
