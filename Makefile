# Yizhan's commands. `make help` lists them.
# Everything but Go and make itself is fetched through the Go module proxy.

GO         ?= go
BIN        := bin
RUN_DIR    ?= run
# A number of inputs, not a time: at the end of a time go's fuzzer now and then
# calls the input that it interrupts a failure ("context deadline exceeded").
FUZZTIME   ?= 10000x
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
export CGO_ENABLED ?= 0

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X github.com/caddyserver/caddy/v2.CustomVersion=$(VERSION)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/yizhan and bin/yizhan-bench
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/...

.PHONY: run
run: build ## start one node under ./run with a demo tenant, three accounts and a web chat
	@exec $(BIN)/yizhan quickstart --dir $(RUN_DIR)

.PHONY: test
test: lint race fuzz ## everything that must hold before a commit: lint, tests with -race, short fuzz runs

.PHONY: race
race: ## all tests under the race detector (without it, and saying so, where there is no C compiler)
	@if command -v $$($(GO) env CC) >/dev/null 2>&1; then \
	  echo "go test -race ./..."; CGO_ENABLED=1 $(GO) test -race -timeout 15m ./...; \
	else \
	  echo "no C compiler ($$($(GO) env CC)): testing WITHOUT the race detector; install gcc to have it"; \
	  $(GO) test -timeout 15m ./...; \
	fi

.PHONY: lint
lint: ## gofmt, go vet, staticcheck
	@bad=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	  if [ -n "$$bad" ]; then echo "gofmt these files:"; echo "$$bad"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (10000x: inputs; 1m: a time)
	@cache=$$($(GO) env GOCACHE)/fuzz/yizhan; \
	for dir in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  $(GO) test -c -fuzz=. -o $(CURDIR)/$(BIN)/fuzz.test $$dir || exit 1; \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$dir/*_test.go); do \
	    echo "fuzz $$dir $$target"; \
	    (cd $$dir && $(CURDIR)/$(BIN)/fuzz.test -test.run '^$$' -test.fuzz "^$$target$$" -test.fuzztime $(FUZZTIME) \
	      -test.fuzzminimizetime 10x -test.fuzzcachedir $$cache/$$dir) >$(BIN)/fuzz.log 2>&1 || { cat $(BIN)/fuzz.log; exit 1; }; \
	  done; done

.PHONY: bench
bench: build ## measure a fresh node with yizhan-bench (all scenarios)
	$(BIN)/yizhan-bench all --start $(BIN)/yizhan

.PHONY: generate
generate: ## regenerate checked-in code (protobuf, dictionary, tables)
	$(GO) generate ./...

.PHONY: web
web: ## rebuild the web SDK and the chat's checked-in files (needs Node.js 20 and npm)
	cd appliance/sdk/web && npm ci && npm run build && node chat/build.mjs

.PHONY: clean
clean: ## remove build results (keeps ./run)
	rm -rf $(BIN)

fuzz: | $(BIN)
$(BIN):
	@mkdir -p $(BIN)
