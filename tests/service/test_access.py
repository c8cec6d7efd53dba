"""Keys, users and log-ins on the record."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from gridmap.errors import AccessError, ConflictError, InputError, UnknownNameError
from gridmap.service import access
from gridmap.service.access_passwords import Passwords, read_password
from gridmap.service.access_rules import COUNTY, COUNTY_ONLY
from gridmap.service.access_sessions import ABSOLUTE, IDLE, LOCKED, LOCKED_AT_MOST, LoginRefused, locked_for
from gridmap.store import engine
from gridmap.store.access_model import ApiKey, AppUser, Audit, State, UserSession

CHEAP = Passwords(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
_NUMBERS = itertools.count()


class Counting(Passwords):
    """Counts what is slow."""

    hashes = 0

    def fits(self, kept, password):
        type(self).hashes += 1
        return super().fits(kept, password)

    def bucket(self, name):
        type(self).hashes += 1
        return super().bucket(name)


COUNTING = Counting(time_cost=1, memory_kib=8, parallelism=1)


@pytest.fixture(scope="module")
def store(store_url):
    """Give a record that the tests here share: each has names of its own."""
    opened = engine.Store(store_url, size=4)
    yield opened
    opened.close()


@pytest.fixture
def name():
    return f"user{next(_NUMBERS)}"


@pytest.fixture
def user(store, name):
    with store.transaction(actor="office") as session:
        access.add_user(session, username=name, password=PASSWORD, role="dispatcher", town="320299001", passwords=CHEAP)
    return name


def log_in(store, name, password=PASSWORD, now=NOW, former=None, passwords=CHEAP):
    with store.transaction(actor="public") as session:
        return access.log_in(session, name, password, former=former, request_id="r-1", now=now, passwords=passwords)


def visit(store, token, now=NOW):
    with store.transaction(actor="public") as session:
        return access.session_of(session, token, now=now)


def generation(store):
    with store.transaction(actor="x") as session:
        return session.scalar(select(State.generation))


def actions(store, subject):
    with store.transaction(actor="x") as session:
        query = select(Audit.action, Audit.actor).where(Audit.subject == subject)
        return [tuple(row) for row in session.execute(query.order_by(Audit.id))]


def make_key(store, **options):
    with store.transaction(actor="office") as session:
        return access.create_key(session, **{"name": "热线", "scopes": ["read"]} | options)


def ring(store):
    with store.transaction(actor="x") as session:
        return access.read_ring(session)


def test_the_county_is_the_stores():
    assert COUNTY == engine.COUNTY


def test_a_key_is_found_until_it_expires_or_is_revoked(store):
    before = generation(store)
    # The record takes the time at which it is asked; the ring is asked at any.
    made = make_key(store, scopes=["unmask", "read"], town="320299001", expires_at=NOW + timedelta(days=1), now=NOW)
    held = ring(store).find(made.key.encode(), NOW.timestamp())
    assert (held.principal.jurisdiction, held.principal.scopes) == ("320299001", frozenset({"read", "unmask"}))
    last = (NOW + timedelta(days=1)).timestamp()
    assert ring(store).find(made.key.encode(), last - 0.001) == held
    assert ring(store).find(made.key.encode(), last) is None
    with store.transaction(actor="office") as session:
        access.revoke_key(session, made.prefix)
    assert ring(store).find(made.key.encode(), NOW.timestamp()) is None
    assert generation(store) == before + 2  # workers read the ring again
    assert actions(store, made.prefix) == [("key-created", "office"), ("key-revoked", "office")]
    with pytest.raises(ConflictError, match="already"), store.transaction(actor="office") as session:
        access.revoke_key(session, made.prefix)


def test_a_key_with_a_letter_changed_is_none(store):
    made = make_key(store)
    keys = ring(store)
    assert keys.find(made.key.encode(), 0.0)
    for place in range(len(made.key)):
        other = "A" if made.key[place] != "A" else "B"
        assert keys.find((made.key[:place] + other + made.key[place + 1 :]).encode(), 0.0) is None
    assert keys.find(made.prefix.encode(), 0.0) is None
    assert made.key not in repr(made)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scopes": []}, "needs a scope"),
        ({"scopes": ["read", "fly"]}, "fly is no scope"),
        ({"scopes": ["publish"], "town": "320299001"}, "concerns every town"),
        ({"town": "a'b"}, "neither"),
        ({"town": ""}, "neither"),
        ({"name": " "}, "which program"),
        ({"name": "a\x00b"}, "which program"),
        ({"rate_per_minute": 0}, "allowed: 1 to"),
        ({"expires_at": NOW, "now": NOW}, "to come"),
        ({"expires_at": datetime(2099, 1, 1)}, "zone"),
    ],
)
def test_keys_that_cannot_be_are_refused(store, options, said):
    with store.transaction(actor="x") as session:
        count = len(access.list_keys(session))
    with pytest.raises(InputError, match=said):
        make_key(store, **options)
    with store.transaction(actor="x") as session:
        assert len(access.list_keys(session)) == count


def test_a_town_that_the_plans_do_not_have_is_refused(fresh_url):
    from plans_made import TOWNS, county

    from gridmap.service import publishing

    fresh = engine.Store(fresh_url)
    with fresh.transaction(actor="x") as session:
        publishing.propose(session, county(name="towns"), commit=True)
        assert access.create_key(session, name="a", scopes=["read"], town=TOWNS[0]).key
        with pytest.raises(InputError, match=TOWNS[-1]):
            access.create_key(session, name="a", scopes=["read"], town="320299099")
    fresh.close()


def test_only_the_county_approves_and_publishes():
    for role, town in itertools.product(access.USER_ROLES, ("*", "320299001")):
        permissions = access.ROLES[role] if town == "*" else access.ROLES[role] - COUNTY_ONLY
        who = access.Principal("x", role, town, permissions, "user")
        for permission in COUNTY_ONLY:
            assert who.may(permission) == (town == "*" and permission in access.ROLES[role])
    assert all(access.ROLES[role] <= set(access.PERMISSIONS) for role in access.ROLES)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "has 5"),
        ("a" * 129, "has 129"),
        ("aaaaaaaaaaaaa", "different letters"),
        ("一一一一一一一一一一一一一", "different letters"),
        ("ab" * 7, "different letters"),
        ("Wang.Min-2026", "user's name"),
        ("correct horse\n", "typed again"),
    ],
)
def test_passwords_that_are_guessed_are_refused_and_not_repeated(password, said):
    with pytest.raises(InputError, match=said) as refused:
        read_password(password, "wang.min")
    assert password not in str(refused.value)


@given(st.text(st.characters(exclude_categories=("C", "Z")), min_size=12, max_size=40))
def test_a_password_fits_itself_however_it_is_typed(password):
    """A full-width letter is the letter; another password is another."""
    kept = CHEAP.hash(password)
    wide = "".join(chr(ord(each) + 0xFEE0) if 0x21 <= ord(each) <= 0x7E else each for each in password)
    assert CHEAP.fits(kept, password)
    assert CHEAP.fits(kept, wide)
    assert not CHEAP.fits(kept, password + "x")


def test_users_are_added_once_whatever_the_case(store, user):
    with pytest.raises(ConflictError, match=user), store.transaction(actor="x") as session:
        access.add_user(session, username=user.upper(), password=PASSWORD, role="caller", town="*", passwords=CHEAP)
    assert isinstance(log_in(store, user.upper()), access.Login)
    for wrong, said in (
        ({"role": "king"}, "planner"),
        ({"role": "public"}, "planner"),
        ({"role": "grid_staff"}, "town"),
    ):
        options = {"username": "x" + user, "password": PASSWORD, "role": "caller", "town": "*"} | wrong
        with pytest.raises(InputError, match=said), store.transaction(actor="x") as session:
            access.add_user(session, **options, passwords=CHEAP)
    for bad in ("a b", "a\x00b", "x" * 65, "public", "<b>", ""):
        with pytest.raises(InputError, match="username"), store.transaction(actor="x") as session:
            access.add_user(session, username=bad, password=PASSWORD, role="caller", town="*", passwords=CHEAP)


def test_a_log_in_lasts_while_it_is_used_and_half_a_day_at_most(store, user):
    login = log_in(store, user)
    assert visit(store, login.token).principal.name == user
    at = NOW
    while at < NOW + ABSOLUTE:
        assert visit(store, login.token, at), at
        at += IDLE - timedelta(seconds=1)
    assert visit(store, login.token, NOW + ABSOLUTE) is None
    second = log_in(store, user)
    assert visit(store, second.token, NOW + IDLE - timedelta(seconds=1))
    assert visit(store, second.token, NOW + 2 * IDLE) is None
    for wrong in ("", login.csrf, second.token[:-1], "é" * 43, "\udcff"):
        assert visit(store, wrong) is None


def test_logging_in_again_ends_the_log_in_before(store, user):
    first = log_in(store, user)
    second = log_in(store, user, former=first.token)
    assert visit(store, first.token) is None
    held = visit(store, second.token)
    assert held.may_change(second.csrf)
    assert not any(held.may_change(other) for other in (first.csrf, second.token, "", "é", "\udcff"))
    with store.transaction(actor=user) as session:
        access.log_out(session, second.token)
    assert visit(store, second.token) is None
    assert actions(store, user)[1:] == [("logged-in", "public"), ("logged-in", "public"), ("logged-out", user)]


def test_whoever_is_disabled_or_gets_another_password_is_out_at_once(store, user):
    for change, again in (
        (lambda session: access.set_password(session, user, "another horse battery", passwords=CHEAP), PASSWORD),
        (lambda session: access.disable_user(session, user), "another horse battery"),
    ):
        login = log_in(store, user, PASSWORD if again == PASSWORD else "another horse battery")
        assert visit(store, login.token)
        with store.transaction(actor="office") as session:
            change(session)
        assert visit(store, login.token) is None
        assert log_in(store, user, again) == LoginRefused(None)
    with store.transaction(actor="office") as session:
        access.unlock_user(session, user)
    assert visit(store, login.token) is None  # what had ended does not come back
    assert isinstance(log_in(store, user, "another horse battery"), access.Login)
    told = [action for action, _ in actions(store, user)]
    assert [action for action in told if action.startswith(("pass", "user"))] == [
        "user-added", "password-set", "user-disabled", "user-unlocked",
    ]  # fmt: skip


def test_five_failures_lock_a_name_known_or_not_and_every_further_one_doubles_it(store, user):
    for name in (user, f"no-{user}"):
        at = NOW
        for failure in range(1, 9):
            refused = log_in(store, name, "wrong horse battery", at)
            assert refused == LoginRefused(locked_for(failure))
            if refused.locked_for is None:
                continue
            assert refused.locked_for == LOCKED * 2 ** (failure - 5)
            # While it is locked, nothing helps and nothing counts.
            for password in (PASSWORD, "wrong horse battery"):
                assert log_in(store, name, password, at + timedelta(seconds=60)) == LoginRefused(
                    refused.locked_for - timedelta(seconds=60)
                )
            at += refused.locked_for
    assert isinstance(log_in(store, user, now=at), access.Login)
    assert log_in(store, user, "wrong horse battery", at) == LoginRefused(None)  # counted from the start again
    assert locked_for(1000) == LOCKED_AT_MOST


def test_the_office_lifts_a_lock(store, user):
    for _ in range(5):
        log_in(store, user, "wrong horse battery")
    assert log_in(store, user).locked_for == LOCKED
    with store.transaction(actor="office") as session:
        access.unlock_user(session, user)
    assert isinstance(log_in(store, user), access.Login)


def test_whether_there_is_a_name_does_not_show(store, user):
    """Known, unknown, disabled, locked, unreadable: one slow hash each, and the same answer."""
    with store.transaction(actor="office") as session:
        options = {"password": PASSWORD, "role": "caller", "town": "*", "passwords": CHEAP}
        for each in (f"d-{user}", f"l-{user}"):
            access.add_user(session, username=each, **options)
        access.disable_user(session, f"d-{user}")
    for _ in range(5):
        log_in(store, f"l-{user}", "wrong horse battery")
    answers = {}
    for each in (user, f"no-{user}", f"d-{user}", f"l-{user}", "a\x00b", "\udcff", "x" * 5000):
        before = COUNTING.hashes
        answers[each] = log_in(store, each, "wrong horse battery", passwords=COUNTING)
        assert COUNTING.hashes == before + 1, each
    assert answers.pop(f"l-{user}") == LoginRefused(LOCKED)
    assert set(answers.values()) == {LoginRefused(None)}


def test_two_at_once_do_not_get_more_guesses(store, user):
    from concurrent.futures import ThreadPoolExecutor

    for name in (user, f"no-{user}"):
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _, name=name: log_in(store, name, "wrong horse battery"), range(12)))
        assert found.count(LoginRefused(None)) == 4
    assert sum(action == "log-in-failed" for action, _ in actions(store, user)) == 5


def test_a_hash_of_another_cost_is_renewed_at_the_next_log_in(store, user):
    dearer = Passwords(time_cost=2, memory_kib=16, parallelism=1)
    assert isinstance(log_in(store, user, passwords=dearer), access.Login)
    with store.transaction(actor="x") as session:
        kept = session.scalar(select(AppUser.password).where(AppUser.username == user))
    assert "m=16,t=2,p=1" in kept
    assert isinstance(log_in(store, user, passwords=dearer), access.Login)


def test_the_usual_cost_is_that_of_rfc_9106():
    assert (access.PASSWORDS.time_cost, access.PASSWORDS.memory_kib, access.PASSWORDS.parallelism) == (3, 65536, 4)


def test_no_secret_is_in_the_database(store, user):
    made = make_key(store)
    login = log_in(store, user)
    typed_as_name = "my-secret-password-2026"
    log_in(store, typed_as_name, "wrong horse battery")
    with store.transaction(actor="x") as session:
        kept = "\n".join(
            row for table in (ApiKey, AppUser, UserSession, Audit)
            for row in session.scalars(text(f"select t::text from {table.__table__.fullname} t"))
        )  # fmt: skip
    assert user in kept
    assert made.prefix in kept
    for secret in (made.key, made.key[len(made.prefix) :], login.token, login.csrf, PASSWORD, typed_as_name):
        assert secret not in kept
        assert secret.encode().hex() not in kept
    assert login.token not in repr(login)


def test_the_audit_is_never_changed(store, user):
    for statement in ("update gridmap.audit set reason = ''", "delete from gridmap.audit"):
        with pytest.raises(AccessError), store.transaction(actor="x") as session:
            session.execute(text(statement))


def test_what_there_is_not_is_named(store, user):
    with pytest.raises(UnknownNameError, match=user), store.transaction(actor="x") as session:
        access.disable_user(session, "somebody-else")
    made = make_key(store)
    with pytest.raises(UnknownNameError, match=made.prefix), store.transaction(actor="x") as session:
        access.revoke_key(session, "gm_nothing")
