"""What only a request can do wrong; with :mod:`gridmap.errors` these are all the errors that HTTP answers with."""

from __future__ import annotations

from gridmap.api.models import FieldProblem, Successor
from gridmap.errors import GridmapError, InputError


class NoRequestError(GridmapError, ValueError):
    """Bytes that are no request of HTTP, or a request that broke off."""

    code = "no-request"


class RouteError(GridmapError, LookupError):
    """An address that leads nowhere."""

    code = "no-route"


class NoAddressesError(GridmapError, LookupError):
    """A question by address of a server that was started without an address index."""

    code = "no-addresses"


class MethodError(GridmapError, ValueError):
    """A method that an address does not take."""

    code = "method"


class RequestError(InputError):
    """Values of a request that do not fit its parameters.

    Parameters
    ----------
    message
        What is said.
    errors
        The same, a value each.
    """

    def __init__(self, message: str, errors: tuple[FieldProblem, ...]) -> None:
        super().__init__(message)
        self.errors = errors


class TooLargeError(GridmapError, ValueError):
    """A request beyond a limit; the message names the limit."""

    code = "too-large"


class SlowError(GridmapError, TimeoutError):
    """A request that was begun and does not go on: it would hold its connection for ever."""

    code = "slow"


class MediaTypeError(GridmapError, ValueError):
    """A body of a kind that is not read."""

    code = "media-type"


class RetiredError(GridmapError, LookupError):
    """A code that was in use and is no more: codes are never reused, so whoever keeps one is told what came after.

    Parameters
    ----------
    message
        What is said.
    successors
        What the lineage records of the code.
    current
        Codes of the plan that stand where the retired grid stood.
    """

    code = "retired"

    def __init__(self, message: str, successors: tuple[Successor, ...], current: tuple[str, ...]) -> None:
        super().__init__(message)
        self.successors, self.current = successors, current
