"""Metrics for Prometheus: how many requests of which route, how fast, and what each worker answers from.

Several workers write into files of one folder (``PROMETHEUS_MULTIPROC_DIR``, which :mod:`gridmap.api.serve` makes), and
whichever is asked adds them up. A request costs one look-up in a dict and one observation.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

import gridmap
from gridmap.api.logs import UNKNOWN, route_of
from gridmap.api.security import require
from gridmap.api.security_clients import is_loopback
from gridmap.errors import GridmapError

if TYPE_CHECKING:
    from prometheus_client import Metric
    from starlette.types import Scope

    from gridmap.api.served import Served

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
PERMISSION: Final = "metrics"
_BUCKETS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

router: Final = APIRouter(include_in_schema=False)


class Meter:
    """What one process counts.

    Parameters
    ----------
    served
        What it answers from.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> meter = Meter(None)
    >>> scope = {"method": "GET", "route": SimpleNamespace(path="/v1/locate")}
    >>> meter.observe(scope, 200, 0.002)
    >>> b'gridmap_request_seconds_count{method="GET",route="/v1/locate",status="200"} 1.0' in meter.report()
    True
    """

    def __init__(self, served: Served | None) -> None:
        self.registry = CollectorRegistry()
        options: dict[str, Any] = {"registry": self.registry}
        self._seconds = Histogram(
            "gridmap_request_seconds", "Time until a request was answered", ("route", "method", "status"),
            buckets=_BUCKETS_S, **options,
        )  # fmt: skip
        self.generation = Gauge(
            "gridmap_generation", "Generation of the record that a worker answers from",
            multiprocess_mode="liveall", **options,
        )  # fmt: skip
        self.reload_seconds = Gauge(
            "gridmap_reload_seconds", "How long the last reading of the record took", multiprocess_mode="livemax",
            **options,
        )  # fmt: skip
        self.connections = Gauge(
            "gridmap_pool_connections_in_use", "Connections to the database that are in use",
            multiprocess_mode="livesum", **options,
        )  # fmt: skip
        self._served = served
        self._children: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        method = scope["method"]
        key = (route_of(scope), method if method in _METHODS else UNKNOWN, status)
        count = self._children.get(key)
        if count is None:
            count = self._children[key] = self._seconds.labels(*map(str, key)).observe
        count(seconds)

    def report(self) -> bytes:
        """Return all metrics, of all workers, as Prometheus reads them."""
        registry, folder = self.registry, os.environ.get(FOLDER)
        if folder:
            _bury(Path(folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        return generate_latest(_Both(registry, _Version(self._served)))


class _Version(Collector):
    """The version in force, which is a word and so cannot be added up."""

    def __init__(self, served: Served | None) -> None:
        self._served = served

    def collect(self) -> Iterable[Metric]:
        """Give what is in force now."""
        with contextlib.suppress(GridmapError):  # nothing is loaded yet
            if self._served is not None:
                said = {"plan_version": self._served.current().plan.version, "gridmap_version": gridmap.__version__}
                yield InfoMetricFamily("gridmap", "What is in force", value=said)


class _Both(CollectorRegistry):
    """What was counted, and what is said when it is asked for."""

    def __init__(self, counted: CollectorRegistry, said: Collector) -> None:
        super().__init__()
        self._parts = (counted, said)

    def collect(self) -> Iterator[Metric]:
        """Give both."""
        for part in self._parts:
            yield from part.collect()


def _bury(folder: Path) -> None:
    """Take away the gauges of workers that are gone; their counts stay."""
    for path in folder.glob("gauge_live*_*.db"):
        found = re.search(r"_(\d+)\.db$", path.name)
        if found is not None and not Path(f"/proc/{found[1]}").exists():
            mark_process_dead(int(found[1]), str(folder))  # type: ignore[no-untyped-call]


async def may_read_metrics(request: Request) -> None:
    """Let pass who asks from this machine, or has the permission ``metrics``.

    A proxy on this machine asks from this machine too, for anybody: what it says it forwards is not from here.

    Raises
    ------
    IdentityError, AccessError
        When it is neither.
    """
    if not is_loopback(request.scope):
        await require(PERMISSION)(request)


@router.get("/metrics")
def read_metrics(request: Request, _allowed: Annotated[None, Depends(may_read_metrics)]) -> Response:
    """Return the metrics of all workers."""
    meter: Meter = request.app.state.meter
    return Response(meter.report(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
