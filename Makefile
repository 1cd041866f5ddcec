SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# One set of flags for every stage, so that they share one build cache. Caddy's own tests skip themselves under
# -trimpath, so that flag is dropped.
TAGS := -tags=nobadger,nomysql,nopgx
GOFLAGS := $(strip $(filter-out -trimpath% -tags=%,$(shell go env GOFLAGS 2>/dev/null)) $(TAGS))
export GOFLAGS
export GOWORK := off

COMMA := ,
FUZZTIME ?= 2m
REQUESTS ?= 1000000
SOAK ?= 3m
SIZE ?= 1GB

# $(call stage,target): run a target and print how long it took.
define stage
@printf '\n== %s\n' '$(1)'; start=$$(date +%s); status=0; \
$(MAKE) --no-print-directory $(1) || status=$$?; \
printf '== %s: %d s\n' '$(1)' "$$(($$(date +%s) - start))"; exit $$status
endef

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

.PHONY: test
test: ## run everything; installs what is missing (as root on Debian) or says how to
	$(call stage,prerequisites)
	@$(MAKE) --no-print-directory test-go
	$(call stage,examples)
	$(call stage,e2e)
	$(call stage,bench-test)

.PHONY: test-go
test-go: ## run what needs Go alone: vet, linter, tests with the fuzz seeds
	$(call stage,vet)
	$(call stage,lint)
	$(call stage,go-test)

.PHONY: prerequisites
prerequisites: ## list and, if possible, install what the tests need
	@.ci/prerequisites

.PHONY: vet
vet: ## go vet
	@go vet ./...

.PHONY: lint
lint: ## run the linter
	@go tool -modfile=.ci/tools/go.mod golangci-lint run ./...

.PHONY: go-test
go-test: ## run the Go tests with the race detector
	@.ci/go-test ./...

.PHONY: examples
examples: ## build Caddy and check every example configuration with it
	@.ci/examples

.PHONY: e2e
e2e: ## vet and run the end-to-end tests: real servers, real clients, a real browser
	@.ci/e2e

.PHONY: fleet
fleet: ## run all tests of several instances with one Hub, some of which want the machine for themselves
	@GOFLAGS='$(subst nopgx,nopgx$(COMMA)fleet,$(GOFLAGS))' .ci/e2e ./fleet

.PHONY: generate
generate: ## write the generated files anew
	@go generate ./...

.PHONY: explore
explore: ## fuzz each target for FUZZTIME (2m), and ask all parsers about REQUESTS (1000000), with new seeds; findings go to testdata/fuzz
	@targets=$$(go test -list '^Fuzz' ./... | \
	  awk '/^Fuzz/ { name[++n] = $$1 } /^ok/ { for (i = 1; i <= n; i++) print $$2, name[i]; n = 0 }'); \
	[ -n "$$targets" ] || { echo 'no fuzz target found'; exit 1; }; \
	status=0; \
	while read -r package name; do \
	  printf '\n== %s %s\n' "$$package" "$$name"; \
	  go test -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' "$$package" </dev/null || status=1; \
	done <<<"$$targets"; \
	printf '\n== parsers\n'; \
	go -C e2e test ./parsers -run 'TestLaboratory$$' -v -count=1 -timeout 2h -requests '$(REQUESTS)' || status=1; \
	exit $$status

.PHONY: bench
bench: ## run the benchmarks of the decision and of the handler
	@go test -run '^$$' -bench . -benchmem ./validators/... ./caddymodule/...

.PHONY: profile
profile: ## sample the processor time of a loaded Caddy anew, for the compiler (caddymodule/caddy.pgo)
	@go -C bench run ./cmd/bench profile

.PHONY: bench-test
bench-test: ## test the comparison with peers, and run the soak test for 3 minutes; make bench-test SOAK=30m for longer
	@SOAK='$(SOAK)' .ci/bench

.PHONY: bench-replay
bench-replay: ## time replay on a log of SIZE (1GB) beside jq, and measure its memory
	@mkdir -p build
	@OUTPUT=$(CURDIR)/build/caddy ./xcaddy.sh >build/xcaddy.log 2>&1 || { cat build/xcaddy.log; exit 1; }
	@go run ./internal/trafficlog/benchmark -caddy build/caddy -size '$(SIZE)' -folder build

.PHONY: build
build: ## build ./caddy with this module
	@./xcaddy.sh
