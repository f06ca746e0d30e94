#!/bin/sh
# curl: all messages in one go, which keeps the connection; the exit code is its own. Its only time-out for a silent
# server is one for everything.
folder=$(mktemp -d) && trap 'rm -r "$folder"' EXIT
recipients=$(printf %s "$SMTP_TO" | sed 's/,/ --mail-rcpt /g')
[ -z "$SMTP_USER" ] || login="--ssl-reqd --user $SMTP_USER:$SMTP_PASSWORD"
[ "$SMTP_PAUSE" = 0 ] || set -- --rate "$((60 / SMTP_PAUSE))/m"
for number in $(seq "$SMTP_MESSAGES"); do
  SMTP_NUMBER=$number sh "$(dirname "$0")/compose.sh" | sed 's/$/\r/' >"$folder/$number"
  [ "$number" = 1 ] || set -- "$@" --next
  # shellcheck disable=SC2086 # words on purpose: no address here has a blank
  set -- "$@" --silent --show-error --max-time 8 $login --mail-from ann@example.com --mail-rcpt $recipients \
    --upload-file "$folder/$number" "smtp://$SMTP_HOST:$SMTP_PORT"
done
curl --fail-early "$@"
