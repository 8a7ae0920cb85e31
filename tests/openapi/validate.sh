#!/usr/bin/env bash
# Validates OpenAPI documents with a validator that is not ours: tests/openapi/validate.sh FILE.. or URL..
# Without any, the document of the hand-written models of the unit tests.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/venv.sh"
tool openapi-spec-validator==0.9.0
if [ $# -eq 0 ]; then
    file="$(mktemp --suffix .json)"
    trap 'rm -f "$file"' EXIT
    (cd "$here/../.." && MODELLER_OPENAPI_SAMPLE="$file" cargo test -q -p modeller --lib doors::openapi)
    openapi-spec-validator --errors all "$file"
else
    openapi-spec-validator --errors all "$@"
fi
