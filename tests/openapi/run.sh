#!/usr/bin/env bash
# web/openapi.json as tools of others see it: openapi-spec-validator reads it, and schemathesis asks a gateway of this build
# whatever it allows and what it does not. No answer may be a 5xx, or one that is not described.
#
#   tests/openapi/run.sh [--no-install]
#
# It starts a gateway on ports of its own, and stops it. It needs Python 3.10 or newer with venv; what it runs goes into
# target/, as requirements.txt pins it. The calls are the same each time.
#
#   --no-install  installs nothing; fails when they are not there yet
# The environment may name another place for built files (CARGO_TARGET_DIR).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../venv.sh"

"$venv/bin/openapi-spec-validator" web/openapi.json

folder=$(mktemp -d)
gateway=''
trap 'if [[ $gateway ]]; then kill "$gateway" || true; wait "$gateway" || true; fi; rm -rf "$folder"' EXIT
settings=(
    server.bind=127.0.0.1:0 server.admin_bind=127.0.0.1:0 sandbox.bind=127.0.0.1:0 server.drain_delay_ms=0
    "server.data_dir=$folder" server.admin_token=for-this-run-alone accounts.enabled=true telemetry.log=error
)
# A limit would answer in place of the call.
for limit in scenes_per_address_per_min token_per_address_per_min registrations_per_address_per_hour \
    failed_resumes_per_address_per_min handshakes_per_address_per_s avatars_per_address_per_min live_scenes; do
    settings+=("limits.$limit=100000")
done
"$target/debug/scangate" serve "${settings[@]/#/--set=}" > "$folder/output" 2>&1 &
gateway=$!
for ((i = 0; i < 200; i++)); do
    if grep -q '^  data ' "$folder/output" || ! kill -0 "$gateway" 2> /dev/null; then break; fi
    sleep 0.1
done
if ! grep -q '^  data ' "$folder/output"; then
    cat "$folder/output"
    echo 'the gateway did not say where it listens'
    exit 1
fi

# What a developer's machine has for real sites must not stand between them.
unset HTTP_PROXY http_proxy ALL_PROXY all_proxy
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$here/ask.py" "$venv/bin/schemathesis" "$folder"
