# Every target makes its own environment first; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/python -m uv

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: venv
venv: ## make .venv with every part installed, hash-locked
	@PYTHON='$(PYTHON)' scripts/make-venv

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url
.PHONY: lock
lock: venv ## resolve pyproject.toml into requirements/*.txt again
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) requirements/go.in -o requirements/go.txt
	$(LOCK) --extra dev pyproject.toml -o requirements/dev.txt
	for part in gateway sandbox operator docs; do $(LOCK) -c requirements/dev.txt --extra $$part pyproject.toml -o requirements/$$part.txt; done

export PATH := $(CURDIR)/.tools:$(PATH)
PYTEST := $(BIN)/python -m pytest

.PHONY: tools
tools: venv ## build helm, promtool, amtool and actionlint into .tools/ where PATH has none (minutes and gigabytes)
	@scripts/install-tools

.PHONY: demo
demo: venv ## run gateway, sandbox and Redis on this machine and play a conversation; DEMO=--once ends after it
	@exec $(BIN)/python scripts/with_make.py $$PPID $(BIN)/python -m sandbox demo $(DEMO)

.PHONY: test
test: venv ## everything that needs no cluster
	@$(PYTEST) -m "not e2e" -n 2 --dist worksteal tests/unit tests/examples tests/pages tests/chart tests/rules tests/dashboards tests/integration

.PHONY: lint
lint: venv ## every hook of .pre-commit-config.yaml: ruff, mypy, import-linter, yamllint, zizmor, actionlint, helm lint
	@PRE_COMMIT_HOME=.cache/pre-commit $(BIN)/pre-commit run --all-files

.PHONY: lint-all
lint-all: lint ## lint, and what takes long to build: kube-linter for the manifests, pint for the rules
	@scripts/lint-all

.PHONY: audit
audit: venv ## look up known vulnerabilities of the locked Python packages with pip-audit (needs network)
	@for part in gateway operator sandbox dev; do \
	  $(BIN)/python -m uv tool run --from pip-audit==2.10.1 pip-audit --require-hashes --disable-pip -r requirements/$$part.txt; \
	done

.PHONY: format
format: venv ## let ruff format and fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: venv ## write every generated file again: metrics, settings, dashboards, chart README
	@scripts/generate

PROM_URL ?= http://localhost:9090
.PHONY: dashboards
dashboards: ## show the dashboards against PROM_URL without Grafana, at http://localhost:4173 (needs Node)
	@command -v npm >/dev/null || { echo "dashboards: Node with npm is needed" >&2; exit 1; }
	@cd grafana-dashboards/preview && npm ci --no-audit --no-fund && npm run build
	@cd grafana-dashboards/preview && PROM_URL=$(PROM_URL) exec $(PYTHON) ../../scripts/with_make.py $$PPID node node_modules/vite/bin/vite.js preview --port 4173 --strictPort

.PHONY: perf
perf: venv ## the gateway against bare aiogram, with Redis storage, and aiohttp by hand: ratios in one run
	@$(BIN)/python benchmarks/run.py

.PHONY: perf-scale
perf-scale: venv ## what one update costs with 1, 2 and 4 replicas, a million users, a tenfold burst: ratios in one run
	@$(BIN)/python benchmarks/scale.py

.PHONY: perf-telemetry
perf-telemetry: venv ## what metrics and traces cost, and a collector that is away or never answers: ratios in one run
	@$(BIN)/python benchmarks/telemetry_cost.py

.PHONY: perf-operator
perf-operator: venv ## the operator among 10, 50 and 200 gateways (needs etcd and kube-apiserver on PATH)
	@PYTHONPATH=tests $(BIN)/python benchmarks/operator_scale.py

.PHONY: proof
proof: venv ## the gateway's guarantees in full: explored interleavings, an upgrade, 20,000 updates under kills, 100,000 hostile ones, poisoned chats, isolation
	@EXPLORER_DEPTH=deep $(PYTEST) -s tests/integration/gateway/delivery/test_explored_claims.py tests/integration/gateway/bot/test_explored_broadcast.py tests/integration/gateway/test_upgrade.py
	@DELIVERY_TEST_UPDATES=20000 HOSTILE_TEST_UPDATES=100000 BROADCAST_TEST_RECIPIENTS=2000 OUTBOX_TEST_MESSAGES=500 $(PYTEST) -s tests/integration/gateway/test_delivery.py tests/integration/gateway/test_hostile_updates.py tests/integration/gateway/test_poisoned_chats.py tests/integration/gateway/bot/test_broadcast_under_failures.py tests/integration/gateway/bot/test_broadcast_lost_replies.py tests/integration/gateway/bot/test_outbox_lost_replies.py
	@HOSTILE_TELEGRAM_UPDATES=20000 $(PYTEST) -s tests/integration/gateway/telegram_rules/test_hostile_telegram.py
	@$(BIN)/python benchmarks/isolation.py

TAG ?= dev
DOCKER ?= docker
DOCKER_BUILD_FLAGS ?= --network host
KIND_CLUSTER ?= bot-gateway
IMAGES := bot-gateway:$(TAG) bot-sandbox:$(TAG) bot-remediator:$(TAG)

# A base image by digest, for example BASE_IMAGE=python:3.13-slim-trixie@sha256:...; empty: the tag in the Dockerfiles.
BASE_IMAGE ?=
BUILD_ARGUMENTS := $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE))

.PHONY: images
images: ## build the three images as NAME:TAG
	$(DOCKER) build --quiet $(DOCKER_BUILD_FLAGS) $(BUILD_ARGUMENTS) -t bot-gateway:$(TAG) -f service/Dockerfile .
	$(DOCKER) build --quiet $(DOCKER_BUILD_FLAGS) $(BUILD_ARGUMENTS) -t bot-sandbox:$(TAG) -f sandbox/Dockerfile .
	$(DOCKER) build --quiet $(DOCKER_BUILD_FLAGS) $(BUILD_ARGUMENTS) -t bot-remediator:$(TAG) -f operator/Dockerfile .

REGISTRY ?=
.PHONY: push
push: ## REGISTRY=registry.example/team: push the built images there and print the values that use them (make images push)
	@[ -n "$(REGISTRY)" ] || { echo "push: set REGISTRY, for example: make images push REGISTRY=registry.example/team" >&2; exit 2; }
	@for image in $(IMAGES); do $(DOCKER) tag "$$image" "$(REGISTRY)/$$image"; $(DOCKER) push --quiet "$(REGISTRY)/$$image"; done
	@echo "helm install bot-gateway charts/bot-gateway: --set image.registry=$(REGISTRY) --set-string image.tag=$(TAG) --set-string operator.image.tag=$(TAG)"
	@echo "helm install sandbox charts/sandbox:         --set image.registry=$(REGISTRY) --set-string image.tag=$(TAG)"

.PHONY: load-images
load-images: images ## load the images into the kind cluster
	kind load docker-image --name $(KIND_CLUSTER) $(IMAGES)

# The commit is named once, in the tests.
UPGRADE_FROM ?= $(shell awk -F'"' '/^UPGRADE_FROM = / {print $$4}' tests/support/earlier_commit.py)
.PHONY: load-earlier-images
load-earlier-images: ## build gateway and operator of the commit UPGRADE_FROM as NAME:upgrade-from and load them
	git archive $(UPGRADE_FROM) | $(DOCKER) build --quiet $(DOCKER_BUILD_FLAGS) -t bot-gateway:upgrade-from -f service/Dockerfile -
	git archive $(UPGRADE_FROM) | $(DOCKER) build --quiet $(DOCKER_BUILD_FLAGS) -t bot-remediator:upgrade-from -f operator/Dockerfile -
	kind load docker-image --name $(KIND_CLUSTER) bot-gateway:upgrade-from bot-remediator:upgrade-from

.PHONY: judges
judges: venv ## let bots of other libraries talk to the Bot API simulator (needs Node and the package registries)
	@test -x .judges/venv/bin/python || $(BIN)/python -m venv .judges/venv
	@.judges/venv/bin/python -m pip install --quiet -r tests/judges/requirements.txt
	@cp tests/judges/package.json .judges/ && npm install --prefix .judges --silent --no-audit --no-fund
	@$(PYTEST) tests/judges

.PHONY: e2e
e2e: venv load-images $(if $(findstring upgrade,$(SUITES)),load-earlier-images) ## end-to-end tests on the cluster that KUBECONFIG names; SUITES="sandbox product dashboards exporters autoscaling upgrade operator chart"
	@E2E_IMAGE_TAG=$(TAG) scripts/e2e $(SUITES)

NAMESPACE ?= bot-gateway
.PHONY: alert-drill
alert-drill: venv ## invalid posts until HighErrorRate has reached its receivers and resolved (about 12 minutes); DRILL="--receiver pod/NAME"
	@$(BIN)/python scripts/alert_drill.py --namespace $(NAMESPACE) $(DRILL)

.PHONY: game-day
game-day: venv load-images ## each fault with the operator in DryRun and in Enforce, side by side; FAULTS="..." for some (an hour in full)
	@TAG=$(TAG) $(BIN)/python tests/game_day/run.py $(FAULTS)

.PHONY: kind-up
kind-up: ## a kind cluster with the monitoring stack and the product
	kind create cluster --config kind-config.yaml
	skaffold run -f skaffold.monitoring.yaml
	skaffold run

.PHONY: crds
crds: ## install or upgrade the operator's CRDs
	kubectl apply --server-side --force-conflicts --field-manager=helm -f charts/bot-gateway/crds

MONITORING_NAMESPACE ?= monitoring
.PHONY: grafana prometheus alertmanager jaeger
grafana: ## port-forward Grafana to http://localhost:3000
	kubectl -n $(MONITORING_NAMESPACE) port-forward svc/kube-prometheus-stack-grafana 3000:80
prometheus: ## port-forward Prometheus to http://localhost:9090
	kubectl -n $(MONITORING_NAMESPACE) port-forward svc/kube-prometheus-stack-prometheus 9090:9090
alertmanager: ## port-forward Alertmanager to http://localhost:9093
	kubectl -n $(MONITORING_NAMESPACE) port-forward svc/kube-prometheus-stack-alertmanager 9093:9093
jaeger: ## port-forward the Jaeger UI to http://localhost:16686
	kubectl -n $(MONITORING_NAMESPACE) port-forward svc/jaeger 16686:16686

.PHONY: release
release: venv ## VERSION=x.y.z: changelog, versions, packaged charts, SBOMs, commit and tag; DRY_RUN=1 puts all back
	@scripts/release "$(VERSION)" $(if $(DRY_RUN),--dry-run)

.PHONY: clean
clean: ## remove the environment and caches
	rm -rf $(VENV) .tools .cache .run .mypy_cache .ruff_cache .pytest_cache
