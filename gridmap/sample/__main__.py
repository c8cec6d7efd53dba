"""``python -m gridmap.sample town FOLDER`` or ``county FOLDER``: write a sample as ordinary files."""

from __future__ import annotations

import sys
from pathlib import Path

from gridmap.errors import GridmapError
from gridmap.sample.county import make_county
from gridmap.sample.incidents import make_incidents
from gridmap.sample.io import write_county, write_incidents, write_layers, write_roster, write_table
from gridmap.sample.osm_io import write_extract
from gridmap.sample.roster import make_leaders
from gridmap.sample.town import make_town

_TOWN_LAYERS = ("boundary", "streets", "communities", "water", "rail", "buildings", "stations")
_TOWN_INCIDENTS = 300


def write_town(folder: Path, seed: int = 0) -> None:
    """Write the small town that comes with the sources, no more than tests and first steps need."""
    town = make_town(seed)
    write_layers(town, folder, _TOWN_LAYERS)
    write_table(town.addresses.drop(columns="geometry"), folder / "addresses.csv")
    write_incidents(make_incidents(town, seed, _TOWN_INCIDENTS), folder / "incidents.csv")
    write_roster(make_leaders(town, seed), folder / "roster.csv")
    write_table(town.organisations, folder / "organisations.csv")
    write_extract(town, folder / "town.osm.pbf")


def main(arguments: list[str]) -> int:
    """Write what the command line asks for; return the exit code."""
    match arguments:
        case ["town", folder]:
            write_town(Path(folder))
        case ["county", folder]:
            write_county(make_county(), folder)
        case _:
            print("usage: python -m gridmap.sample town|county FOLDER", file=sys.stderr)  # noqa: T201
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GridmapError as error:
        sys.exit(str(error))
