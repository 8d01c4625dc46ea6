# Firth: `make help` lists the targets. Every tool has a pinned version and lives under bin/tools.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO            ?= go
GOLANGCI_LINT := v2.15.0
GOVULNCHECK   := v1.1.4

TOOLS := $(CURDIR)/bin/tools
LINT  := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT)
VULN  := $(TOOLS)/govulncheck-$(GOVULNCHECK)

PKG       ?= ./...
RUN       ?= .
TESTFLAGS ?=
FUZZTIME  ?= 30s
FUZZMIN   ?= 1s
BENCHTIME ?= 1s
MUTANTS   ?= 20
MUTATE    ?=
SOAK      ?= 10m
SOAK_CLIENTS ?= 200

# Packages whose tests run on MongoDB as well.
MONGODB_SUITES := ./store/mongo ./server ./auth/smart ./internal/authmatrix ./internal/acceptance ./internal/conformance ./internal/e2e ./internal/uscore

# Packages that the race detector has nothing to say about on every change: tests of another process, and of data (a grep -E pattern over import paths).
RACE_SKIP ?= /(internal/acceptance|internal/authmatrix|internal/conformance|internal/mutation|internal/soak|fhir/spec)$$

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the static binary bin/firth
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/firth ./cmd/firth

.PHONY: test
test: ## Run all tests; needs no running service (PKG, TESTFLAGS to narrow)
	@$(GO) test -json -timeout=30m $(TESTFLAGS) $(PKG) | $(GO) run ./internal/testsummary

.PHONY: test-mongodb
test-mongodb: ## Run store/mongo and the HTTP suites on MongoDB: the server of FIRTH_TEST_MONGODB_URI, or else FerretDB but for listed failures
	FIRTH_TEST_STORE=mongodb $(GO) test -count=1 -p=1 -timeout=60m $(TESTFLAGS) $(MONGODB_SUITES)

.PHONY: test-browser
test-browser: build ## Drive the authorization server with Chromium (CHROMIUM, else /usr/bin/chromium) and an app made with fhirclient; needs npm
	cd internal/browser && npm ci --silent && node fetch.mjs && node --test smart.test.mjs

.PHONY: race
race: ## Run the tests under the race detector, except RACE_SKIP
	@$(GO) list $(PKG) | { grep -Ev '$(RACE_SKIP)' || true; } | xargs env CGO_ENABLED=1 $(GO) test -race -short -json -timeout=30m $(TESTFLAGS) | $(GO) run ./internal/testsummary

.PHONY: vet
vet: ## Run go vet
	$(GO) vet ./...

.PHONY: lint
lint: vet $(LINT) ## Check formatting, vet, staticcheck and the other linters of .golangci.yml
	@unformatted="$$(git ls-files -co --exclude-standard '*.go' | xargs -r ls -d 2>/dev/null | xargs -r gofmt -l)"; \
	  if [ -n "$$unformatted" ]; then printf 'not gofmt-ed:\n%s\n' "$$unformatted" >&2; exit 1; fi
	$(LINT) run

$(LINT):
	@mkdir -p $(TOOLS)
	GOFLAGS= GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT)
	@mv $(TOOLS)/golangci-lint $@

.PHONY: vuln
vuln: $(VULN) ## Look for known vulnerabilities in code that is called; needs the network, or GOVULNDB=URL of a copy of the database
	$(VULN) $(if $(GOVULNDB),-db $(GOVULNDB)) $(PKG)

$(VULN):
	@mkdir -p $(TOOLS)
	GOFLAGS= GOBIN=$(TOOLS) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	@mv $(TOOLS)/govulncheck $@

.PHONY: arch
arch: ## Check import directions, fences and package rules only
	$(GO) test -count=1 ./internal/archtest

.PHONY: fuzz
fuzz: ## Fuzz every target, one after the other, FUZZTIME each (30s); RUN narrows by name
	@grep -rnoE --include='*_test.go' --exclude-dir=.git '^func Fuzz[A-Za-z0-9_]+' . | sort | while IFS=: read -r file _ decl; do \
	  target="$${decl#func }"; dir="$$(dirname "$$file")"; \
	  [[ "$$target" =~ $(RUN) ]] || continue; \
	  echo "--- $$dir $$target $(FUZZTIME)"; \
	  log="$$(mktemp)"; \
	  if ! $(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=$(FUZZMIN) "$$dir" </dev/null 2>&1 | tee "$$log" | sed -u '/^--- FAIL/,$$d'; then \
	    if grep -qE 'Failing input|failure while testing' "$$log" || ! grep -qx ' *context deadline exceeded' "$$log"; then sed -n '/^--- FAIL/,$$p' "$$log"; exit 1; fi; \
	    echo "no finding: the fuzzing engine met its own deadline instead of its time limit"; \
	  fi; \
	  rm -f "$$log"; \
	done

.PHONY: fuzz-long
fuzz-long: ## Fuzz every target for ten minutes
	@$(MAKE) --no-print-directory fuzz FUZZTIME=10m

.PHONY: mutate
mutate: ## Flip MUTANTS (20) comparisons of package search, one at a time: tests must fail (MUTATE for flags: -all, -seed 2, -run file:line)
	$(GO) run ./internal/mutation -n $(MUTANTS) $(MUTATE)

.PHONY: soak
soak: ## SOAK_CLIENTS (200) random readers and writers for SOAK (10m) against a server built with the race detector, which needs a C compiler; SOAK_GUARDED=1: with authorization and audit
	FIRTH_SOAK=$(SOAK) FIRTH_SOAK_CLIENTS=$(SOAK_CLIENTS) FIRTH_SOAK_GUARDED=$(SOAK_GUARDED) $(GO) test -count=1 -timeout=0 -v -run='^TestSoak$$' ./internal/soak

.PHONY: bench
bench: ## Run the Go benchmarks (PKG, RUN, BENCHTIME to narrow); `bin/firth bench` measures the whole server
	$(GO) test -run='^$$' -bench='$(RUN)' -benchmem -benchtime=$(BENCHTIME) $(PKG)

.PHONY: cover
cover: ## Write coverage.out and coverage.html
	$(GO) test -coverprofile=coverage.out -coverpkg=./... $(PKG)
	$(GO) tool cover -html=coverage.out -o coverage.html
	@$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: generate
generate: ## Run go generate and gofmt
	$(GO) generate ./...
	gofmt -w $$(git ls-files '*.go')

.PHONY: clean
clean: ## Remove build output and tools
	rm -rf bin dist coverage.out coverage.html
