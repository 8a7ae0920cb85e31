# Makes tests/.venv with pinned tools: `tool NAME==VERSION..`. To be sourced.
tool() {
    local venv
    venv="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.venv"
    [ -x "$venv/bin/pip" ] || { rm -rf "$venv" && python3 -m venv "$venv"; }
    "$venv/bin/pip" install -q --disable-pip-version-check "$@"
    PATH="$venv/bin:$PATH"
}
