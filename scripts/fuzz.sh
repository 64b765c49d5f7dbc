#!/usr/bin/env bash
# Runs the fuzz targets under libFuzzer, one after the other: scripts/fuzz.sh [target|all] [executions]
#
# What it finds is left in fuzz/libfuzzer/artifacts/<target>/; docs/FUZZING.md says what to do with it. New
# inputs go to target/fuzz-corpus/<target>/, not into the committed corpus. It stops at the first finding.
# A line of target/fuzz-counts tells of each run: target, executions, executions a second.
# Environment: FUZZ_SECONDS bounds each target's time as well; FUZZ_MINIMISE=1 ends each run by writing a
# corpus of few, small inputs that reach as much, to target/fuzz-minimised/<target>/.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# Pinned, so that a run can be repeated.
cargo_fuzz_version=0.13.2

targets=${1:-all}
executions=${2:-1000000}
seconds=${FUZZ_SECONDS:-0}

if [ "$(cargo fuzz --version 2>/dev/null)" != "cargo-fuzz $cargo_fuzz_version" ]; then
    cargo install cargo-fuzz --version "$cargo_fuzz_version" --locked --quiet
fi
table() {
    cargo run --quiet -p hub-fuzz --example table -- "$@"
}
if [ "$targets" = all ]; then
    targets=$(table)
fi

# The worlds' folders, which a program that libFuzzer ends does not remove.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch

# Without a sanitizer: the hub has no unsafe code of its own, and a stable toolchain will do.
build=(--fuzz-dir fuzz/libfuzzer --sanitizer none --codegen-units 16 --target-dir "$root/target/fuzz")

# Memory in all, in MiB, and the time of one input in seconds. What one input may hold is in the table of
# targets, and looked at by the programs themselves.
limits=(-rss_limit_mb=4096 -timeout=30)

for target in $targets; do
    echo "== $target: $executions executions"
    # Each target is a program of its own: the fewer branches there are in it, the faster libFuzzer is.
    FUZZ_TARGET=$target cargo fuzz build "${build[@]}" decoder
    program=$scratch/$target
    cp "target/fuzz/$(rustc --print host-tuple)/release/decoder" "$program"
    found=target/fuzz-corpus/$target
    findings=fuzz/libfuzzer/artifacts/$target/
    mkdir -p "$found" "$findings"
    words=()
    table "$target" >"$scratch/words"
    # libFuzzer refuses a dictionary without a word.
    [ -s "$scratch/words" ] && words=(-dict="$scratch/words")
    # By a file: of a substitution's command nobody is told that it failed.
    table "$target" --options >"$scratch/options"
    mapfile -t options <"$scratch/options"
    nice -n 10 "$program" "$found" "fuzz/corpus/$target" -runs="$executions" \
        -max_total_time="$seconds" "${options[@]}" "${words[@]}" \
        -artifact_prefix="$findings" -print_final_stats=1 "${limits[@]}" 2>&1 | tee "$scratch/log"
    awk -v target="$target" '/^stat::number_of_executed_units/ { units = $2 }
        /^stat::average_exec_per_sec/ { print target, units, $2 }' "$scratch/log" >>target/fuzz-counts
    if [ "${FUZZ_MINIMISE:-}" = 1 ]; then
        small=target/fuzz-minimised/$target
        rm -rf "$small" && mkdir -p "$small"
        nice -n 10 "$program" "$small" "fuzz/corpus/$target" "$found" -merge=1 \
            "${options[@]}"
    fi
done
