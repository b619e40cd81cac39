#!/usr/bin/env bash
# Runs every fuzz target for some seconds, with coverage, on stable Rust.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET…]
#
# SECONDS are for each target; 8 when not given. Without a TARGET all run. What was found stays in target/fuzz: the
# corpus of each target, from which the next run goes on, and what made one fail (crash-…, timeout-…, oom-…).
# To run one input again: SCANGATE_FUZZ=TARGET target/debug/examples/fuzz FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${1:-8}
if [[ ! $seconds =~ ^[0-9]+$ ]]; then sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; fi
target_dir=${CARGO_TARGET_DIR:-target}

# --workspace: the same features of the dependencies as under `cargo test --workspace`.
RUSTC_WORKSPACE_WRAPPER=$PWD/tests/fuzz/with_coverage.sh \
    cargo build --workspace --example fuzz --features scangate/fuzz --locked
fuzz=$target_dir/debug/examples/fuzz

if (($# > 1)); then targets=("${@:2}"); else mapfile -t targets < <(SCANGATE_FUZZ=list "$fuzz" 2> /dev/null); fi
if ((${#targets[@]} == 0)); then echo 'no targets' >&2; exit 1; fi

failed=()
for target in "${targets[@]}"; do
    found=$target_dir/fuzz/$target
    mkdir -p "$found/corpus"
    if SCANGATE_FUZZ=$target SCANGATE_FUZZ_SEEDS=$found/corpus "$fuzz" "$found/corpus" \
        -artifact_prefix="$found/" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        > "$found/log" 2>&1 && grep -q '^Done [0-9]* runs' "$found/log"; then
        printf '%-12s %s, %s\n' "$target" "$(grep '^Done' "$found/log")" \
            "$(grep -o 'cov: [0-9]*' "$found/log" | tail -1)"
    else
        failed+=("$target")
        tail -n 40 "$found/log"
        printf '%-12s FAILED; again by SCANGATE_FUZZ=%s %s FILE\n' "$target" "$target" "$fuzz"
    fi
done
if ((${#failed[@]})); then echo "failed: ${failed[*]}"; exit 1; fi
