"""The other ways to draw nested grids: METIS, GerryChain and spopt, each level inside the one above."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pymetis
from draw_data import COUNTS, Ints, Town

from gridmap.grids.adjacency import BlockGraph
from gridmap.grids.nested_shares import apportion

Split = Callable[[BlockGraph, int], Ints]


def nested(graph: BlockGraph, split: Split) -> tuple[Ints, ...]:
    """Divide at every level inside the grids of the level above, as many as their weight deserves."""
    groups = [np.arange(len(graph.weight))]
    labels = []
    for total in COUNTS:
        weight = np.array([graph.weight[members].sum() for members in groups])
        size = np.array([len(members) for members in groups])
        count = apportion(weight, total, most=size)
        following = []
        for members, parts in zip(groups, count.tolist(), strict=True):
            label = np.zeros(len(members), dtype=np.int64) if parts == 1 else split(graph.subgraph(members), parts)
            following += [members[label == part] for part in range(parts)]
        groups = following
        label = np.empty(len(graph.weight), dtype=np.int64)
        for number, members in enumerate(groups):
            label[members] = number
        labels.append(label)
    return tuple(labels)


def metis(graph: BlockGraph, parts: int) -> Ints:
    """Divide by METIS, recursively."""
    _, label = pymetis.part_graph(
        parts,
        pymetis.CSRAdjacency(adj_starts=graph.start, adjacent=graph.neighbour),
        vweights=np.rint(graph.weight).astype(np.int64) + 1,
        eweights=np.maximum(np.rint(graph.cost), 1).astype(np.int64),
        recursive=True,
        options=pymetis.Options(seed=0, ufactor=30),
    )
    return np.asarray(label, dtype=np.int64)


def gerrychain(graph: BlockGraph, parts: int) -> Ints:
    """Divide by GerryChain's bipartition trees; where a tolerance cannot be kept, by a wider one."""
    import networkx as nx
    from gerrychain import Graph, partition, tree

    made = nx.Graph()
    for row, weight in enumerate(graph.weight.tolist()):
        made.add_node(row, homes=weight + 1e-6)
    tail = np.repeat(np.arange(len(graph.weight)), np.diff(graph.start))
    made.add_edges_from(zip(tail.tolist(), graph.neighbour.tolist(), strict=True))
    target = float(graph.weight.sum()) / parts
    for tolerance in (0.1, 0.2, 0.4, 0.8):
        try:
            found = partition.recursive_tree_part(
                Graph.from_networkx(made), range(parts), target, "homes", tolerance,
                bipartition_tree_fn=_bipartition,
            )  # fmt: skip
        except (RuntimeError, ValueError, tree.BalanceError, tree.PopulationBalanceError):
            continue
        return np.array([found[row] for row in range(len(graph.weight))], dtype=np.int64)
    return metis(graph, parts)


def _bipartition(*args: Any, **options: Any) -> Any:
    from gerrychain import tree

    return tree.bipartition_tree(*args, **{**options, "max_attempts": 200, "warn_attempts": 10**9})


def _spopt(town: Town, kind: str, answer: Any) -> None:
    import spopt.region
    from libpysal.weights import W

    a, b = (town.pairs[name].tolist() for name in ("a", "b"))
    near: dict[int, list[int]] = {row: [] for row in range(len(town.blocks))}
    for i, j in zip(a, b, strict=True):
        near[i].append(j)
        near[j].append(i)
    frame = town.blocks.reset_index(drop=True)
    frame["x"], frame["y"] = frame.geometry.centroid.x, frame.geometry.centroid.y
    model = getattr(spopt.region, kind)(frame, W(near, silence_warnings=True), ["x", "y"], n_clusters=COUNTS[-1])
    began = time.perf_counter()
    model.solve()
    answer.put((time.perf_counter() - began, np.unique(model.labels_, return_inverse=True)[1]))


def spopt(town: Town, kind: str, limit_s: float) -> tuple[float, Ints] | None:
    """Let spopt draw the finest level alone (it knows no nesting); ``None`` when the time is up."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    worker = context.Process(target=_spopt, args=(town, kind, answer), daemon=True)
    worker.start()
    try:
        found: tuple[float, Ints] = answer.get(timeout=limit_s)
        return found
    except queue.Empty:
        return None
    finally:
        worker.kill()
