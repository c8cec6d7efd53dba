"""A server of OGC API in a process of its own, for clients that hold Python's lock while they ask."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

from gridmap.api import problems
from gridmap.api.ogc import mount_ogc

app = FastAPI(docs_url=None, openapi_url=None)
problems.install(app)
mount_ogc(app, sys.argv[1])
uvicorn.run(app, fd=int(sys.argv[2]), log_level="warning", lifespan="on")
