#!/bin/sh
# A login by HTTP alone, with curl and openssl:
#
#   ./curl-sse.sh https://login.example.com cli
#
# A program has no origin: the app that it names needs `allow_missing_origin = true`. Events come as server-sent events
# until the login is over; PROTOCOL.md says what each of them means.
set -eu
gateway=${1:-http://127.0.0.1:8080}/api/v1
app=${2:-default}

# Secrets go in by standard input: what stands on a command line, every user of the machine can read.
post() { curl -sS --fail-with-body -H 'Content-Type: application/json' -d @- "$gateway$1"; }
# The text of a field in JSON of one line.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# PKCE: only who has the verifier can redeem what the phone grants.
verifier=$(openssl rand -hex 32)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d '=')

pending=$(echo "{\"app\":\"$app\",\"challenge\":\"$challenge\",\"svg\":false}" | post /scenes)
scene=$(echo "$pending" | field scene)
secret=$(echo "$pending" | field secret)
echo "Scan with WeChat: $(echo "$pending" | field text)"

echo "header = \"Authorization: Scene $secret\"" | curl -sSN --fail-with-body -K - "$gateway/scenes/$scene/events" | {
    while IFS= read -r line; do
        case $line in
            'event: rejected' | 'event: expired' | 'event: cancelled' | 'event: failed') echo "${line#event: }"; exit 1 ;;
            'event: '*) echo "${line#event: }" ;;
            'data: '*'"grant":'*)
                grant=$(echo "$line" | field grant)
                echo "{\"grant\":\"$grant\",\"verifier\":\"$verifier\"}" | post /auth/token
                exit ;;
        esac
    done
    exit 1
}
