"""A server whose access the tests try, and what they do with it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Response
from sqlalchemy import select

from gridmap.api.security import Principal, require
from gridmap.service import access as service
from gridmap.service.access_passwords import Passwords
from gridmap.store.access_model import Audit
from gridmap.store.people_model import Assignment, Person

CHEAP = Passwords(time_cost=1, memory_kib=8, parallelism=1)
PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC).timestamp()
AS_JSON = {"content-type": "application/json"}
MINE, OTHER = "320299001", "320299002"
NUMBERS = itertools.count()


class Clock:
    """A time that passes when a test says so."""

    now = NOW

    def __call__(self):
        return self.now


def add_routes(app):
    """Add what routes do with who asks: see a town's people, change something."""

    @app.get("/people")
    def people(who: Annotated[Principal, Depends(require("batch"))]):
        with app.state.access.store.transaction(actor=who.name, jurisdiction=who.jurisdiction) as session:
            return {"people": sorted(session.scalars(select(Person.person_id)))}

    @app.post("/load")
    def load(who: Annotated[Principal, Depends(require("load"))]):
        return {"by": who.name}

    @app.get("/kept")
    def kept():
        return Response(b"{}", headers={"Cache-Control": "public, max-age=31536000, immutable"})


def people_of(town):
    yield Person(person_id=f"p-{town}", name="王小明", phone="", recorded_by="x")
    yield Assignment(
        person_id=f"p-{town}", grid=town, town=town, role="网格员", full_time=True, is_primary=True, recorded_by="x"
    )


def renew(access):
    with access.store.transaction(actor="x") as session:
        access.renew(service.read_ring(session))


def bearer(access, **options):
    with access.store.transaction(actor="office") as session:
        made = service.create_key(session, **{"name": "热线", "scopes": ["read"]} | options)
    renew(access)
    return made, {"Authorization": f"Bearer {made.key}"}


def add_user(access, name, role="commander", town="*"):
    with access.store.transaction(actor="office") as session:
        service.add_user(session, username=name, password=PASSWORD, role=role, town=town, passwords=CHEAP)


def log_in(client, name, password=PASSWORD, **options):
    return client.post("/login", json={"username": name, "password": password}, **options)


def csrf(response):
    return {"X-CSRF-Token": response.json()["csrf"]}


def audit_of(access, subject, action):
    with access.store.transaction(actor="x") as session:
        query = select(Audit).where(Audit.subject == subject, Audit.action == action)
        return list(session.scalars(query.order_by(Audit.id.desc())))
