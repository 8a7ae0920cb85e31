#!/usr/bin/env bash
# The API reference of the quick start in Chromium: it renders, its form works, nothing is refused or logged.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/serve.sh
(cd tests/browser && npm ci --silent --no-audit --no-fund)
CHROMIUM="$(command -v chromium)" node tests/browser/docs.mjs "$url"
