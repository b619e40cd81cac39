#!/bin/sh
# certificate.sh FOLDER: makes ca.pem, and server.pem with server.key for localhost, good for a day.
set -eu
cd "$1"
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
# shellcheck disable=SC2086 # several words
{
    openssl req -x509 $key -days 1 -subj '/CN=test CA' -keyout ca.key -out ca.pem
    openssl req $key -subj '/CN=localhost' -keyout server.key -out server.csr
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > names
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile names -out server.pem
} 2> "$1/said" || { cat "$1/said" >&2; exit 1; }
