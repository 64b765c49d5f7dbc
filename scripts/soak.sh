#!/bin/sh
# Mixed load on a hub for minutes, with four restarts, two of them by `kill -9`: publishers, batches,
# readers and a subscriber that sees every notification once. Prints memory, file handles and the
# subscriber's lag every five seconds, and judges at the end whether they stayed flat.
#
#   scripts/soak.sh [minutes]
#
# 30 minutes unless told otherwise. Exit codes: 0 flat, else 1.
set -eu
cd "$(dirname "$0")/.."
HUB_SOAK_MINUTES="${1:-30}" \
    cargo test --quiet --package hub-tests --test soak -- --ignored --nocapture
