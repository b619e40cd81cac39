#!/bin/sh
# Keeps one PostgreSQL server for tests. Says "ok" and the folder of its socket, then answers each line of its input
# with one line, "ok ..." or "failed ...":
#
#   start | stop        stops without goodbye, as a crash does
#   pause | resume      every process of the server stands still
#   sql DATABASE TEXT   as the superuser
#
# When the input ends, and be it because the tests were killed, the server is stopped and its files are removed.
set -u
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -V | tail -n 1)
PATH=${bin:+$bin:}$PATH

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; else "$@"; fi
}

control() { as_postgres pg_ctl -D "$home/data" -l "$home/log" -w "$@" < /dev/null > "$home/said" 2>&1; }

# signal NAME: to the postmaster, then to its children, of which there are no more meanwhile.
signal() {
    read -r postmaster < "$home/data/postmaster.pid" || return
    kill "-$1" "$postmaster"
    # One of them may end meanwhile.
    # shellcheck disable=SC2046 # one word for each
    kill "-$1" $(cat "/proc/$postmaster/task/$postmaster/children") || :
}

sql() { psql -h "$home" -U postgres -d "$1" -qAtX -v ON_ERROR_STOP=1 -c "$2" > "$home/said" 2>&1; }

stop() {
    signal CONT 2> /dev/null
    control -m immediate stop
}

# The superuser and everybody else are trusted on the socket, "guarded" needs a password.
prepare() {
    if [ "$(id -u)" = 0 ]; then chown postgres "$home"; fi
    touch "$home/said"
    as_postgres initdb -D "$home/data" -U postgres -A trust -E UTF8 --locale=C --no-sync > "$home/said" 2>&1 || return
    printf 'local all guarded scram-sha-256\nlocal all all trust\n' > "$home/data/pg_hba.conf"
    cat >> "$home/data/postgresql.conf" << EOF
listen_addresses = ''
unix_socket_directories = '$home'
max_connections = 500
shared_buffers = 32MB
fsync = off
full_page_writes = off
EOF
}

if ! command -v initdb > /dev/null || ! command -v psql > /dev/null; then
    echo 'failed PostgreSQL is missing; install it, on Debian by: apt-get install postgresql'
    exit 1
fi
home=$(mktemp -d)
trap 'stop 2> /dev/null; rm -rf "$home"' EXIT

answer() {
    if "$@"; then echo "ok $(tr '\n' ' ' < "$home/said")"; else echo "failed $* $(tr '\n' ' ' < "$home/said")"; fi
}

if prepare && control start; then echo "ok $home"; else echo "failed $(tr '\n' ' ' < "$home/said")"; fi
while read -r command database text; do
    : > "$home/said"
    case $command in
        start) answer control start ;;
        stop) answer stop ;;
        pause) answer signal STOP ;;
        resume) answer signal CONT ;;
        sql) answer sql "$database" "$text" ;;
    esac
done
