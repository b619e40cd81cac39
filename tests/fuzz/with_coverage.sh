#!/bin/sh
# Stands before rustc for the packages of this workspace (RUSTC_WORKSPACE_WRAPPER): compiles them so that libFuzzer sees
# which branches an input takes. The dependencies stay as every other build has them, so nothing of them is built twice;
# and the build script, which is linked without libFuzzer.
case " $* " in *' build_script_build '*) exec "$@" ;; esac
exec "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
