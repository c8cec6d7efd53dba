"""The small tree of errors that gridmap raises.

Every class derives from :class:`GridmapError` and from the builtin a caller would expect, so that
``except ValueError`` keeps working. A message says what was wrong, where (layer, row, field, value),
what is allowed and what to do next. ``code`` is the stable name that the command line and HTTP show.
"""

from __future__ import annotations

from typing import Any, ClassVar


class GridmapError(Exception):
    """Anything gridmap refuses to do; never raised itself."""

    code: ClassVar[str] = "gridmap"

    def __str__(self) -> str:
        # KeyError shows the repr of its argument; a message is for people.
        return str(self.args[0]) if self.args else self.code


class InputError(GridmapError, ValueError):
    """A value or a file that cannot be used as it is."""

    code = "input"


class LayerError(InputError):
    """A layer that cannot be read, or a feature of it that cannot be used."""

    code = "layer"


class CrsError(InputError):
    """A coordinate system that is missing, unknown, or does not fit the coordinates."""

    code = "crs"


class UnknownNameError(GridmapError, KeyError):
    """A code, level, column or person that does not exist; the message lists what does."""

    code = "unknown-name"


class DrawError(GridmapError, ValueError):
    """A drawing that cannot be made: for example more grids asked for than blocks can give."""

    code = "draw"


class PlanError(GridmapError, ValueError):
    """A plan file or a set of layers that does not make a plan."""

    code = "plan"


class RosterError(InputError):
    """A roster that cannot be used; the message names the row."""

    code = "roster"


class OutputError(GridmapError, OSError):
    """A result that could not be written; what stood there before is untouched."""

    code = "output"


class UnavailableError(GridmapError, ConnectionError):
    """The record cannot be reached for now: the database restarts, its disk is full, every connection is in use."""

    code = "unavailable"


class ConflictError(GridmapError, RuntimeError):
    """Somebody else changed the same thing first; look at what stands now, and ask again."""

    code = "conflict"


class IdentityError(GridmapError, PermissionError):
    """Nobody knows who asks: no key or session, or one that is wrong, expired or withdrawn."""

    code = "identity"


class AccessError(GridmapError, PermissionError):
    """It is known who asks, and this one may not."""

    code = "access"


class RateError(GridmapError, RuntimeError):
    """More was asked in a while than is answered; the message says when to come back.

    Parameters
    ----------
    message
        What is said.
    retry_after_s
        When the next question is answered.
    per_minute
        What is answered, where it is counted by the minute.
    """

    code = "rate"

    def __init__(self, message: str, *, retry_after_s: float, per_minute: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.per_minute = per_minute


class EditRefused(GridmapError, ValueError):  # noqa: N818 - the name that planners' notebooks catch (design.md §4)
    """An edit of a plan that would break a rule; nothing was changed.

    Parameters
    ----------
    message
        What is wrong, and the nearest edit that is allowed.
    rule
        Name of the rule, as of :func:`gridmap.check_plan` where that knows it: ``not_contiguous``, ``given_border``,
        ``locked``, ``empty``, ``not_adjacent``, ``building_cut``, ``not_nested``, ``count``.
    codes
        The grids concerned.
    geometry
        The spot, in the CRS of the plan; ``None`` where the rule has no place.
    allowed
        The nearest edits that are allowed, the nearest first; empty where none is near.
    """

    code = "edit-refused"

    def __init__(
        self,
        message: str,
        *,
        rule: str,
        codes: tuple[str, ...] = (),
        geometry: Any = None,
        allowed: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(message)
        self.rule = rule
        self.codes = codes
        self.geometry = geometry
        self.allowed = allowed
