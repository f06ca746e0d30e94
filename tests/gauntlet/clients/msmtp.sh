#!/bin/sh
# msmtp: one message; the exit code is its own.
[ -z "$SMTP_USER" ] ||
  login="--tls --tls-trust-file=$SSL_CERT_FILE --auth=plain --user=$SMTP_USER --passwordeval=printenv\ SMTP_PASSWORD"
recipients=$(printf %s "$SMTP_TO" | tr , ' ')
# shellcheck disable=SC2086 # words on purpose: no address here has a blank
sh "$(dirname "$0")/compose.sh" |
  eval exec msmtp "--host=$SMTP_HOST" "--port=$SMTP_PORT" --timeout=4 $login --from=ann@example.com -- $recipients
