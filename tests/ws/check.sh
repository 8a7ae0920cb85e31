#!/usr/bin/env bash
# RFC 6455 at `/@ws` of the quick start, by an independent implementation: `websockets` from PyPI.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$here/../.."
. tests/serve.sh
. tests/openapi/venv.sh
tool websockets==15.0.1
python "$here/rfc6455.py" "$url"
