#!/bin/sh
# Lets calls of a real hub on its files fail, one after the other: each of the first twenty calls of
# every class on every kind of file of ledger and state, with EIO, ENOSPC and half a read or write,
# once and from then on, at the start and while the hub runs.
#
#   scripts/failing-disk.sh [cases [hubs]]
#
# All unless a number is given; so many are drawn then. Eight hubs are tried at the same time, each with a
# data folder of its own, unless told otherwise: most of a case is waiting. Progress goes to stdout.
# HUB_TEST_SEED repeats the choices of a run. Exit codes: 0 every case held, else 1.
set -eu
cd "$(dirname "$0")/.."
HUB_DISK_CASES="${1:-all}" HUB_DISK_HUBS="${2:-8}" \
    nice cargo test --quiet --package hub-tests --test failing_disk -- --nocapture
