#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: git (to make and serve repositories), a C compiler (grammars,
# SQLite, and the library that lets fsync fail), python3 and curl (clients of the end-to-end tests), Node and Chromium (the dashboard).
set -euo pipefail

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

need git git
need cc gcc
need make make
need cmake cmake
need curl curl
need python3 python3
need npm npm
need chromium chromium

if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    "${sudo[@]}" apt-get update --quiet
    "${sudo[@]}" apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
fi

# Distributions have older ones than the tools of the dashboard take.
node --eval 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    "${sudo[@]}" npm install --global node@22

command -v cargo >/dev/null 2>&1 || { echo "Rust is missing: install it with rustup, then try again" >&2; exit 1; }
rustup component add rustfmt clippy >/dev/null 2>&1 || true
