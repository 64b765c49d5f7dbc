#!/usr/bin/env bash
# Runs the README's first steps as they are written, in a folder of their own.
#
# The `sh` blocks under "First steps as an operator" and "First steps as an agency" are taken from
# the README itself, so a command that no longer works is found here. The build is skipped: the
# binaries are those in the folder given as the first argument (target/release unless given).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
binaries=$(cd "${1:-$root/target/release}" && pwd)
work=$(mktemp -d)
hub_pid=
cleanup() {
    if [ -n "$hub_pid" ]; then kill "$hub_pid" 2>/dev/null || true; wait "$hub_pid" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT

# The commands of a section's `sh` blocks.
commands() {
    awk -v section="## $1" '
        /^## / { inside = ($0 == section) }
        inside && /^```sh/ { printing = 1; next }
        /^```/ { printing = 0 }
        inside && printing { print }
    ' "$root/README.md"
}

cd "$work"
ln -s "$root/charters" charters
ln -s "$root/deploy" deploy
export PATH="$binaries:$PATH"

operator=$(commands "First steps as an operator" | grep -v -e '^cargo build' -e '^export PATH')
agency=$(commands "First steps as an agency")
[ -n "$operator" ] && [ -n "$agency" ] || { echo "the README's sections are not found" >&2; exit 1; }

# Everything up to `hub serve`; the settings find the charter by the path in the sample.
eval "$(grep -v '^hub serve' <<<"$operator")"
serve=$(grep '^hub serve' <<<"$operator")
eval "$serve > $work/address 2> $work/log &"
hub_pid=$!
for _ in $(seq 300); do
    [ -s "$work/address" ] && break
    kill -0 "$hub_pid" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
[ -s "$work/address" ] || { echo "the hub does not listen" >&2; exit 1; }

set -x
eval "$agency"
{ set +x; } 2>/dev/null

kill -TERM "$hub_pid"
wait "$hub_pid"
hub_pid=
hub fsck --config site/hub.toml
hub rebuild --config site/hub.toml
hub fsck --config site/hub.toml
echo "the README's commands work"
