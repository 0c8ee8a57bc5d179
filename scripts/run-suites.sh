#!/usr/bin/env bash
# Runs every suite, whatever became of the others, and ends with the summary lines of each runner. Needs what `make test` has
# built and installed before. Names of suites as arguments run only those.
set -uo pipefail
cd "$(dirname "$0")/.."

# name: command
suites=(
    "rust: cargo test --workspace --no-fail-fast"
    "web: npm test"
    "dashboard: npm test --workspace @milepost/dashboard"
    "browser: npm test --workspace @milepost/browser-tests"
    "signalr: npm test --workspace @milepost/signalr-tests"
    "python: env MILEPOST_EXTRAS=langgraph,adk clients/python/scripts/test"
)
# What cargo, vitest, node and pytest say at the end, and every test that says why it did not run.
summary='^test result:|^error: test failed|^ *Test Files |^ *Tests  |^ℹ (tests|pass|fail|skipped) |^(=+ )?.*[0-9]+ (passed|failed).* in [0-9.]+|SKIPPED'

export NO_COLOR=1 # colours would hide the lines that are looked for
logs=target/suites
mkdir -p "$logs"
ran=()
failed=()
for suite in "${suites[@]}"; do
    name=${suite%%: *}
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    echo "== $name: ${suite#*: }"
    ran+=("$name")
    # shellcheck disable=SC2086 # the words of a command
    ${suite#*: } 2>&1 | tee "$logs/$name.log" || failed+=("$name")
done

for name in "${ran[@]}"; do
    echo "== $name"
    grep --text --extended-regexp "$summary" "$logs/$name.log"
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "failed: ${failed[*]}"
    exit 1
fi
echo "all suites passed: ${ran[*]}"
