"""Rings as stars: the same reach without a cycle, since SpiceDB gives up on one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Stars", "rings", "stars"]

N = TypeVar("N", bound=Hashable)


class Stars(NamedTuple, Generic[N]):
    """Which nodes have what another one has, and which have what another one has itself; ``depth``: the longest way."""

    of: frozenset[tuple[N, N]]
    near: frozenset[tuple[N, N]]
    depth: int


def stars(edges: Mapping[N, Iterable[N]]) -> Stars[N]:
    """Take a graph apart, whose edges lead from a node to those that it has everything of."""
    of: set[tuple[N, N]] = set()
    near: set[tuple[N, N]] = set()
    depths: dict[N, int] = {}
    # What a ring leads to comes before it.
    for ring in rings(edges):
        first, within = ring[0], frozenset(ring)
        beyond = {other for node in ring for other in edges.get(node, ())} - within
        of.update((first, other) for other in beyond)
        of.update((node, first) for node in ring[1:])
        near.update((first, node) for node in ring[1:])
        deepest = max((depths[other] for other in beyond), default=-1) + 1
        if len(ring) > 1:
            deepest = max(deepest, 1)
        depths.update((node, deepest + (node != first)) for node in ring)
    return Stars(frozenset(of), frozenset(near), max(depths.values(), default=0))


def rings(edges: Mapping[N, Iterable[N]]) -> Iterator[list[N]]:
    """The rings of a graph (Tarjan's strongly connected components), each after those that it leads to."""
    index: dict[N, int] = {}
    low: dict[N, int] = {}
    held: dict[N, None] = {}
    for root in edges:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        held[root] = None
        work = [(root, iter(edges.get(root, ())))]
        while work:
            node, others = work[-1]
            for other in others:
                if other not in index:
                    index[other] = low[other] = len(index)
                    held[other] = None
                    work.append((other, iter(edges.get(other, ()))))
                    break
                if other in held:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = []
                    while True:
                        other, _ = held.popitem()
                        ring.append(other)
                        if other == node:
                            break
                    yield sorted(ring, key=str)
