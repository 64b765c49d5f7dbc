#!/bin/sh
# Kills a hub under load, 200 times unless told otherwise, and checks after each death that nothing
# acknowledged was lost or doubled. Then as many times a hub and a member's program with an outbox, and
# checks that what was enqueued arrived once and in order, and that `hub fsck` finds nothing.
#
#   scripts/crash-rounds.sh [rounds] [seconds at most]
#
# The seconds bound the first part; a round of the second one takes about a second. Progress goes to
# stdout, a line a round. HUB_TEST_SEED repeats the choices of a run. Exit codes: 0 every round that was
# made held, else 1; the last line of each part says how many rounds there were.
set -eu
cd "$(dirname "$0")/.."
rounds="${1:-200}"
HUB_CRASH_ROUNDS="$rounds" HUB_CRASH_SECONDS="${2:-3600}" \
    cargo test --quiet --package hub-tests --test crash -- --nocapture
OUTBOX_CRASH_ROUNDS="$rounds" \
    cargo test --quiet --package hub-tests --test outbox -- --nocapture \
    what_was_enqueued_arrives_once_and_in_order_through_kill_9_on_both_sides
