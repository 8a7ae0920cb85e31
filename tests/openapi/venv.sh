# Makes tests/.venv with pinned tools: `tool NAME==VERSION..`. To be sourced.
tool() {
    local tests venv
    tests="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
    venv="$tests/.venv"
    # One at a time, if several scripts run side by side.
    (
        flock 9
        [ -x "$venv/bin/pip" ] || { rm -rf "$venv" && python3 -m venv "$venv"; }
        "$venv/bin/pip" install -q --disable-pip-version-check "$@"
    ) 9<"$tests"
    PATH="$venv/bin:$PATH"
}
