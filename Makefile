# The commands of this repository; `make` alone lists them.

.DEFAULT_GOAL := help

# The version is part of the file's name, so that a new pin is installed and an old one is never used.
GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT := .tools/golangci-lint-$(GOLANGCI_LINT_VERSION)

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start the chat example
	go run ./examples/chat

.PHONY: test
test: ## Run every test, with what it needs installed first (FUZZTIME=1000000x gives each fuzz target more inputs)
	scripts/install-test-tools.sh
	scripts/test.sh

.PHONY: check
check: $(GOLANGCI_LINT) ## Check format, vet, lint, go.mod and the scripts
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:" $$unformatted >&2; exit 1; }
	go vet ./...
	$(GOLANGCI_LINT) run ./...
	go mod tidy -diff
	cd bench && go vet ./... && ../$(GOLANGCI_LINT) run ./... && go mod tidy -diff
	@scripts/need.sh shellcheck=shellcheck
	shellcheck .ci/run scripts/*.sh

.PHONY: bench
bench: ## Measure against other servers, 8 rounds in 20 minutes, and keep it in bench/results
	scripts/install-brokers.sh
	cd bench && go run ./cmd/bench -save && go run ./cmd/pairs -save

.PHONY: bench-quick
bench-quick: ## Measure less, in 3 minutes, and keep nothing
	scripts/install-brokers.sh
	cd bench && go run ./cmd/bench -quick && go run ./cmd/pairs -quick

.PHONY: bench-compare
bench-compare: ## Compare the benchmarks with the previous commit's (BASE=main with another's, BENCH=Index only some)
	@scripts/bench-compare.sh

.PHONY: faults
faults: ## Break brokers, links and nodes, and put what comes of it into README.md
	scripts/install-brokers.sh
	go run ./internal/faults/cmd -readme README.md

.PHONY: brokers-up
brokers-up: ## Run Redis, RabbitMQ, Kafka and RocketMQ on their usual ports, to try the senders with
	@scripts/brokers.sh up

.PHONY: brokers-down
brokers-down: ## End them
	@scripts/brokers.sh down

$(GOLANGCI_LINT):
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv .tools/golangci-lint $@
