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
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

install=1
for argument in "$@"; do
    case $argument in
        --no-install) install='' ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
        *) echo "tests/deploy/run.sh: unknown argument $argument (--help lists them)" >&2; exit 2 ;;
    esac
done

target=${CARGO_TARGET_DIR:-target}
venv=$target/deploy
requirements=tests/deploy/requirements.txt
if ! cmp -s "$requirements" "$venv/.installed"; then
    if [[ -z $install ]]; then
        echo "kubernetes-validate is not installed in $venv"
        exit 1
    fi
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/.installed"
fi

# nginx and HAProxy lie where only root looks; what a developer's machine has for real sites must not stand between.
env -u HTTP_PROXY -u http_proxy -u ALL_PROXY -u all_proxy PATH="$PATH:/usr/sbin:/sbin" PYTHONDONTWRITEBYTECODE=1 \
    SCANGATE_BINARY="${SCANGATE_BINARY:-$(realpath "$target/debug/scangate")}" \
    "$venv/bin/python" -m unittest discover --start-directory tests/deploy --verbose
