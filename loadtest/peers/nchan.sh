#!/bin/sh
# nginx with nchan on 127.0.0.1:PORT; the second word says where its module lies.
#
#   loadtest/peers/nchan.sh PORT FOLDER
set -eu
folder=$(mktemp -d)
sed "s|PORT|$1|; s|FOLDER|$folder|; s|MODULES|$2|" "$(dirname "$0")/nchan.conf" > "$folder/nginx.conf"
exec nginx -p "$folder" -c "$folder/nginx.conf"
