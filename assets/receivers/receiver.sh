#!/usr/bin/env bash
# A webhook receiver in bash: openssl computes, socat listens. SIGNING_SECRET and PORT come from the environment.
set -uo pipefail
export LC_ALL=C

# What the signature of the body on standard input has to be: expected TIMESTAMP.
# openssl takes its key from the command line, which other users of this machine can see; use another language where that matters.
expected() { { printf '%s.' "$1"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "key:$SIGNING_SECRET" -r | cut -d' ' -f1; }

reply() { printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1"; exit 0; }

one_request() {
    local line name value length=0 timestamp='' signature=''
    read -r line
    while IFS= read -r line && line="${line%$'\r'}" && [ -n "$line" ]; do
        name="${line%%:*}" value="${line#*:}" value="${value# }"
        case "${name,,}" in
            content-length) length="$value" ;;
            x-wlcro-timestamp) timestamp="$value" ;;
            x-wlcro-signature) signature="$value" ;;
        esac
    done
    [[ "$timestamp" =~ ^[0-9]{1,12}$ ]] || reply '401 Unauthorized'
    local off=$(($(date +%s) - timestamp))
    [ "${off#-}" -le 300 ] || reply '401 Unauthorized'
    # head -c hands the bytes on as they are; a shell variable would lose line ends and NULs.
    local computed
    computed="sha256=$(head -c "$length" | expected "$timestamp")"
    # Both sides are hashed again, so that the time of the comparison says nothing about them.
    [ "$(printf '%s' "$computed" | sha256sum)" = "$(printf '%s' "$signature" | sha256sum)" ] || reply '401 Unauthorized'
    reply '200 OK'
}

case "${1:-listen}" in
    request) one_request ;;
    vector)
        SIGNING_SECRET=whsec_test_secret_0123456789
        [ "$(printf '{"id":1}' | expected 1700000000)" = 25b2c4e04256107ce5aa02a8567dd81362807fa1f0d80a9250084846bd2d40b3 ]
        ;;
    *) exec socat "TCP-LISTEN:$PORT,bind=127.0.0.1,reuseaddr,fork" "EXEC:$0 request" ;;
esac
