#!/usr/bin/env bash
# The quick start's AsyncAPI document against the official parser.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."
. tests/serve.sh
# Nothing of what is installed is run but the parser.
(cd "$here" && npm ci --silent --no-audit --no-fund --ignore-scripts)
curl -fsS "$url/@asyncapi.json" -o "$served/asyncapi.json"
node "$here/parse.mjs" "$served/asyncapi.json"
