#!/usr/bin/env bash
# Tries a running server against its own description: tests/openapi/schemathesis.sh http://127.0.0.1:3030
# MAX_EXAMPLES: examples an operation (25). MAX_TIME: seconds in all (no limit). SEED: a number, to repeat a run.
# Further arguments go to schemathesis. Ends with something other than 0 if anything was found.
set -euo pipefail
url="${1:?the address of a running server, such as http://127.0.0.1:3030}"
shift
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/venv.sh"
tool schemathesis==4.32.5
# It keeps notes where it runs.
cd "$here/../.venv"
exec schemathesis --config-file "$here/schemathesis.toml" run "${url%/}/@openapi.json" \
    --checks all --max-examples "${MAX_EXAMPLES:-25}" ${MAX_TIME:+--max-time "$MAX_TIME"} ${SEED:+--seed "$SEED"} \
    --request-timeout 30 --no-color --generation-database none "$@"
