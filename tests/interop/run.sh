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

cargo build --quiet --package hub --bin hub --package agency-client --bin agency
hub=$target/debug/hub
agency=$target/debug/agency

site=$(mktemp -d)
pids=()
clean_up() {
    status=$?
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ "$status" -ne 0 ]; then
        for log in hub gateway; do
            [ -s "$site/$log.log" ] || continue
            echo "The $log's log:" >&2
            tail -n 50 "$site/$log.log" >&2
        done
    fi
    rm -rf "$site"
    exit "$status"
}
trap clean_up EXIT

"$hub" pki init --pki "$site/pki" --trust-domain hub.shanxi.example >"$site/pki.log"
# One node with each kind of key, so that both are proved in TLS and in author signatures.
"$hub" pki issue --pki "$site/pki" civil-affairs node-1 --key p256 >>"$site/pki.log"
"$hub" pki issue --pki "$site/pki" tax node-1 --key ed25519 >>"$site/pki.log"
"$hub" pki issue --pki "$site/pki" pboc-branch node-1 >>"$site/pki.log"
# The sample that the operators' guide starts from, with a port that the system chooses.
sed -e 's|^listen = .*|listen = "127.0.0.1:0"|' \
    -e "s|^charter = .*|charter = \"$root/charters/shanxi.toml\"|" \
    deploy/hub.minimal.toml >"$site/hub.toml"

mkfifo "$site/address"
"$hub" serve --config "$site/hub.toml" >"$site/address" 2>"$site/hub.log" </dev/null &
pids+=($!)
# The one line on stdout is the address; the pipe ends without one when the hub cannot start.
read -r address <"$site/address" || { echo "The hub did not start." >&2; exit 1; }

# A gateway for a program of the tax bureau that has no keys.
tax=$site/pki/profiles/tax/profile.toml
sed -i -e "s|^endpoint = .*|endpoint = \"https://$address\"|" "$tax"
mkfifo "$site/gateway"
"$agency" --profile "$tax" --officer oa-1 --role clerk --json serve --listen 127.0.0.1:0 \
    >"$site/gateway" 2>"$site/gateway.log" </dev/null &
pids+=($!)
read -r listening <"$site/gateway" || { echo "The gateway did not start." >&2; exit 1; }
gateway=$(python3 -c 'import json, sys; print(json.loads(sys.argv[1])["listening"])' "$listening")

"$venv/bin/python" tests/interop/hub_client.py \
    --protos proto \
    --author "$site/pki/profiles/civil-affairs/profile.toml" \
    --recipient "$site/pki/profiles/tax/profile.toml" \
    --bank "$site/pki/profiles/pboc-branch/profile.toml" \
    --endpoint "https://$address" \
    --gateway "$gateway"
