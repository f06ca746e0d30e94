#!/bin/sh
# curl: one message; the exit code is its own. Its only time-out for a silent server is one for everything.
recipients=$(printf %s "$SMTP_TO" | sed 's/,/ --mail-rcpt /g')
[ -z "$SMTP_USER" ] || login="--ssl-reqd --user $SMTP_USER:$SMTP_PASSWORD"
# shellcheck disable=SC2086 # words on purpose: no address here has a blank
sh "$(dirname "$0")/compose.sh" | sed 's/$/\r/' |
  exec curl --silent --show-error --max-time 8 $login --mail-from ann@example.com --mail-rcpt $recipients \
    --upload-file - "smtp://$SMTP_HOST:$SMTP_PORT"
