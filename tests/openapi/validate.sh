#!/usr/bin/env bash
# Validates OpenAPI documents with a validator that is not ours: tests/openapi/validate.sh FILE.. or URL..
# Without any, the document of the hand-written models of the unit tests.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/venv.sh"
tool openapi-spec-validator==0.9.0
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [ $# -eq 0 ]; then
    (cd "$here/../.." && MODELLER_OPENAPI_SAMPLE="$work/sample.json" cargo test -q --workspace --lib doors::openapi)
    set -- "$work/sample.json"
fi
for document in "$@"; do
    case "$document" in
    http://* | https://*)
        curl -fsS "$document" -o "$work/served.json"
        openapi-spec-validator --subschema-errors all "$work/served.json"
        ;;
    *) openapi-spec-validator --subschema-errors all "$document" ;;
    esac
done
