#!/usr/bin/env bash
# The example of a chat in Chromium: people who talk to each other, while networks are cut and the server is killed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --quiet --package modeller-examples --example chat
(cd tests/browser && npm ci --silent --no-audit --no-fund)
kept="$(mktemp -d)"
trap 'rm -rf "$kept"' EXIT
CHROMIUM="$(command -v chromium)" node tests/browser/chat.mjs "${CARGO_TARGET_DIR:-target}/debug/examples/chat" "$kept"
