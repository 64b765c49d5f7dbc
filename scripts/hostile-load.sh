#!/bin/sh
# Measures what honest clients keep of their throughput while a member with a good certificate, or a
# stranger with none, misbehaves. Prints a line for each attack: notifications a second undisturbed and
# attacked, their ratio, waves of the attack a second, and the hub's memory.
#
#   scripts/hostile-load.sh [seconds of a turn] [turns of each kind] [attacks, separated by commas]
#
# With HOSTILE_SHARED=1 the attackers come from the address of the honest, as behind one gateway.
#
# Everything stays on loopback. The attackers' thread has the lowest priority (nice 19): they stand for
# other machines, so that the figures are about the hub and not about who gets this machine's processors.
set -eu
cd "$(dirname "$0")/.."
HOSTILE_SECONDS="${1:-2}" HOSTILE_TURNS="${2:-3}" HOSTILE_ATTACKS="${3:-}" \
    cargo run --quiet --release --package hub-tests --example hostile_load
