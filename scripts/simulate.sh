#!/bin/sh
# Runs engine, ledger and feed in simulation, each run from a seed of its own: a random row of acts,
# reads, clock jumps, failing disks, deaths and power cuts, every answer held against a plain model.
#
#   scripts/simulate.sh [runs] [steps of a run]
#
# 5,000 runs of 40 steps unless told otherwise; one in twenty is over sled. HUB_TEST_SEED is the first
# seed. A run that fails prints its last steps and how it alone is run again. Exit codes: 0 every run
# held, else 1.
set -eu
cd "$(dirname "$0")/.."
HUB_SIMULATION_RUNS="${1:-5000}" HUB_SIMULATION_STEPS="${2:-40}" \
    nice cargo test --quiet --package hub --lib simulation:: -- --nocapture
