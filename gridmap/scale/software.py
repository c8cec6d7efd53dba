"""The versions that the bytes of a result depend on."""

from __future__ import annotations

from importlib.metadata import version

_PACKAGES = ("gridmap", "numpy", "pandas", "pyarrow")


def software() -> str:
    """Return the versions of what reads, joins and writes.

    Examples
    --------
    >>> software().startswith("gridmap ")
    True
    """
    return ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
