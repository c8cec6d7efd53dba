"""What address look-up is measured against: the similarity search of PostgreSQL, and a scan with rapidfuzz.

Both are given the listed addresses as strings and answer with the row that is most like the text and how much, 0 … 1.
Several ways of each are tried on the same texts; of each peer the fastest counts among those whose right share is
within five points of the best. What is timed is the time of the core, of this process and of PostgreSQL's together: on
an idle core that is what the clock shows, and it stays so on a busy one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import psycopg
from bench import print_table, short
from postgis import cluster
from rapidfuzz import fuzz, process

NEARLY = 0.05
"""Right share that may be given up for speed."""
Kind = TypeVar("Kind", "Way", str)
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
GIST = "create index listed_gist on listed using gist (address gist_trgm_ops(siglen={siglen}))"
GIN = "create index listed_gin on listed using gin (address gin_trgm_ops)"
NEAREST = "select id, 1 - (address <-> %(q)s) from listed order by address <-> %(q)s limit 1"
ALIKE = "select id, similarity(address, %(q)s) as alike from listed where address %% %(q)s order by alike desc limit 1"


@dataclass(frozen=True)
class Way:
    """One way of asking PostgreSQL: an index, a query, and the least similarity that counts."""

    name: str
    index: str
    query: str
    least: float = 0.3

    def __str__(self) -> str:
        return self.name


WAYS = (
    Way("GiST (siglen 12), nearest", GIST.format(siglen=12), NEAREST),
    Way("GiST (siglen 64), nearest", GIST.format(siglen=64), NEAREST),
    Way("GiST (siglen 256), nearest", GIST.format(siglen=256), NEAREST),
    Way("GIN, alike ≥ 0.3", GIN, ALIKE, 0.3),
    Way("GIN, alike ≥ 0.5", GIN, ALIKE, 0.5),
)
SCORERS = {"ratio": fuzz.ratio, "token_set_ratio": fuzz.token_set_ratio, "WRatio": fuzz.WRatio}


@dataclass(frozen=True)
class Find:
    """A peer with a list loaded.

    Parameters
    ----------
    row
        Gives the row that is most like a text, -1 for none, and how much.
    seconds
        Says how long the core has worked for it.
    """

    row: Callable[[str], tuple[int, float]]
    seconds: Callable[[], float] = time.process_time


@dataclass(frozen=True, eq=False)
class Answers:
    """What a peer answered to texts.

    Parameters
    ----------
    rows, scores
        Of each text; row -1 where nothing was found.
    per_s
        Look-ups a second.
    """

    rows: np.ndarray
    scores: np.ndarray
    per_s: float


def ask(find: Find, texts: Sequence[str]) -> Answers:
    """Ask for each text, on the clock after one that warms."""
    find.row(texts[0])
    began = find.seconds()
    found = [find.row(text) for text in texts]
    per_s = len(texts) / (find.seconds() - began)
    rows, scores = zip(*found, strict=True)
    return Answers(np.array(rows), np.array(scores), per_s)


@contextmanager
def trigrams(addresses: Sequence[str]) -> Iterator[Callable[[Way], Find]]:
    """Load a list into a throw-away PostgreSQL; gives what opens a way of asking it."""
    with cluster() as connection:
        for setting in ("max_parallel_workers_per_gather = 0", "jit = off", "maintenance_work_mem = '1GB'"):
            connection.execute(f"set {setting}")
        connection.execute("create extension pg_trgm")
        connection.execute("create unlogged table listed (id int, address text)")
        with connection.cursor().copy("copy listed from stdin") as copy:
            for row in enumerate(addresses):
                copy.write_row(row)
        connection.execute("vacuum analyze listed")
        yield lambda way: _open(connection, way)


def _open(connection: psycopg.Connection, way: Way) -> Find:
    for name in ("listed_gist", "listed_gin"):
        connection.execute(f"drop index if exists {name}")
    connection.execute(way.index)
    connection.execute("vacuum analyze listed")
    connection.execute("set enable_seqscan = off")
    connection.execute(f"set pg_trgm.similarity_threshold = {way.least}")
    cursor = connection.cursor()

    def find(text: str) -> tuple[int, float]:
        # Prepared from its first run on; psycopg does so by itself after five.
        row = cursor.execute(way.query, {"q": text}, prepare=True).fetchone()
        return (-1, 0.0) if row is None else (row[0], row[1])

    backend = Path(f"/proc/{connection.info.backend_pid}/stat")
    return Find(find, lambda: time.process_time() + _worked(backend))


def _worked(stat: Path) -> float:
    """Return the seconds that a process has worked: user and system, behind its name in brackets."""
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) * TICK_S


def scan(addresses: Sequence[str], scorer: str) -> Find:
    """Return what scans a list with rapidfuzz."""
    listed, score = list(addresses), SCORERS[scorer]

    def find(text: str) -> tuple[int, float]:
        _, alike, row = process.extractOne(text, listed, scorer=score)
        return row, alike / 100

    return Find(find)


Right = Callable[[np.ndarray], np.ndarray]
"""Says of the rows answered to the first texts which are right."""


def best_way(addresses: Sequence[str], texts: Sequence[str], right: Right, ours_per_s: float) -> tuple[Way, Answers]:
    """Return the way of asking PostgreSQL that is fastest among those that are right nearly as often as the best."""
    with trigrams(addresses) as opened:
        tried = {way: ask(opened(way), texts) for way in WAYS}
    return _best("pg_trgm", tried, right, ours_per_s)


def best_scorer(addresses: Sequence[str], texts: Sequence[str], right: Right, ours_per_s: float) -> tuple[str, Answers]:
    """Return the scorer of rapidfuzz that is fastest among those that are right nearly as often as the best."""
    return _best("rapidfuzz", {name: ask(scan(addresses, name), texts) for name in SCORERS}, right, ours_per_s)


def _best(peer: str, tried: Mapping[Kind, Answers], right: Right, ours_per_s: float) -> tuple[Kind, Answers]:
    shares = {way: float(right(answers.rows).mean()) for way, answers in tried.items()}
    good = [way for way in tried if shares[way] >= max(shares.values()) - NEARLY]
    best = max(good, key=lambda way: tried[way].per_s)
    rows = [
        (
            str(way),
            f"{shares[way]:.1%}",
            short(each.per_s),
            short(ours_per_s / each.per_s),
            "taken" if way == best else "",
        )
        for way, each in tried.items()
    ]
    columns = ("way", "right", "look-ups/s", "gridmap to it", "")
    print_table(f"{peer}, {len(tried[best].rows)} texts", columns, rows)
    return best, tried[best]
