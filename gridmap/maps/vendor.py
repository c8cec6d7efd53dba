"""Fetch the third-party files that pages are made of into ``gridmap/maps/assets``.

A developer's tool, never used at run time: ``python -m gridmap.maps.vendor``. It asks ``npm pack`` (and so the
registry that npm is configured for) for the pinned packages, checks each tarball against its pinned integrity,
unpacks only the files that pages need together with the licence, and writes ``manifest.json``. To move to another
version, change :data:`PACKAGES`, run the tool, look at a page, and commit what changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gridmap.errors import InputError
from gridmap.geo.files import atomic_path

ASSETS: Final = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Package:
    """One pinned npm package.

    Parameters
    ----------
    name, version
        As npm knows them.
    integrity
        ``sha512-`` and the base64 digest of the tarball, as in a lock file.
    licence
        SPDX identifier.
    files
        Paths inside the package that are kept; the first is the licence text.
    """

    name: str
    version: str
    integrity: str
    licence: str
    files: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Name of the folder below ``assets`` that holds the package."""
        return f"{self.name}-{self.version}"


PACKAGES: Final = (
    Package(
        "leaflet",
        "1.9.4",
        "sha512-nxS1ynzJOmOlHp+iL3FyWqK89GtNL8U8rvlMOsQdTTssxZwCXh8N2NB3GDQOL+YR3XnWyZAxwQixURb+FA74PA==",
        "BSD-2-Clause",
        (
            "LICENSE",
            "dist/leaflet.js",
            "dist/leaflet.css",
            "dist/images/layers.png",
            "dist/images/layers-2x.png",
            "dist/images/marker-icon.png",
            "dist/images/marker-icon-2x.png",
            "dist/images/marker-shadow.png",
        ),
    ),
    Package(
        "jquery",
        "3.7.1",
        "sha512-m4avr8yL8kmFN8psrbFFFmB/If14iN5o9nw/NgnnM+kybDJpRsAynV2BsfpTYrTRysYUdADVD7CkUUizgkpLfg==",
        "MIT",
        ("LICENSE.txt", "dist/jquery.slim.min.js"),
    ),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        "Apache-2.0",
        ("LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css"),
    ),
)
"""What is vendored. jQuery goes only into pages to which a caller adds a folium popup; Swagger UI shows the API."""


def vendor(assets: Path = ASSETS) -> Path:
    """Replace the vendored packages and the manifest below ``assets``; return the manifest's path.

    Raises
    ------
    InputError
        When npm is missing, cannot pack a package, or gives a tarball whose integrity is not the pinned one.
    """
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            _unpack(package, _pack(package, Path(folder)), assets)
    wanted = {package.folder for package in PACKAGES}
    for old in assets.glob("*-[0-9]*"):
        if old.name not in wanted:
            shutil.rmtree(old)
    with atomic_path(assets / "manifest.json") as path:
        path.write_text(json.dumps(manifest(assets), indent=1) + "\n", encoding="utf-8")
    return assets / "manifest.json"


def manifest(assets: Path = ASSETS) -> dict[str, list[dict[str, object]]]:
    """Return what is vendored: package, version, integrity, licence, and the sha256 of each file."""
    return {
        "packages": [
            {
                "package": package.name,
                "version": package.version,
                "integrity": package.integrity,
                "licence": package.licence,
                "folder": package.folder,
                "sha256": {name: _sha256(assets / package.folder / name) for name in package.files},
            }
            for package in PACKAGES
        ]
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pack(package: Package, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise InputError("npm is not installed; it is needed only to refresh the vendored assets")
    command = [npm, "pack", "--json", "--ignore-scripts", f"{package.name}@{package.version}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our list
    if done.returncode != 0:
        raise InputError(f"npm could not pack {package.name}@{package.version}: {done.stderr.strip()}")
    tarball: Path = folder / json.loads(done.stdout)[0]["filename"]
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package.integrity:
        raise InputError(f"{package.name}@{package.version} has integrity {found}, pinned is {package.integrity}")
    return tarball


def _unpack(package: Package, tarball: Path, assets: Path) -> None:
    with atomic_path(assets / package.folder) as folder, tarfile.open(tarball) as archive:
        for name in package.files:
            source = archive.extractfile(f"package/{name}")
            if source is None:
                raise InputError(f"{package.name}@{package.version} holds no file {name}")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read())


if __name__ == "__main__":
    sys.stdout.write(f"{vendor()}\n")
