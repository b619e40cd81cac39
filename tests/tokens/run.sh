#!/usr/bin/env bash
# Access tokens of this build, verified from its JWKS by libraries of others: PyJWT from PyPI and jose from npm.
#
#   tests/tokens/run.sh [--no-install]
#
# It starts a gateway for each algorithm, rotates the keys while somebody is signed in, and stops them. It needs
# Python 3.9 with venv and Node 20, or newer; PyJWT and what that needs go into target/, as requirements.txt pins them,
# jose into tests/tokens/node_modules.
#
#   --no-install  installs nothing; fails when they are not there yet
# The environment may name another place for built files (CARGO_TARGET_DIR).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../venv.sh"
if ! cmp -s "$here/package-lock.json" "$here/node_modules/.locked"; then
    if [[ -z $install ]]; then
        echo "jose is not installed in $here/node_modules"
        exit 1
    fi
    (cd "$here" && npm ci --no-audit --no-fund --silent && cp package-lock.json node_modules/.locked)
fi

folder=$(mktemp -d)
gateways=()
finish() {
    local gateway
    for gateway in "${gateways[@]}"; do kill "$gateway" || true; done
    for gateway in "${gateways[@]}"; do wait "$gateway" || true; done
    rm -rf "$folder"
}
trap finish EXIT

for algorithm in EdDSA ES256; do
    mkdir "$folder/$algorithm"
    "$target/debug/scangate" serve --set server.bind=127.0.0.1:0 --set server.admin_bind=127.0.0.1:0 \
        --set sandbox.bind=127.0.0.1:0 --set server.drain_delay_s=0 --set "token.algorithm=$algorithm" \
        --set "server.data_dir=$folder/$algorithm" > "$folder/$algorithm.output" 2>&1 &
    gateways+=($!)
done
for algorithm in EdDSA ES256; do
    for ((i = 0; i < 200; i++)); do
        if grep -q '^  data ' "$folder/$algorithm.output"; then break; fi
        sleep 0.1
    done
    if ((i == 200)); then
        cat "$folder/$algorithm.output"
        echo 'the gateway did not say where it listens'
        exit 1
    fi
done

# What a developer's machine has for real sites must not stand between them.
unset HTTP_PROXY http_proxy ALL_PROXY all_proxy
export PYTHONDONTWRITEBYTECODE=1 TOKENS=$folder/tokens.json
"$venv/bin/python" "$here/sign_in.py" "$target/debug/scangate" "$folder"
"$venv/bin/python" -m unittest discover --start-directory "$here" --verbose
node --test --test-reporter=spec "$here/jose.test.mjs"
