#!/usr/bin/env bash
# The quick start's description against tools that are not ours: it is valid, and the server does what it says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/serve.sh
tests/openapi/validate.sh "$url/@openapi.json"
export MAX_EXAMPLES="${MAX_EXAMPLES:-5}" SEED="${SEED:-1}"
# Most of what is tried are bodies with many operations. They have a server of their own, side by side with everything else; no
# links lead to them.
bulk='^/(@transaction|.+/(batch|aggregate))$'
told="$served/told"
(
    . tests/serve.sh
    tests/openapi/schemathesis.sh "$url" --include-path-regex "$bulk" --phases examples,coverage,fuzzing
) >"$told" 2>&1 &
beside=$!
trap 'kill "$beside" "$server" 2>/dev/null || true; rm -rf "$served"' EXIT
failed=0
tests/openapi/schemathesis.sh "$url" --exclude-path-regex "$bulk" || failed=$?
wait "$beside" || failed=$?
cat "$told"
exit "$failed"
