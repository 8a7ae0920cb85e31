#!/usr/bin/env bash
# RFC 6455 by the Autobahn test suite. It runs on Python 2.7 alone, which Debian no longer has: where there is none, `check.sh` beside
# this has to do. `PYTHON2` may say where one is.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."
python2=
for candidate in "${PYTHON2:-}" "$(command -v python2.7 || true)" "$HOME"/.pyenv/versions/2.7.*/bin/python2.7; do
    # One that is only a stand-in for versions to be chosen from does not run.
    if [ -n "$candidate" ] && "$candidate" -c 'import ssl, zlib' 2>/dev/null; then
        python2="$candidate"
        break
    fi
done
[ -n "$python2" ] || { echo "no Python 2.7 here: the Autobahn test suite is left out" && exit 0; }
. tests/openapi/venv.sh
venv="$here/../.venv/autobahn"
if ! [ -x "$venv/bin/wstest" ]; then
    # The last one that makes environments of Python 2.7.
    tool virtualenv==20.21.1
    rm -rf "$venv"
    virtualenv -q -p "$python2" "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check --no-python-version-warning autobahntestsuite==25.10.1
fi
WSTEST_REPORT="$(mktemp -d)"
export WSTEST="$venv/bin/wstest" WSTEST_REPORT
trap 'rm -rf "$WSTEST_REPORT"' EXIT
cargo test --quiet --workspace --lib -- --ignored --nocapture ws::rfc6455 >"$WSTEST_REPORT/out" 2>&1 || {
    tail -n 60 "$WSTEST_REPORT/out" >&2
    exit 1
}
grep ' cases: ' "$WSTEST_REPORT/out"
