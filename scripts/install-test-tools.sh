#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: git (to make and serve repositories), a C compiler (grammars,
# SQLite, and the library that lets fsync fail), python3 and curl (clients of the end-to-end tests).
set -euo pipefail

missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }

need git git
need cc gcc
need make make
need cmake cmake
need curl curl
need python3 python3

if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update --quiet
    "${sudo[@]}" apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
fi

command -v cargo >/dev/null 2>&1 || { echo "Rust is missing: install it with rustup, then try again" >&2; exit 1; }
rustup component add rustfmt clippy >/dev/null 2>&1 || true
