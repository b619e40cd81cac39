#!/bin/sh
# Keeps one Redis for tests, on 127.0.0.1, with nothing written to the disk.
#
#   keep.sh PORT [--option value …]
#   keep.sh PORT --sentinel-of PORT QUORUM     a sentinel of the master "main"
#
# Says "ok" and its process once it answers, "failed" and why when it does not. When the input ends, and be it because
# the tests were killed, the server is killed and its files are removed.
port=$1
shift
if ! command -v redis-server > /dev/null; then
    echo 'failed Redis is missing; install it, on Debian by: apt-get install redis-server'
    exit 1
fi
folder=$(mktemp -d)
if [ "${1:-}" = --sentinel-of ]; then
    # It writes into its configuration.
    cat > "$folder/sentinel.conf" << EOF
sentinel monitor main 127.0.0.1 $2 $3
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 5000
EOF
    set -- --sentinel
    start() { exec redis-server "$folder/sentinel.conf" --port "$port" "$@"; }
else
    start() { exec redis-server --port "$port" --save '' --appendonly no "$@"; }
fi
start --bind 127.0.0.1 --dir "$folder" --daemonize no --logfile "$folder/log" "$@" \
    < /dev/null > "$folder/output" 2>&1 &
server=$!
# Stopped, it would not hear of its end.
trap 'kill -CONT $server 2> /dev/null; kill -KILL $server 2> /dev/null; wait $server 2> /dev/null; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP
answer() {
    # Until something listens, and while it runs.
    while kill -0 $server 2> /dev/null; do
        if redis-cli -h 127.0.0.1 -p "$port" ping > /dev/null 2>&1; then return 0; fi
        sleep 0.02
    done
    return 1
}
if ! answer; then
    echo "failed $(tail -n 3 "$folder/log" "$folder/output" 2> /dev/null | tr '\n' ' ')"
    exit 1
fi
echo "ok $server"
cat > /dev/null
