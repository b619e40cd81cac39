#!/usr/bin/env bash
# Every scenario of loadtest, small, against the gateway of this build: what it exits with, and what it writes. At last
# two gateways that share a Redis: the page on one, the phone on the other.
#
#   tests/load/run.sh
#
# It needs the built gateway and load tests with their examples, redis-server, and Node 20 or newer.
# The environment may name another place for built files (CARGO_TARGET_DIR), another gateway (SCANGATE_BINARY), other
# load tests (LOADTEST_BINARY) and other peers in Rust (PEERS_BUILT).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case ${1:-} in
    '') ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "tests/load/run.sh: unknown argument $1 (--help lists them)" >&2; exit 2 ;;
esac

target=${CARGO_TARGET_DIR:-target}/debug
scangate=${SCANGATE_BINARY:-$target/scangate}
loadtest=${LOADTEST_BINARY:-$target/loadtest}
folder=$(mktemp -d)
started=()
finish() {
    # Whatever happened; who has ended by now is no trouble.
    for pid in ${started[@]+"${started[@]}"}; do kill "$pid" 2> /dev/null || true; done
    wait
    rm -rf "$folder"
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# until_there FILE WORDS PID: until the process has written these words.
until_there() {
    for ((i = 0; i < 400; i++)); do
        if grep -qs "$2" "$1"; then return; fi
        if ! kill -0 "$3" 2> /dev/null; then break; fi
        sleep 0.05
    done
    cat "$1"
    fail "\"$2\" was not said"
}

# expect CODE NAME ARGUMENT…: runs the load test and holds it to its exit code; its output is in $folder/output.
expect() {
    local code=0 wanted=$1
    shift
    echo "── loadtest $*"
    "$loadtest" "$@" > "$folder/output" 2>&1 || code=$?
    if ((code != wanted)); then
        cat "$folder/output"
        fail "exit code $code instead of $wanted"
    fi
}

# says WORDS: the last load test has said so.
says() {
    if ! grep -q -e "$1" "$folder/output"; then
        cat "$folder/output"
        fail "\"$1\" was not said"
    fi
}

# All reports of one run: whole, and with the same figures.
reports() {
    node - "$folder" "$1" << 'END'
const { readFileSync } = require('node:fs');
const { strict: assert } = require('node:assert');
const [folder, phase] = process.argv.slice(2);
const read = (name) => readFileSync(`${folder}/${name}`, 'utf8');
const report = JSON.parse(read('report.json'));
const { count, p50_us, max_us } = report.phases[phase];
assert(count > 0 && p50_us > 0 && p50_us <= max_us, JSON.stringify(report.phases));
assert.equal(report.errors.count, 0);
assert(report.series.length > 1);
assert(report.series.some((row) => row.gateways[0].memory > 1e6));
assert(report.host.cores >= 1);
const rows = (name) => read(name).trimEnd().split('\n').map((line) => line.split(','));
const [head, ...phases] = rows('report_phases.csv');
const row = Object.fromEntries(phases.find(([name]) => name === phase).map((cell, at) => [head[at], cell]));
assert.equal(Number(row.count), count);
assert.equal(Number(row.p50_us), p50_us);
assert.equal(rows('report_series.csv').length, report.series.length + 1);
assert.equal(read('report_errors.csv'), 'reason,count\n');
const page = read('report.html');
assert(page.startsWith('<!DOCTYPE html>') && page.endsWith('</html>'));
assert(page.match(/<svg /g).length >= 4, 'charts');
assert(!/<script|src=|href=/.test(page), 'it fetches nothing');
END
}

node --input-type=module --check < loadtest/k6.js

common=(--no-svg --timeout 20s)
gateway="$scangate serve --config config/loadtest.toml --set server.drain_delay_ms=100 --set server.grace_s=5"
own=(--gateway "$gateway" "${common[@]}")

# A gateway for all that leave it as it is.
$gateway --set server.bind=127.0.0.1:0 --set server.admin_bind=127.0.0.1:0 --set sandbox.bind=127.0.0.1:0 \
    --set "server.data_dir=$folder/data" > "$folder/gateway" 2>&1 &
started+=($!)
until_there "$folder/gateway" 'admin  *http:' $!
page=$(sed -n 's/.*login page  *\(http:[^ ]*\).*/\1/p' "$folder/gateway")
shared=(--url "$page" "${common[@]}")
measured=("${shared[@]}" --pid $!)
written=(--json "$folder/report.json" --csv "$folder/report" --html "$folder/report.html")

expect 0 hold "${measured[@]}" "${written[@]}" -n 200 -z 1s --threshold 'errors<1' --threshold 'opened>=200'
reports pending
expect 0 hold "${shared[@]}" --stage 500ms:40 --stage 500ms:10 -z 0s --processes 2 --sources 2 --threshold 'opened>=40'
expect 0 login "${shared[@]}" -n 40 -c 4 --users 5 --threshold 'errors<1' --threshold 'logins>=40'
expect 0 login "${shared[@]}" --stage 1s:20 --stage 500ms:0 --users 5 --processes 2 --threshold 'logins>=14'
# The gateway stands still for a second and a half, and so does the only place; what is due meanwhile still counts from
# when it was due.
{ sleep 1; kill -STOP "${started[0]}"; sleep 1.5; kill -CONT "${started[0]}"; } &
expect 0 login "${shared[@]}" "${written[@]}" -r 5 -c 1 -z 4s --users 2 --threshold 'late:max>500ms'
node -e '
    const { phases: { late, whole } } = JSON.parse(require("fs").readFileSync(process.argv[1]));
    if (whole.mean_us < late.mean_us || whole.max_us < late.max_us) throw { late, whole };' "$folder/report.json"
expect 0 push "${measured[@]}" "${written[@]}" -n 50 -r 20 -z 1s --users 4 --threshold 'push_latency:count>=20'
reports push_latency
expect 99 push "${shared[@]}" -n 5 -r 10 -z 500ms --users 2 --threshold 'push_latency:p(99)<1us'
says 'CROSSED'
expect 0 poll "${shared[@]}" -n 20 -r 10 -z 1s --idle 1s --every 500ms --users 2 --threshold 'poll_latency:count>=10'
says 'requests_per_second'
expect 0 poll "${shared[@]}" --long -n 20 -r 10 -z 1s --users 2 --threshold 'long_poll_latency:count>=10'
expect 0 storm "${own[@]}" -n 60 --threshold 'errors<1' --threshold 'back:count>=60'
expect 0 compare "${own[@]}" -n 20 -r 10 -z 1s --idle 1s --every 500ms --users 2 --rounds 1 --save "$folder/results" \
    --threshold 'errors<1' --threshold 'poll_to_push_latency>1' --threshold 'push_bytes_per_page>0'
# What is kept: the figures of each round, how they were got, and the same figures in both drawings.
node - "$folder/results" << 'END'
const { readFileSync } = require('node:fs');
const { strict: assert } = require('node:assert');
const read = (name) => readFileSync(`${process.argv[2]}/${name}`, 'utf8');
const { command, host, rounds, scangate, values } = JSON.parse(read('compare.json'));
assert.match(command, /compare --gateway '.*serve --config config\/loadtest.toml/);
assert.match(host.date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
assert(host.cpu && host.kernel && host.memory && host.cores >= 1, JSON.stringify(host));
assert.match(scangate, /^\d+\.\d+\.\d+/);
for (const way of ['push', 'long_poll', 'poll']) {
    assert.equal(rounds[way].length, 1);
    assert.equal(rounds[way][0].latency_p50_us, values[`${way}_latency_p50_us`]);
}
assert.equal(values.poll_to_push_latency, values.poll_latency_p50_us / values.push_latency_p50_us);
const drawings = ['compare.svg', 'compare.zh-CN.svg'].map(read);
for (const drawing of drawings) {
    assert(drawing.startsWith('<svg ') && drawing.endsWith('</svg>\n'));
    assert(drawing.includes('prefers-color-scheme:dark'));
}
const figures = (drawing) => [...drawing.matchAll(/class="value told"[^>]*>([^<]+)</g)].map(([, figure]) => figure);
assert.equal(figures(drawings[0]).length, 9);
assert.deepEqual(figures(drawings[0]), figures(drawings[1]));
END
expect 0 hold "${measured[@]}" -n 30 -z 0s --save "$folder/results"
expect 0 push "${measured[@]}" -n 10 -r 10 -z 500ms --users 2 --save "$folder/results"
node -e '
    const [hold, push] = process.argv.slice(1).map((file) => JSON.parse(require("fs").readFileSync(file)));
    if (hold.values.opened !== 30 || push.phases.push_latency.count < 1) throw { hold, push };' \
    "$folder/results/hold-30.json" "$folder/results/push-10.json"
expect 0 push "${shared[@]}" -n 10 -r 20 -z 1s --idle 1s --users 2 --reject --threshold 'push_latency:count>=20' \
    --threshold 'errors<1'
# The peers in Rust, which are built with the load tests; nothing has to be met by a build without optimisation.
peers=${PEERS_BUILT:-$target/examples}
expect 0 peers "${own[@]}" -n 50 -r 20 -z 1s --idle 1s --users 2 --rounds 1 --save "$folder/peers/peers.json" \
    --peer "actix-ws=$peers/peer-actix-ws {port}" --peer "raw-tokio=$peers/peer-raw-tokio {port}" \
    --threshold 'errors<1'
says 'M1  *memory per waiting page .*actix-ws'
node -e '
    const { strict: assert } = require("assert");
    const { medians, targets, errors } = JSON.parse(require("fs").readFileSync(process.argv[1]));
    assert.equal(errors.count, 0);
    const names = ["actix-ws", "actix-ws-poll", "gateway", "gateway-poll", "gateway-reject", "raw-tokio"];
    assert.deepEqual(Object.keys(medians).sort(), names);
    for (const name of names) assert.equal(medians[name].opened, 50, name);
    for (const name of ["actix-ws", "raw-tokio", "gateway-reject"]) assert.equal(medians[name].confirms, 20, name);
    assert(medians["actix-ws-poll"].requests_per_second > 5, "it polls");
    const by = (id, peer) => targets.find((one) => one.id === id && one.peer === peer);
    assert(by("M1", "actix-ws").ratio > 0);
    assert.equal(typeof by("L1", "raw-tokio").met, "boolean");
    assert.equal(by("M2", "bun").met, null);' "$folder/peers/peers.json"

# What is refused.
expect 1 hold --url http://192.0.2.1:8080
says 'allow-remote'
expect 1 hold --url http://127.0.0.1:1
says 'connection refused'
expect 1 peers --peer 'x=sh -c "exit 3" {port}'
says 'exit status: 3'
expect 1 hold "${shared[@]}" -n 9999999
says '--processes'
expect 1 push "${shared[@]}" --threshold 'pushlatency:p(99)<1ms'
says 'push_latency'

# The page on one node, the phone on the other.
redis_port=''
for ((try = 0; try < 20; try++)); do
    port=$((20000 + RANDOM % 10000))
    redis-server --port $port --bind 127.0.0.1 --save '' --dir "$folder" --maxmemory-policy noeviction \
        > "$folder/redis" 2>&1 &
    redis=$!
    for ((i = 0; i < 100; i++)); do
        if grep -qs 'Ready to accept' "$folder/redis"; then redis_port=$port; break; fi
        if ! kill -0 $redis 2> /dev/null; then break; fi
        sleep 0.05
    done
    if [[ $redis_port ]]; then started+=($redis); break; fi
done
if [[ -z $redis_port ]]; then fail 'no Redis'; fi
shared_by_both=(--set "cluster.url=redis://127.0.0.1:$redis_port/0" --set "server.data_dir=$folder/both"
    --set server.admin_bind=127.0.0.1:0 --set sandbox.bind=127.0.0.1:0)
$gateway "${shared_by_both[@]}" --set server.bind=127.0.0.1:0 > "$folder/first" 2>&1 &
started+=($!)
until_there "$folder/first" 'admin  *http:' $!
first=$(sed -n 's/.*login page  *\(http:[^ ]*\).*/\1/p' "$folder/first")
wechat=$(sed -n 's/.*phone  *\(http:.*\)\/phone.*/\1/p' "$folder/first")
for ((try = 0; try < 20; try++)); do
    second=127.0.0.1:$((20000 + RANDOM % 10000))
    $gateway "${shared_by_both[@]}" --set "server.public_url=$first" --set "server.bind=$second" \
        --set "wechat.open_base=$wechat" --set "wechat.api_base=$wechat" --set "wechat.mp_base=$wechat" \
        > "$folder/second" 2>&1 &
    pid=$!
    for ((i = 0; i < 400; i++)); do
        if grep -qs 'admin  *http:' "$folder/second"; then started+=($pid); break 2; fi
        if ! kill -0 $pid 2> /dev/null; then break; fi
        sleep 0.05
    done
    second=''
done
if [[ -z $second ]]; then fail 'no second gateway'; fi
crossing=(--url "$first" --phone-node "$second" --sandbox "$wechat" "${common[@]}")
expect 0 push "${crossing[@]}" -n 20 -r 10 -z 1s --users 2 --threshold 'push_latency:count>=10'
nodes=(--node "${first#http://}" --node "$second")
nodes=("${nodes[@]%/}")
expect 0 hold --url "$first" "${nodes[@]}" "${common[@]}" -n 20 -z 0s --threshold 'opened>=20'
echo 'load: all as expected'
