#!/usr/bin/env bash
# The files of config/ that deploy many gateways: read by the programs that they are for, and nginx and HAProxy run with
# them before three played gateways. Kubernetes' manifests are held against its schemas; Istio's are only parsed.
#
#   tests/deploy/run.sh [--no-install]
#
# It needs the built gateway, nginx, HAProxy, systemd-analyze, openssl, and Python 3.9 or newer with venv; what Python
# needs goes into target/, as requirements.txt pins it.
#
#   --no-install  installs nothing; fails when they are not there yet
# The environment may name another place for built files (CARGO_TARGET_DIR) and another gateway (SCANGATE_BINARY).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../venv.sh"

# nginx and HAProxy lie where only root looks; what a developer's machine has for real sites must not stand between.
env -u HTTP_PROXY -u http_proxy -u ALL_PROXY -u all_proxy PATH="$PATH:/usr/sbin:/sbin" PYTHONDONTWRITEBYTECODE=1 \
    SCANGATE_BINARY="${SCANGATE_BINARY:-$(realpath "$target/debug/scangate")}" \
    "$venv/bin/python" -m unittest discover --start-directory tests/deploy --verbose
