"""SMPTE time code as `hh:mm:ss:ff`, or `hh:mm:ss;ff` where numbers are dropped to keep up with the clock (ST 12-1)."""

from __future__ import annotations

import re
from fractions import Fraction


def later(code: str, frames: int, rate: Fraction) -> str:
    """The time code `frames` frames after `code`, at `rate` frames a second; `code` itself where it is none.

    Drop-frame codes skip 2 numbers (4 at 59.94) each minute except every tenth.
    """
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)([:;.])(\d{2,3})", code.strip())
    nominal = round(rate)
    if match is None or nominal < 1:
        return code
    hours, minutes, seconds, frame = (int(match[group]) for group in (1, 2, 3, 5))
    drop = nominal // 15 if match[4] != ":" and nominal % 30 == 0 else 0
    total = hours * 60 + minutes
    number = (total * 60 + seconds) * nominal + frame - drop * (total - total // 10) + frames
    ten_minutes = 600 * nominal - 9 * drop
    number %= 144 * ten_minutes  # a day
    tens, rest = divmod(number, ten_minutes)
    number += 9 * drop * tens
    if drop and rest >= drop:
        number += drop * ((rest - drop) // (60 * nominal - drop))
    seconds, frame = divmod(number, nominal)
    digits = len(match[5])
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{match[4]}{frame:0{digits}}"
