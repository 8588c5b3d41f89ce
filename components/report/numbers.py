"""How the report writes numbers: rounded for a reader, with their unit, never `nan`."""

import datetime
import math
from typing import Any, TypeGuard

NOTHING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def known(value: Any) -> TypeGuard[float]:
    """Whether it is a number that can be shown: not missing, not NaN, not infinite."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def count(value: Any) -> str:
    """`217,719`."""
    return f"{value:,.0f}" if known(value) else NOTHING


def metric(value: Any, digits: int = 4) -> str:
    """`0.7012`."""
    return f"{value:.{digits}f}".replace("-", MINUS) if known(value) else NOTHING


def signed(value: Any, digits: int = 4) -> str:
    """`+0.0031`; `±0` where nothing is left after rounding."""
    if not known(value):
        return NOTHING
    rounded = round(value, digits)
    return f"{rounded:+.{digits}f}".replace("-", MINUS) if rounded else "±0"


def percent(value: Any, digits: int = 1) -> str:
    """`26.4 %` of a share between 0 and 1; a small share is never shown as zero."""
    if not known(value):
        return NOTHING
    least = 10.0**-digits
    if 0 < value * 100 < least:
        return f"< {least:g} %"
    return f"{value * 100:.{digits}f} %".replace("-", MINUS)


def figure(value: Any, digits: int = 4) -> str:
    """Any number in a few digits: `1,048`, `29.95`, `0.00032`, `1.2e+09`; text as it is."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value) if value not in (None, "") else NOTHING
    if not known(value):
        return NOTHING
    if float(value).is_integer() and abs(value) < 1e9:
        text = f"{value:,.0f}"
    else:
        text = f"{value:,.0f}" if 10**digits <= abs(value) * 10 < 1e10 else f"{value:.{digits}g}"
    return text.replace("-", MINUS, 1)


def seconds(value: Any) -> str:
    """`0.4 s`, `23.4 s`, `2 min 13 s`, `1 h 05 min`."""
    if not known(value):
        return NOTHING
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def memory(mebibytes: Any) -> str:
    """`640 MiB`, `1.21 GiB`."""
    if not known(mebibytes):
        return NOTHING
    return f"{mebibytes:,.0f} MiB" if mebibytes < 1000 else f"{mebibytes / 1024:.2f} GiB"


def day(microseconds: float) -> str:
    """`2013-09-01` of microseconds since 1970; a number outside the calendar stays a number."""
    try:
        since = datetime.timedelta(microseconds=microseconds)
        return (datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + since).strftime("%Y-%m-%d")
    except OverflowError:
        return figure(microseconds)


def instant(epoch: Any) -> str:
    """`2026-11-03 14:05 UTC` of seconds since 1970."""
    if not known(epoch):
        return NOTHING
    return datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
