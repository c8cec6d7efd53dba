"""The forms of a name (人民路, 人民), and the tables that lead from a form to the names it may stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.address.suffixes import is_strong, shorts_of, stem_of

Tables = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One name that a form may stand for.

    Parameters
    ----------
    name
        Its id.
    cut
        Where another suffix may stand in the name: the length of its stem; 0 where none may.
    cost
        0 for the name itself.
    """

    name: int
    cut: int
    cost: float


@dataclass(frozen=True, slots=True)
class Forms:
    """All forms: the names by their ids first, then what else they are said as.

    Parameters
    ----------
    texts
        Each once.
    sources
        Of a form behind the names: the name and the piece of it that is left out.
    entries
        Of each form, the likeliest first.
    """

    texts: list[str]
    sources: list[tuple[int, int, int]]
    entries: list[list[Entry]]


def forms_of(names: Sequence[str]) -> Forms:
    """Find all forms of distinct names.

    Examples
    --------
    >>> forms = forms_of(["人民路", "人民街"])
    >>> forms.texts, [entry.name for entry in forms.entries[2]]
    (['人民路', '人民街', '人民'], [0, 1])
    """
    texts = list(names)
    ids = {text: form for form, text in enumerate(texts)}
    entries = [[Entry(name, _added_at(text), 0.0)] for name, text in enumerate(texts)]
    sources: list[tuple[int, int, int]] = []
    for name, text in enumerate(names):
        for short in shorts_of(text):
            form = ids.setdefault(short.text, len(texts))
            if form == len(texts):
                texts.append(short.text)
                sources.append((name, short.cut, short.resume))
                entries.append([])
            entries[form].append(Entry(name, short.cut if short.open else 0, short.cost))
    for found in entries:
        found.sort(key=lambda entry: (entry.cost, entry.name))
    return Forms(texts, sources, entries)


def _added_at(name: str) -> int:
    """Tell where a suffix may be added to a whole name: at its end, if it has none that says what it is."""
    return 0 if is_strong(stem_of(name)[1]) else len(name)


def form_tables(forms: Forms) -> Tables:
    """Make the arrays of all forms, as they are stored."""
    flat = [entry for found in forms.entries for entry in found]
    first = np.cumsum([0, *map(len, forms.entries)])
    sources = np.array(forms.sources, dtype=np.int32).reshape(-1, 3)
    lengths: dict[str, tuple[int, set[int]]] = {}
    for form, text in enumerate(forms.texts):
        if len(text) > 1:
            lengths.setdefault(text[:2], (form, set()))[1].add(len(text))
    return {
        "form_source": np.ascontiguousarray(sources[:, 0]),
        "form_cut": sources[:, 1].astype(np.uint16),
        "form_resume": sources[:, 2].astype(np.uint16),
        "form_plain": np.array([len(found) == 1 and not found[0].cut and not found[0].cost for found in forms.entries]),
        "form_entry_first": first.astype(np.int32),
        "entry_name": np.array([entry.name for entry in flat], dtype=np.int32),
        "entry_cut": np.array([entry.cut for entry in flat], dtype=np.uint16),
        "entry_cost": np.array([entry.cost for entry in flat], dtype=np.float32),
        "head_form": np.array([form for form, _ in lengths.values()], dtype=np.int32),
        "head_first": np.cumsum([0, *(len(sizes) for _, sizes in lengths.values())]).astype(np.int32),
        "head_length": np.array([size for _, sizes in lengths.values() for size in sorted(sizes)], dtype=np.uint16),
    }


def read_forms(names: Sequence[str], tables: Mapping[str, NDArray[np.generic]]) -> list[str]:
    """Read all forms as text, the names first."""
    texts = list(names)
    pieces = zip(
        tables["form_source"].tolist(), tables["form_cut"].tolist(), tables["form_resume"].tolist(), strict=True
    )
    texts.extend([names[source][:cut] + names[source][resume:] for source, cut, resume in pieces])
    return texts


def read_heads(forms: Sequence[str], tables: Mapping[str, NDArray[np.generic]]) -> dict[str, tuple[int, ...]]:
    """Read the lengths of the forms that begin with two characters, by these."""
    first, length = tables["head_first"].tolist(), tables["head_length"].tolist()
    return {
        forms[form][:2]: tuple(length[start:stop])
        for form, start, stop in zip(tables["head_form"].tolist(), first[:-1], first[1:], strict=True)
    }
