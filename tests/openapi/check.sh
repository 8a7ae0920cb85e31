#!/usr/bin/env bash
# The quick start's description against tools that are not ours: it is valid, and the server does what it says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/serve.sh
tests/openapi/validate.sh "$url/@openapi.json"
MAX_EXAMPLES="${MAX_EXAMPLES:-5}" SEED="${SEED:-1}" tests/openapi/schemathesis.sh "$url"
