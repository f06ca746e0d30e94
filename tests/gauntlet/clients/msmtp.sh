#!/bin/sh
# msmtp: a message for each time that it is called; the exit code is its own.
[ -z "$SMTP_USER" ] ||
  login="--tls --tls-trust-file=$SSL_CERT_FILE --auth=plain --user=$SMTP_USER --passwordeval=printenv\ SMTP_PASSWORD"
recipients=$(printf %s "$SMTP_TO" | tr , ' ')
status=0
for number in $(seq "$SMTP_MESSAGES"); do
  [ "$number" = 1 ] || sleep "$SMTP_PAUSE"
  # shellcheck disable=SC2086 # words on purpose: no address here has a blank
  SMTP_NUMBER=$number sh "$(dirname "$0")/compose.sh" |
    eval msmtp "--host=$SMTP_HOST" "--port=$SMTP_PORT" --timeout=4 $login --from=ann@example.com -- $recipients ||
    status=$?
done
exit "$status"
