# What a contributor types. `make test` is everything a change has to pass.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

# The caller's Go settings must not change what is tested.
export GOFLAGS := -buildvcs=false
export GOWORK  := off

FUZZTIME  ?= 20s# for each fuzz target
PLATFORMS := linux/386 darwin/arm64 windows/amd64

LINT   := go tool -modfile=tools/go.mod golangci-lint
REPORT := go run ./internal/testreport

.PHONY: test
test: gcc python3 chromium curl shells ## all checks and all tests, with python3 alone; nothing may be skipped
	@.ci/test

.PHONY: checks
checks: build lint cross ## the checks alone: format, vet, linters, and that all compiles, for other platforms too

.PHONY: quick
quick: ## the tests alone; missing peers are skipped
	go test -json ./... | $(REPORT)

.PHONY: newcomer
newcomer: ## make test in a clone, as the README says, and every step of docs/quickstart.md
	.ci/newcomer

.PHONY: peers
peers: programs ## the live tests: XML-RPC programs of others, and each CPython on this machine
	.ci/peers

.PHONY: peers-update
peers-update: programs ## record the conversations with all XML-RPC programs anew
	PARLEY_REQUIRE_PEERS=1 go test -count=1 -tags peers -run '^TestLive' ./internal/interop -update
	go test -count=1 -run '^TestReplayDocument' ./internal/interop -update

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	FUZZTIME=$(FUZZTIME) .ci/fuzz

# A module of its own, so that nobody who uses Parley gets the modules of others.
.PHONY: bench
bench: ## compare with other ways to call a server, within a minute
	cd bench && go run . -quick

.PHONY: bench-test
bench-test: python3 xmlrpc-c ## the module in bench: vet, linters, and every peer makes its calls
	cd bench && go vet ./... && go tool -modfile=../tools/go.mod golangci-lint run ./...
	@(cd bench && PARLEY_REQUIRE_PEERS=1 go test -json ./...) | $(REPORT) -noskips

.PHONY: build
build: ## compile everything
	go build ./...

.PHONY: lint
lint: ## format, vet, linters: reports, changes nothing
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi
	go vet -tags peers ./...
	$(LINT) run --build-tags peers ./...

.PHONY: fmt
fmt: ## format all Go files
	$(LINT) fmt ./...

.PHONY: cross
cross: ## compile for other systems and for 32 bits
	@for platform in $(PLATFORMS); do \
		echo "go build for $$platform"; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go build ./...; \
	done

# install runs apt-get for the packages $(1), which $(2) needs.
define install
command -v apt-get >/dev/null || { echo "$(2) is missing and so is apt-get: install $(1), then run this again"; exit 1; }; \
sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
[ -z "$$sudo" ] || command -v sudo >/dev/null || { echo "$(2) is missing: as root, apt-get install $(1), then run this again"; exit 1; }; \
$$sudo apt-get update -q; \
$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(1)
endef

# The race detector needs a C compiler, and the headers that it includes.
.PHONY: gcc
gcc:
	@echo '#include <stdlib.h>' | $${CC:-gcc} -E - >/dev/null 2>&1 && exit 0; $(call install,gcc libc6-dev,a C compiler)

# python3 from the system's packages, where there is none.
.PHONY: python3
python3:
	@command -v python3 >/dev/null && exit 0; $(call install,python3,python3)

# What the programs of internal/interop need, where it is missing.
NPM := internal/interop/testdata/npm
.PHONY: programs
programs: $(NPM)/node_modules/.package-lock.json

$(NPM)/node_modules/.package-lock.json: $(NPM)/package-lock.json | packages
	cd $(NPM) && npm ci --ignore-scripts --no-audit --no-fund

.PHONY: packages
packages:
	@missing=$$(.ci/missing-packages); [ -z "$$missing" ] && exit 0; $(call install,$$missing,what the peers need)

# The browser that the page for browsers is tried in, where there is none.
.PHONY: chromium
chromium:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; $(call install,chromium fonts-dejavu-core,chromium)

.PHONY: curl
curl:
	@command -v curl >/dev/null && exit 0; $(call install,curl ca-certificates,curl)

# The shells that the command line is completed in.
.PHONY: shells
shells:
	@missing=; for name in bash zsh fish; do command -v $$name >/dev/null || missing="$$missing $$name"; done; [ -z "$$missing" ] && exit 0; $(call install,$$missing,a shell)

# The XML-RPC server in C that bench compares with, where there is none.
.PHONY: xmlrpc-c
xmlrpc-c:
	@command -v gcc >/dev/null && command -v xmlrpc-c-config >/dev/null && exit 0; $(call install,gcc libc6-dev libxmlrpc-core-c3-dev,xmlrpc-c)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12
