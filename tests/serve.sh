# Sourced by the scripts that need a running quick start: sets `url`, and ends the server with the script.
cargo build --quiet --package modeller-examples --example quickstart
served="$(mktemp -d)"
"${CARGO_TARGET_DIR:-target}/debug/examples/quickstart" --database :memory: --port 0 >"$served/out" 2>"$served/err" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$served"' EXIT
for _ in $(seq 300); do
    url="$(sed -n 's/^listening on \(http:.*\)$/\1/p' "$served/out")"
    [ -n "$url" ] && break
    sleep 0.1
done
[ -n "$url" ] || { cat "$served/out" "$served/err" >&2 && exit 1; }
