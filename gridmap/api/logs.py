"""The line a request leaves in the log: enough to find it again, and nothing about anybody.

No query, no name, no phone, no coordinate: in JSON the route's template stands for the address, and of who asked there
is the kind, and of a key its prefix.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson

if TYPE_CHECKING:
    from starlette.types import Scope

log: Final = logging.getLogger("gridmap.access")
UNKNOWN: Final = "unknown"
"""The route of what is at no address: whatever people type must not become a name."""
_FIELD: Final = "gridmap_request"
_KEY: Final = "key:"


def route_of(scope: Scope) -> str:
    """Return the template of the route that answered: never what stands in an address.

    Examples
    --------
    >>> route_of({"path": "/v1/grids/张三"}), route_of({"path": "/ogc/collections", "root_path": "/ogc"})
    ('unknown', '/ogc')
    """
    route = scope.get("route")
    return scope.get("root_path") or UNKNOWN if route is None else str(route.path)


def log_request(scope: Scope, status: int, seconds: float, request: str) -> None:
    """Leave a line.

    Parameters
    ----------
    scope
        The request, after it was answered.
    status, seconds
        The answer's, and how long it took.
    request
        The request's id.
    """
    if log.isEnabledFor(logging.INFO):
        path = quote(scope["path"], safe="/:")
        line = (scope, status, seconds, request)
        log.info(
            "%s %s %d %.1f ms %s", scope["method"], path, status, seconds * 1000, request, extra={_FIELD: line}
        )  # fmt: skip


class JsonLine(logging.Formatter):
    """One JSON object a line.

    Examples
    --------
    >>> record = logging.LogRecord("gridmap.record", logging.INFO, "", 0, "generation %d answers", (7,), None)
    >>> said = orjson.loads(JsonLine().format(record))
    >>> said["level"], said["logger"], said["message"]
    ('info', 'gridmap.record', 'generation 7 answers')
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as JSON."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        line = getattr(record, _FIELD, None)
        said |= {"message": record.getMessage()} if line is None else _of_request(*line)
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return orjson.dumps(said).decode()


def _of_request(scope: Scope, status: int, seconds: float, request: str) -> Mapping[str, Any]:
    principal = scope.get("state", {}).get("principal")
    said = {
        "request_id": request, "method": scope["method"], "route": route_of(scope), "status": status,
        "ms": round(seconds * 1000, 2), "principal": getattr(principal, "kind", None),
    }  # fmt: skip
    name = getattr(principal, "name", "")
    return said | ({"key": name.removeprefix(_KEY)} if name.startswith(_KEY) else {})
