"""Settings: named where people look for them, used where they are named, and refused when they say nothing sensible."""

from __future__ import annotations

import getpass
import inspect
import os
import re
from pathlib import Path

import pytest

import gridmap.settings
from gridmap import settings
from gridmap.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
NAME = re.compile(r"\bGRIDMAP_[A-Z_]+[A-Z]\b")


def documented() -> set[str]:
    return set(NAME.findall(inspect.getdoc(gridmap.settings)))


def test_every_setting_that_the_code_reads_is_documented_and_every_documented_one_is_read():
    """What is read is a string of its own; messages and docstrings only speak of it."""
    read = {
        name
        for path in (ROOT / "gridmap").rglob("*.py")
        for name in re.findall(r'"(GRIDMAP_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert read == documented()


def test_no_message_of_the_code_speaks_of_a_setting_that_is_not_there():
    spoken = {name for path in (ROOT / "gridmap").rglob("*.py") for name in NAME.findall(path.read_text("utf-8"))}
    assert spoken == documented()


def test_the_table_of_the_readme_has_every_setting_and_no_other():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(GRIDMAP_[A-Z_]+)` \|", readme, flags=re.MULTILINE)
    assert sorted(rows) == sorted(documented())
    assert set(NAME.findall(readme)) == documented()


@pytest.fixture
def setting(monkeypatch):
    for name in documented() - {"GRIDMAP_CACHE_DIR"}:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


def test_the_record_is_the_one_named(setting):
    setting("GRIDMAP_DATABASE_URL", "postgresql://gridmap@db/gridmap")
    assert settings.database_url() == "postgresql://gridmap@db/gridmap"


@pytest.mark.parametrize("url", ["mysql://gridmap@db/gridmap", "sqlite:///gridmap.db", "gridmap", "/var/lib/gridmap"])
def test_a_record_elsewhere_than_in_postgresql_is_refused_with_the_way_to_write_it(setting, url):
    setting("GRIDMAP_DATABASE_URL", url)
    with pytest.raises(InputError, match="postgresql://user@host/gridmap"):
        settings.database_url()


def test_without_a_name_the_record_is_the_private_cluster_that_runs(setting, tmp_path, cluster):
    setting("GRIDMAP_DB_DIR", str(tmp_path))
    assert settings.database_url() is None
    setting("GRIDMAP_DB_DIR", str(cluster.folder))
    assert settings.database_url() == cluster.url
    setting("GRIDMAP_DATABASE_URL", "")
    assert settings.database_url() == cluster.url


def test_the_folder_of_the_private_cluster_is_the_users_own_and_roots_is_not_in_its_closed_home(setting, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Path.home() not in settings.database_folder().parents
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Path.home() in settings.database_folder().parents
    setting("GRIDMAP_DB_DIR", "~/records")
    assert settings.database_folder() == Path.home() / "records"


def test_the_audit_names_who_is_named_or_who_logged_in(setting, monkeypatch):
    assert settings.actor() == getpass.getuser()
    setting("GRIDMAP_ACTOR", " 规划科 ")
    assert settings.actor() == "规划科"


def test_the_audit_never_names_nobody(setting, monkeypatch):
    def nameless() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nameless)
    with pytest.raises(InputError, match="GRIDMAP_ACTOR"):
        settings.actor()


def test_questions_without_a_key_are_answered_unless_told_not_to(setting):
    assert settings.is_public()
    setting("GRIDMAP_PUBLIC", "no")
    assert not settings.is_public()


@pytest.mark.parametrize("value", ["No", "false", "0", "", "off"])
def test_a_slip_does_not_open_what_was_to_be_closed(setting, value):
    setting("GRIDMAP_PUBLIC", value)
    with pytest.raises(InputError, match="yes, no"):
        settings.is_public()


def test_the_rate_of_keys(setting):
    assert settings.rate_per_minute() == settings.RATE_PER_MINUTE
    setting("GRIDMAP_RATE", "30")
    assert settings.rate_per_minute() == 30


@pytest.mark.parametrize("value", ["0", "-1", "1e9", "nan", "二十", "٣", "", "99999999999999999999", "1.5"])
def test_a_rate_that_is_no_number_of_requests_is_refused(setting, value):
    setting("GRIDMAP_RATE", value)
    with pytest.raises(InputError, match="GRIDMAP_RATE"):
        settings.rate_per_minute()


def test_the_log_is_text_or_json(setting):
    assert settings.log_format() == "text"
    setting("GRIDMAP_LOG", "json")
    assert settings.log_format() == "json"
    setting("GRIDMAP_LOG", "JSON")
    with pytest.raises(InputError, match="text, json"):
        settings.log_format()


def test_proxies_are_addresses_or_networks(setting):
    assert settings.trusted_proxies() == ()
    setting("GRIDMAP_TRUSTED_PROXIES", "127.0.0.1, 10.1.0.0/16,::1")
    assert [str(each) for each in settings.trusted_proxies()] == ["127.0.0.1/32", "10.1.0.0/16", "::1/128"]


@pytest.mark.parametrize("value", ["proxy.local", "10.1.0.7/16", "10.1.0", "*"])
def test_what_is_no_network_is_not_trusted(setting, value):
    setting("GRIDMAP_TRUSTED_PROXIES", value)
    with pytest.raises(InputError, match="GRIDMAP_TRUSTED_PROXIES"):
        settings.trusted_proxies()


def test_the_address_index_is_the_one_named(setting):
    assert settings.address_index() is None
    setting("GRIDMAP_ADDRESSES", "~/addresses.idx")
    assert settings.address_index() == Path.home() / "addresses.idx"
