#!/usr/bin/env bash
# The Socket.IO door with the official clients: socket.io-client and socket.io-msgpack-parser from npm, python-socketio from PyPI.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."
# The program is built as the tests are, with the features of the whole workspace, lest everything be compiled once more.
cargo test --quiet --workspace --no-run --test chat
export CHAT_SERVER="${CARGO_TARGET_DIR:-$PWD/target}/debug/test-chat"
(cd "$here" && npm ci --silent --no-audit --no-fund)
# Ends whatever still runs if a test waits for ever. (Not all versions of Node.js have a limit of their own.)
# Most of the time they wait, and each has servers of its own: there are more of them at a time than processors.
timeout --kill-after=10 900 node --test --test-concurrency="$(($(nproc) + 2))" --test-reporter=spec "$here"/*.test.mjs
. tests/openapi/venv.sh
tool "python-socketio[client]==5.18.1" msgpack==1.2.4
timeout --kill-after=10 300 python "$here/client_test.py"
