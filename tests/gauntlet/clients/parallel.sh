#!/bin/sh
# As many of a program at once as SMTP_CONNECTIONS says, as the workers of an application are; fails when one of them does.
folder=$(mktemp -d) && trap 'rm -r "$folder"' EXIT
count=$SMTP_CONNECTIONS
export SMTP_CONNECTIONS=1
workers=
while [ "$count" -gt 0 ]; do
  "$@" >"$folder/$count" 2>&1 &
  workers="$workers $!"
  count=$((count - 1))
done
status=0
for worker in $workers; do
  wait "$worker" || status=$?
done
for output in "$folder"/*; do
  cat "$output"
  echo
done
exit "$status"
