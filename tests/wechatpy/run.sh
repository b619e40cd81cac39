#!/usr/bin/env bash
# wechatpy from PyPI, unmodified, against the sandbox of this build.
#
#   tests/wechatpy/run.sh [--no-install] [BASE_URL]
#
# Without BASE_URL (http://127.0.0.1:8090, say) it starts a sandbox of its own, and stops it. It needs Python 3.9 or
# newer with venv; wechatpy and what that needs go into target/, as requirements.txt pins them.
#
#   --no-install  installs nothing; fails when they are not there yet
# The environment may name another place for built files (CARGO_TARGET_DIR).
set -euo pipefail
base_url='' options=()
for argument in "$@"; do
    case $argument in
        http://*) base_url=${argument%/} ;;
        *) options+=("$argument") ;;
    esac
done
set -- "${options[@]}"
source "$(dirname "${BASH_SOURCE[0]}")/../venv.sh"

if [[ -z $base_url ]]; then
    output=$(mktemp)
    sandbox=''
    trap 'if [[ $sandbox ]]; then kill "$sandbox" || true; fi; rm -f "$output"' EXIT
    "$target/debug/scangate" sandbox --set sandbox.bind=127.0.0.1:0 > "$output" 2>&1 &
    sandbox=$!
    for ((i = 0; i < 200; i++)); do
        base_url=$(sed -n '/phone  *http:/{s|.*phone  *\(http://[^/]*\).*|\1|p;q}' "$output")
        if [[ $base_url ]] || ! kill -0 "$sandbox" 2> /dev/null; then break; fi
        sleep 0.1
    done
    if [[ -z $base_url ]]; then
        cat "$output"
        echo 'the sandbox did not say where it listens'
        exit 1
    fi
fi

# What a developer's machine has for real sites must not stand between the two.
env -u HTTP_PROXY -u http_proxy -u ALL_PROXY -u all_proxy SANDBOX_URL="$base_url" PYTHONDONTWRITEBYTECODE=1 \
    "$venv/bin/python" -m unittest discover --start-directory tests/wechatpy --verbose
