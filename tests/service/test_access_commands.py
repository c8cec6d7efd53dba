"""``gridmap keys`` and ``gridmap users``, as the office runs them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from gridmap.cli.app import app
from gridmap.errors import ConflictError, GridmapError, InputError, UnknownNameError
from gridmap.service import access
from gridmap.store.access_model import AppUser, Audit
from gridmap.store.engine import Store

PASSWORD = "correct horse battery"


@pytest.fixture
def run(fresh_url, monkeypatch):
    """Give a function that runs a command on a record of its own."""
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", fresh_url)
    monkeypatch.setenv("GRIDMAP_ACTOR", "office")
    monkeypatch.setenv("GRIDMAP_LANG", "en")

    def run(*args, stdin=""):
        done = CliRunner().invoke(app, args, input=stdin)
        if isinstance(done.exception, GridmapError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


@pytest.fixture
def store(fresh_url):
    opened = Store(fresh_url)
    yield opened
    opened.close()


def test_a_key_is_printed_once_alone_and_works_until_it_is_revoked(run, store):
    made = run("keys", "create", "hotline", "--scope", "read", "--scope", "unmask", "--expires", "2099-01-01")
    key = made.stdout.strip()
    assert key.startswith("gm_")
    assert key not in made.stderr
    with store.transaction(actor="x") as session:
        held = access.read_ring(session).find(key.encode(), 0.0)
    assert held.principal.scopes == {"read", "unmask"}
    listed = run("keys", "list").output
    assert key[:11] in listed
    assert "hotline" in listed
    assert key not in listed
    run("keys", "revoke", key[:11])
    with store.transaction(actor="x") as session:
        assert access.read_ring(session).find(key.encode(), 0.0) is None
    with pytest.raises(ConflictError):
        run("keys", "revoke", key[:11])
    with pytest.raises(UnknownNameError):
        run("keys", "revoke", "gm_none")
    with pytest.raises(InputError, match="fly"):
        run("keys", "create", "hotline", "--scope", "fly")


def test_users_from_their_first_day_to_their_last(run, store):
    said = [
        run("users", "add", "Li", "--role", "grid_staff", "--town", "320299001", "--password-stdin", stdin=PASSWORD)
    ]
    said.append(run("users", "list"))
    assert "grid_staff" in said[-1].output

    def kept():
        with store.transaction(actor="x") as session:
            return session.scalar(select(AppUser))

    first = kept()
    assert access.PASSWORDS.fits(first.password, PASSWORD)
    said.append(run("users", "password", "li", "--password-stdin", stdin="another horse battery\n"))
    assert kept().password != first.password
    said.append(run("users", "disable", "li"))
    assert kept().disabled
    said.append(run("users", "unlock", "li"))
    assert not kept().disabled
    with store.transaction(actor="x") as session:
        told = [(row.actor, row.action, row.subject) for row in session.scalars(select(Audit).order_by(Audit.id))]
    assert told == [("office", what, "li") for what in ("user-added", "password-set", "user-disabled", "user-unlocked")]
    for each in said:
        assert "horse" not in each.output
        assert first.password not in each.output


def test_a_password_is_never_asked_of_nobody_or_read_wrongly(run):
    for stdin, said in (("short\n", "12 to 128"), (b"\xff" * 20, "UTF-8"), ("", "12 to 128")):
        with pytest.raises(InputError, match=said):
            run("users", "add", "li", "--role", "caller", "--password-stdin", stdin=stdin)
    with pytest.raises(InputError, match="password-stdin"):
        run("users", "add", "li", "--role", "caller", stdin=PASSWORD)


def test_without_a_record_the_command_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("GRIDMAP_DATABASE_URL", raising=False)
    monkeypatch.setenv("GRIDMAP_DB_DIR", str(tmp_path))
    for command in (["keys", "list"], ["users", "list"]):
        done = CliRunner().invoke(app, command)
        assert isinstance(done.exception, InputError)
        assert "gridmap db start" in str(done.exception)
