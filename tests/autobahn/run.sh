#!/usr/bin/env bash
# Autobahn's WebSocket test suite against an echo on the gateway's own sockets.
#
#   tests/autobahn/run.sh [--no-install] [CASE…]
#
# All cases run but those of compression (groups 12 and 13), which the gateway does not speak: 301. A CASE is one of
# them or a group: 9.1.1, '6.*'. None may fail, and every connection must be closed cleanly. The report stays in
# target/autobahn/report. The suite knows Python 2.7 only (PYTHON27=/path, python2.7 in PATH, or pyenv's); where there
# is none, this says that it is skipped. What it needs goes into target/autobahn, as requirements.txt pins it.
#
#   --no-install  installs nothing; fails when it is not there yet
# The environment may name another place for built files (CARGO_TARGET_DIR).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

install=1 cases=()
for argument in "$@"; do
    case $argument in
        --no-install) install='' ;;
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
        [0-9]*) cases+=("$argument") ;;
        *) echo "tests/autobahn/run.sh: unknown argument $argument (--help lists them)" >&2; exit 2 ;;
    esac
done

# The first Python that says it is 2.7.
python27() {
    local python
    for python in "${PYTHON27:-}" python2.7 "$(pyenv prefix 2.7 2> /dev/null || true)/bin/python2.7" \
        "$(pyenv root 2> /dev/null || true)"/versions/2.7.*/bin/python2.7; do
        if [[ $("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2> /dev/null) == 2.7 ]]; then
            echo "$python"
            return
        fi
    done
    return 1
}

target=${CARGO_TARGET_DIR:-target}
here=tests/autobahn
home=$target/autobahn
if ! cmp -s "$here/requirements.txt" "$home/.installed"; then
    if [[ -z $install ]]; then
        echo "Autobahn is not installed in $home"
        exit 1
    fi
    if ! python=$(python27); then
        printf '\n*** SKIPPED: Autobahn needs Python 2.7, and there is none (PYTHON27=/path names one) ***\n\n'
        exit 0
    fi
    rm -rf "$home"
    "$python" -m pip install --quiet --disable-pip-version-check --target "$home/virtualenv" virtualenv==20.15.1
    PYTHONPATH=$home/virtualenv "$python" -m virtualenv --quiet "$home/venv"
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    # By itself, because it asks for later versions than it works with.
    "$home/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps autobahntestsuite==25.10.1
    cp "$here/requirements.txt" "$home/.installed"
fi

cargo build --quiet --workspace --locked --example echo
output=$(mktemp)
"$target/debug/examples/echo" > "$output" &
echo=$!
trap 'kill "$echo" || true; rm -f "$output"' EXIT
until [[ -s $output ]]; do
    kill -0 "$echo"
    sleep 0.1
done

if ((${#cases[@]} == 0)); then cases=('*'); fi
list=$(printf '"%s",' "${cases[@]}")
cat > "$home/spec.json" << SPEC
{"outdir": "$home/report", "servers": [{"agent": "scangate", "url": "$(cat "$output")"}], "cases": [${list%,}],
 "exclude-cases": ["12.*", "13.*"], "exclude-agent-cases": {}}
SPEC
rm -rf "$home/report"
"$home/venv/bin/wstest" --mode fuzzingclient --spec "$home/spec.json" > "$home/log"
python3 "$here/verdict.py" "$home/report/index.json" "${cases[*]}"
