#!/bin/sh
# Kills a hub under load, 200 times unless told otherwise, and checks after each death that nothing
# acknowledged was lost or doubled.
#
#   scripts/crash-rounds.sh [rounds] [seconds at most]
#
# Progress goes to stdout, a line a round. HUB_TEST_SEED repeats the choices of a run. Exit codes:
# 0 every round that was made held, else 1; the last line says how many rounds there were.
set -eu
cd "$(dirname "$0")/.."
HUB_CRASH_ROUNDS="${1:-200}" HUB_CRASH_SECONDS="${2:-3600}" \
    cargo test --quiet --package hub-tests --test crash -- --nocapture
