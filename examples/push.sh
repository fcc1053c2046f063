#!/bin/sh
# Enrols a collector and pushes one metric with curl.
#
#   examples/push.sh [DIRECTORY]      DIRECTORY: .pganalytics/push-sh
#
# It needs sh, curl 7.55 or newer, openssl, gzip, sed, awk and df; a server; and what the server's operator gives a collector:
#
#   BASE_URL             the server's address: https://127.0.0.1:8443
#   CA_FILE              the authority that signed the server's certificate: .pganalytics/ca.crt
#   REGISTRATION_SECRET  what lets a collector enrol: the one in .pganalytics/credentials.json
#
# Without these variables it takes the values shown here, which are those of a server that `scripts/run` started in the
# current directory. DIRECTORY keeps the collector's key, certificate, token and push. The second run finds them and sends
# the same push again; the server answers "duplicate":true and stores nothing twice. Remove push.json.gz to send another push.
set -eu
umask 077 # The key and the token are their owner's alone.

attempts=5
pause_seconds=5 # After an answer without Retry-After, or after none.

# Prints the text of a member of a JSON file. printf turns the \n of a certificate into line breaks.
member() { printf '%b\n' "$(sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" "$2")"; }

BASE_URL=${BASE_URL:-https://127.0.0.1:8443}
CA_FILE=${CA_FILE:-.pganalytics/ca.crt}
directory=${1:-.pganalytics/push-sh}
mkdir -p "$directory"

# Sends a POST request and prints the status, 000 if no answer comes. The answer is then in the files `head` and `answer`.
# The first field of the request comes from standard input: a command line with a secret is in the list of processes.
post() { # PATH FIELD CURL-OPTION...
  path=$1 field=$2
  shift 2
  rm -f "$directory/head" "$directory/answer"
  printf '%s\n' "$field" | curl -sS --max-time 60 --cacert "$CA_FILE" -H @- -H 'Content-Type: application/json' \
    -D "$directory/head" -o "$directory/answer" -w '%{http_code}' "$@" "$BASE_URL/api/v1/$path" || true
}

# The same with the certificate and the token.
post_as_collector() { # PATH CURL-OPTION...
  path=$1
  shift
  post "$path" "Authorization: Bearer $(cat "$directory/token")" \
    --cert "$directory/certificate.pem" --key "$directory/key.pem" "$@"
}

refuse() {
  echo "$1: status $2" >&2
  [ ! -s "$directory/answer" ] || { cat "$directory/answer"; echo; } >&2
  exit 1
}

# 1. Enrol, once. The key is made here and stays here: the server gets a signing request (CSR) and answers with a certificate.
if [ ! -s "$directory/token" ]; then
  secret=${REGISTRATION_SECRET:-$(member registration_secret .pganalytics/credentials.json)}
  [ -s "$directory/key.pem" ] ||
    openssl ecparam -genkey -noout -name prime256v1 -out "$directory/key.pem"
  openssl req -new -key "$directory/key.pem" -subj /CN=collector -out "$directory/request.pem"
  printf '{"name":"push-sh","hostname":"%s","csr":"%s"}' "$(uname -n)" \
    "$(awk '{ printf "%s\\n", $0 }' "$directory/request.pem")" >"$directory/registration.json"
  status=$(post collectors/register "X-Registration-Secret: $secret" -d "@$directory/registration.json")
  [ "$status" = 201 ] || refuse 'The server does not enrol this collector' "$status"
  member certificate "$directory/answer" >"$directory/certificate.pem"
  member collector_id "$directory/answer" >"$directory/collector_id"
  member token "$directory/answer" >"$directory/token"
fi

# 2. Measure. The push is a file, so that the same bytes can be sent again.
if [ ! -s "$directory/push.json.gz" ]; then
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  filesystem=$(df -Pk / | awk 'NR == 2 { GiB = 1048576
    printf "{\"device\":\"%s\",\"mount\":\"%s\",\"total_gb\":%d,\"used_gb\":%d,\"free_gb\":%d,\"percent_used\":%.1f}",
      $1, $6, $2 / GiB, $3 / GiB, $4 / GiB, 100 * $3 / $2 }')
  metric=$(printf '{"type":"disk_usage","timestamp":"%s","filesystems":[%s]}' "$now" "$filesystem")
  printf '{"collector_id":"%s","hostname":"%s","timestamp":"%s","metrics_count":1,"metrics":[%s]}' \
    "$(cat "$directory/collector_id")" "$(uname -n)" "$now" "$metric" | gzip -c >"$directory/push.json.gz.new"
  mv "$directory/push.json.gz.new" "$directory/push.json.gz"
fi

# 3. Push until the server says that the rows are committed.
while [ $attempts -gt 0 ]; do
  attempts=$((attempts - 1))
  status=$(post_as_collector metrics/push -H 'Content-Encoding: gzip' --data-binary "@$directory/push.json.gz")
  case $status in
    200)
      cat "$directory/answer"
      echo
      exit 0
      ;;
    401) # The token has ended: the certificate gets the next one.
      refreshed=$(post_as_collector collectors/refresh-token -d '')
      [ "$refreshed" = 200 ] || refuse 'The server gives no new token' "$refreshed"
      member token "$directory/answer" >"$directory/token"
      ;;
    429 | 503 | 000) # The server is busy, or no answer came. What was stored already is not stored again.
      seconds=
      [ ! -s "$directory/head" ] || seconds=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$directory/head")
      sleep "${seconds:-$pause_seconds}"
      ;;
    *) refuse 'The server will never take this push as it is' "$status" ;;
  esac
done
refuse 'The push was not stored' "$status"
