# The commands of this repository. `make` alone lists them.

.PHONY: help demo dashboard test pubsub lint docs bench tools

CARGO ?= cargo
WEB := $(shell git ls-files --cached --others --exclude-standard clients/typescript dashboard package-lock.json 2>/dev/null)

help: ## List the commands.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: ## Build, start a server, ingest this repository, generate a campaign, and watch both.
	@$(MAKE) --no-print-directory dashboard || echo 'The dashboard could not be built; the demo goes on without it.'
	$(CARGO) run --quiet --package milepost -- demo

dashboard: dashboard/dist/index.html ## Build the web app that the server has inside. Needs Node 20.19 or later.

# The server embeds what is there when it is compiled.
dashboard/dist/index.html: $(WEB)
	npm ci
	npm run build:dashboard

test: tools lint dashboard ## Install what the tests need, and run everything that must pass.
	$(CARGO) build --workspace --all-targets
	scripts/run-suites.sh

pubsub: ## Test the bridge to Pub/Sub against its emulator, where that is installed.
	$(CARGO) test --package milepost-server --features pubsub --test pubsub

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
