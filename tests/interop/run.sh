#!/usr/bin/env bash
# Runs the foreign client against a hub of its own. Needs cargo and python3 with venv; everything
# else is fetched into target/interop.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
# cargo may be told to build elsewhere.
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/interop/venv
requirements=tests/interop/requirements.txt

if ! cmp --silent "$requirements" "$venv/requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
fi

cargo build --quiet --package hub --bin hub
hub=$target/debug/hub

site=$(mktemp -d)
pid=
clean_up() {
    status=$?
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    if [ "$status" -ne 0 ] && [ -s "$site/hub.log" ]; then
        echo "The hub's log:" >&2
        tail -n 50 "$site/hub.log" >&2
    fi
    rm -rf "$site"
    exit "$status"
}
trap clean_up EXIT

"$hub" pki init --pki "$site/pki" --trust-domain hub.shanxi.example >"$site/pki.log"
# One node with each kind of key, so that both are proved in TLS and in author signatures.
"$hub" pki issue --pki "$site/pki" civil-affairs node-1 --key p256 >>"$site/pki.log"
"$hub" pki issue --pki "$site/pki" tax node-1 --key ed25519 >>"$site/pki.log"
# The sample that the operators' guide starts from, with a port that the system chooses.
sed -e 's|^listen = .*|listen = "127.0.0.1:0"|' \
    -e "s|^charter = .*|charter = \"$root/charters/shanxi.toml\"|" \
    deploy/hub.minimal.toml >"$site/hub.toml"

mkfifo "$site/address"
"$hub" serve --config "$site/hub.toml" >"$site/address" 2>"$site/hub.log" </dev/null &
pid=$!
# The one line on stdout is the address; the pipe ends without one when the hub cannot start.
read -r address <"$site/address" || { echo "The hub did not start." >&2; exit 1; }

"$venv/bin/python" tests/interop/hub_client.py \
    --protos proto \
    --author "$site/pki/profiles/civil-affairs/profile.toml" \
    --recipient "$site/pki/profiles/tax/profile.toml" \
    --endpoint "https://$address"
