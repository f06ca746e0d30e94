#!/bin/sh
# swaks: a message for each time that it is called, made by itself, with a Message-Id and a Date; the exit code is its own.
[ -z "$SMTP_USER" ] || login="--tls --auth PLAIN --auth-user $SMTP_USER --auth-password $SMTP_PASSWORD"
status=0
for number in $(seq "$SMTP_MESSAGES"); do
  [ "$number" = 1 ] || sleep "$SMTP_PAUSE"
  # shellcheck disable=SC2086 # words on purpose: no password here has a blank
  yes 'A line of text, of about the length that people write in their mails.' | head -n 1500 |
    swaks --server "$SMTP_HOST" --port "$SMTP_PORT" --timeout 4 $login --hide-informational --suppress-data \
      --from ann@example.com --to "$SMTP_TO" --header "Subject: Hello from swaks" --body - || status=$?
done
exit "$status"
