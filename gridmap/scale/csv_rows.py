"""Where the rows of a CSV end: line ends within quotation marks do not count."""

from __future__ import annotations

import numba
import numpy as np

START, IN_FIELD, IN_QUOTES, QUOTE_IN_QUOTES, AFTER_CR = range(5)
_QUOTE, _LF, _CR, _COMMA = (ord(sign) for sign in '"\n\r,')


def next_cut(
    data: bytearray, scanned: int, state: int, lines: int, rows: int, most: int, separator: int = _COMMA
) -> tuple[int, int, int, bool]:
    r"""Go on to where so many rows have ended, or where the first row ends after so many bytes.

    Parameters
    ----------
    data
        Bytes of text.
    scanned, state, lines
        How far it was looked at before, in which state that ended, and how many rows had ended.
    rows, most
        Rows, and bytes, after which to cut.
    separator
        Byte between fields.

    Returns
    -------
    (scanned, state, lines, whole)
        The same, and whether there is a cut before ``scanned``.

    Examples
    --------
    >>> next_cut(bytearray(b'a,"x\ny"\nb,z\n'), 0, START, 0, 1, 100)
    (8, 0, 1, True)
    """
    view = np.frombuffer(data, dtype=np.uint8)
    found: tuple[int, int, int, bool] = _scan(view, scanned, state, lines, rows, most, separator)
    return found


@numba.njit(cache=True, nogil=True)
def _scan(data, i, state, lines, rows, most, separator):
    """Step through bytes as the readers do: a quotation mark opens only at the start of a field."""
    size = len(data)
    while i < size:
        sign = data[i]
        if state == AFTER_CR:
            i += sign == _LF
            lines += 1
            state = START
            if lines >= rows or i >= most:
                return i, state, lines, True
            continue
        i += 1
        if state == IN_QUOTES:
            if sign == _QUOTE:
                state = QUOTE_IN_QUOTES
        elif sign == _CR:
            state = AFTER_CR
        elif sign == _LF:
            lines += 1
            state = START
            if lines >= rows or i >= most:
                return i, state, lines, True
        elif sign == separator:
            state = START
        elif sign == _QUOTE and state != IN_FIELD:
            state = IN_QUOTES
        else:
            state = IN_FIELD
    return i, state, lines, False
