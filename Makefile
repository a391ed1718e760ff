SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

with_postgres := scripts/with-postgres
lint := go tool -modfile=tools/go.mod golangci-lint

# Pure packages start no goroutines, and e2e watches other processes: the race
# detector would only make them slow.
without_races := /internal/(billing|calendar|condition|execution|fault|ident|trigger|workflow)$$|/e2e$$

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the binary, static, to bin/dunwell
	CGO_ENABLED=0 go build -trimpath -o bin/dunwell ./cmd/dunwell

.PHONY: demo
demo: ## run Dunwell with made-up data and a mailbox to look into
	go run ./cmd/dunwell demo

.PHONY: test
test: ## run all tests on SQLite and PostgreSQL (finds or starts a server)
	$(with_postgres) go test ./...

# Everything is built for it, also what is not ours: a package that is not leaves
# copies of generic code without it, such as that of sync.Map, which the linker may
# take for all, and then it reports races where there are none. SQLite, translated
# from C, takes most of the time.
.PHONY: race
race: ## run the tests of everything concurrent under the race detector
	packages=$$(go list ./...); \
	$(with_postgres) go test -race -short -timeout 30m $$(grep -Ev '$(without_races)' <<<"$$packages")

.PHONY: lint
lint: ## check the code and the description of the API with the pinned linters
	$(lint) run
	cd tools && go test -count=1 ./apilint && go run ./apilint ../api/lint.yaml ../api/openapi.yaml

.PHONY: fmt
fmt: ## format the code the way lint wants it
	$(lint) fmt

.PHONY: generate
generate: ## make the Go client of api/openapi.yaml
	scripts/generate-client

.PHONY: generate-check
generate-check: ## check that the Go client is what generate makes
	scripts/generate-client --check

.PHONY: tidy-check
tidy-check: ## check that go.mod and go.sum are exact
	go mod tidy -diff

.PHONY: vuln
vuln: ## look for known vulnerabilities (asks vuln.go.dev)
	go tool -modfile=tools/go.mod govulncheck ./...

.PHONY: fuzz-seeds
fuzz-seeds: ## run every fuzz test on its seeds
	$(with_postgres) go test -run '^Fuzz' ./...

.PHONY: crash
crash: ## kill the binary at every step, and at random under load
	@$(with_postgres) go test -run Crash -count=1 -v ./e2e/... | \
		awk '{ print; fflush() } /^--- PASS: .*Crash/ { ran++ } END { if (!ran) print "crash: no such test passed"; exit !ran }'

.PHONY: bench
bench: ## measure on SQLite and PostgreSQL, with files synced
	DUNWELL_TEST_POSTGRES_FSYNC=on $(with_postgres) go run ./cmd/dunwell bench

.PHONY: ci
ci: ## run everything that a change must pass
	.ci/run
