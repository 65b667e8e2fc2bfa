# The few verbs. Everything is set up by itself: a virtual environment in .venv, and what the project needs in it.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
READY := $(VENV)/.ready
WEB_READY := web/node_modules/.ready
# The dashboard as it was built when .venv was set up, or since; what is newer than it has come with a pull.
PAGE := fleetwire/dashboard/index.html
PAGE_SOURCES := web/package-lock.json web/client/src $(addprefix web/dashboard/,src public index.html vite.config.ts)

.PHONY: demo test web page simulate chaos attack lint types spec bench bench-peers bench-dashboard screenshots
.DEFAULT_GOAL := demo

demo: $(READY)  ## a server with a living fleet (ARGS="--port 9000 --experts 200")
	@[ -z "$$(find $(PAGE_SOURCES) -newer $(PAGE) 2>/dev/null | head -1)" ] || $(MAKE) --silent --no-print-directory page
	@$(RUN) fleetwire demo $(ARGS)

test: lint types web  ## everything that is tested (ARGS="-k hub")
	$(RUN) pytest -q $(ARGS)

# Types, tests (some against the real server), size and package of what is in web/.
ifeq ($(shell node -p 'const [a, b] = process.versions.node.split("."); a * 100 + +b >= 2019 ? "fit" : ""' 2>/dev/null),fit)
web: $(READY) $(WEB_READY)  ## what people see: the TypeScript client and the dashboard
	cd web && npm run check --workspaces --if-present --silent
page: $(WEB_READY)
	@echo "building the dashboard anew: its sources are newer"
	@cd web && said=$$(npm run build -w client -w dashboard --silent 2>&1) || { echo "$$said"; exit 1; }
else
web page:
	@echo "web/ is skipped: it needs Node 20.19 or later"
endif

simulate: $(READY)  ## weeks of a simulated fleet with faults, in every detail (ARGS="--seeds 20 --first 100")
	@$(RUN) tests.simulation $(ARGS)

attack: $(READY)  ## forty-two attacks on a server (ARGS="--url ws://127.0.0.1:8765 --token ...")
	@$(RUN) tests.attacks $(ARGS)

chaos: $(READY)  ## servers and experts are killed at every step of a command's life (ARGS="--kills 1000 --seed 2")
	@$(RUN) tests.chaos $(ARGS)

lint: $(READY)
	$(RUN) ruff check .
	$(RUN) ruff format --check .

types: $(READY)
	$(RUN) mypy

spec: $(READY)  ## write spec/*.json and web/client/src/generated.ts anew
	@$(RUN) fleetwire.spec

bench: $(READY)  ## how far from the limit we are; Linux with gcc (ARGS="--quick", ARGS="--rows burst,idle --rounds 3")
	@$(RUN) benchmarks.run $(ARGS)

bench-peers: $(READY)  ## the same for what else could carry the messages (ARGS="--only node-ws,nats")
	@$(RUN) benchmarks.peers $(ARGS)

bench-dashboard: web  ## how quick the dashboard is, in Chromium (ARGS="--seconds 10")
	@$(RUN) benchmarks.dashboard $(ARGS)

screenshots: web  ## take the README's pictures anew, of a demo with a seed; needs Chromium
	@$(RUN) tests.browser.screenshots

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11")'
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

$(WEB_READY): web/package-lock.json
	@echo "setting up web/node_modules (once)"
	@cd web && npm ci --silent
	@touch $@
