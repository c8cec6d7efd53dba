# make demo: the main job on files, no server.  make test: lint and every test.
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out
LOCK := .ci/constraints.txt pyproject.toml .ci/setup

.PHONY: demo test lint fast format lock data picture bench-locate exact-locate bench-circles bench-draw bench-api bench-addresses clean

demo: $(VENV)/.demo-ready
	$(BIN)/gridmap demo --out $(OUT)

test: lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

# while working: the suite without what takes more than ten seconds
fast: $(VENV)/.test-ready
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow"

lint: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# the small town in data/, made anew from its seed
data: $(VENV)/.demo-ready
	$(BIN)/python -m gridmap.sample town data/town

# the picture in the README, of the sample county as the demo drew it
picture: $(VENV)/.test-ready
	$(BIN)/gridmap demo --out $(OUT)
	$(BIN)/python -m gridmap.maps.picture $(OUT)/plan.gpkg data/county.png

# points to grids against every other engine, on an otherwise idle machine; BENCH=--quick for a look
bench-locate: $(VENV)/.bench-ready
	$(BIN)/python tests/bench/locate.py $(BENCH)

# walking circles against every other engine and against the exact walk; BENCH="--quick --place porto --part speed"
bench-circles: $(VENV)/.bench-ready
	$(BIN)/python tests/bench/circles.py $(BENCH)

# drawing and redrawing against METIS, GerryChain and spopt; BENCH="--part town" or "--town DIR" for another town
bench-draw: $(VENV)/.bench-ready
	$(BIN)/python tests/bench/draw.py $(BENCH)

# which grid, over HTTP, against a route that does nothing and against ST_Covers; BENCH="--seconds 5 --repeats 3"
bench-api: $(VENV)/.bench-ready
	$(BIN)/python tests/bench/api.py $(BENCH)

# damaged addresses to grids, and against pg_trgm and a rapidfuzz scan; BENCH="--quick --part county"
bench-addresses: $(VENV)/.bench-ready
	$(BIN)/python tests/bench/addresses.py $(BENCH)

# ten million points on each plan, every vertex and edge, against shapely
exact-locate: $(VENV)/.bench-ready
	$(BIN)/python tests/bench/locate_exact.py

# pin the newest versions that work together
lock:
	rm -rf $(VENV)-lock && python3 -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install -q -e ".[dev,postgis,distributed,bench]"
	$(VENV)-lock/bin/pip freeze --exclude-editable > .ci/constraints.txt
	rm -rf $(VENV)-lock

$(VENV)/.demo-ready: $(LOCK)
	.ci/setup demo $(VENV)
	touch $@

$(VENV)/.test-ready: $(LOCK)
	.ci/setup test $(VENV)
	touch $@ $(VENV)/.demo-ready

$(VENV)/.bench-ready: $(LOCK)
	.ci/setup bench $(VENV)
	touch $@ $(VENV)/.test-ready $(VENV)/.demo-ready

clean:
	rm -rf $(VENV) $(VENV)-valhalla $(OUT) build dist *.egg-info
