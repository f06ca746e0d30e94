# A message for the tools that are handed one, on standard output; lines end in LF.
# shellcheck shell=sh
cat <<MAIL
From: ann@example.com
To: $SMTP_TO
Subject: Hello from a shell
Date: $(LC_ALL=C date --utc '+%a, %d %b %Y %H:%M:%S +0000')
Message-ID: <$(date +%s).$$.$SMTP_NUMBER@example.com>

MAIL
yes 'A line of text, of about the length that people write in their mails.' | head -n 1500
