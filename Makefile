# The commands of this repository. `make` alone lists them.

.PHONY: help demo test lint docs bench tools

CARGO ?= cargo

help: ## List the commands.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## Build, start a server, ingest this repository, generate a campaign, and watch both.
	$(CARGO) run --quiet --package milepost -- demo

test: tools lint ## Install what the tests need, and run everything that must pass.
	$(CARGO) build --workspace --all-targets
	$(CARGO) test --workspace --no-fail-fast

lint: ## Format, lints and documentation, without a warning.
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --quiet

docs: ## Build the API documentation.
	$(CARGO) doc --workspace --no-deps --open

bench: ## Print the tables of docs/performance.md. Takes minutes, and wants an idle machine.
	$(CARGO) build --release --package milepost --package milepost-bench
	./target/release/milepost-bench

tools: ## Install what the tests need and this machine lacks.
	scripts/install-test-tools.sh
