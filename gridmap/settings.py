"""What the environment may change. Every setting is named here and in the README.

==================  ==========================================================  =============================
variable            meaning                                                     default
==================  ==========================================================  =============================
GRIDMAP_LANG        language of tables, bars and pages: ``zh`` or ``en``        ``zh``
GRIDMAP_CACHE_DIR   folder of the networks already read (:mod:`gridmap.network`)  the user's cache folder
==================  ==========================================================  =============================
"""

from __future__ import annotations

import os
from typing import Final, Literal

from gridmap.errors import InputError

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")


def language() -> Language:
    """Return the language of user-facing text.

    Raises
    ------
    InputError
        When ``GRIDMAP_LANG`` names another language.
    """
    wanted = os.environ.get("GRIDMAP_LANG", "zh")
    for known in LANGUAGES:
        if wanted == known:
            return known
    raise InputError(f"GRIDMAP_LANG={wanted!r} is not a language gridmap speaks; allowed: {', '.join(LANGUAGES)}")


def text(chinese: str, english: str) -> str:
    """Return the one of two texts that the user reads.

    Examples
    --------
    >>> text("网格", "grids") in ("网格", "grids")
    True
    """
    return chinese if language() == "zh" else english
