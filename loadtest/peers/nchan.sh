#!/bin/sh
# nginx with nchan on 127.0.0.1:PORT; MODULES is where its module lies, FOLDER where it writes.
#
#   loadtest/peers/nchan.sh PORT MODULES FOLDER
set -eu
mkdir -p "$3"
sed "s|PORT|$1|; s|MODULES|$2|; s|FOLDER|$3|" "$(dirname "$0")/nchan.conf" > "$3/nginx.conf"
exec nginx -p "$3" -c "$3/nginx.conf"
