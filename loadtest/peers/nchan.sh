#!/bin/sh
# nginx with nchan on 127.0.0.1:PORT; MODULES is where its module lies, FOLDER where it writes.
#
#   loadtest/peers/nchan.sh PORT MODULES FOLDER
set -eu
mkdir -p "$3"
modules=$(realpath "$2")
folder=$(realpath "$3")
sed "s|PORT|$1|; s|MODULES|$modules|; s|FOLDER|$folder|" "$(dirname "$0")/nchan.conf" > "$folder/nginx.conf"
exec nginx -p "$folder" -c "$folder/nginx.conf"
