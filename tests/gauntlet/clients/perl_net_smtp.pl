# Perl's Net::SMTP: one message; each method says by its value whether it worked.

use strict;
use warnings;
use JSON::PP;
use Net::SMTP;
use POSIX qw(strftime);

my @recipients = split /,/, $ENV{SMTP_TO};
my @message = (
    "From: ann\@example.com\n",
    "To: " . join(", ", @recipients) . "\n",
    "Subject: Hello from Net::SMTP\n",
    strftime("Date: %a, %d %b %Y %H:%M:%S +0000\n", gmtime),
    sprintf("Message-ID: <%d.%d\@example.com>\n\n", time, $$),
    "A line of text, of about the length that people write in their mails.\n" x 1500,
);
my $error = "";

if (my $smtp = Net::SMTP->new($ENV{SMTP_HOST}, Port => $ENV{SMTP_PORT}, Timeout => 4)) {
    my $login = !$ENV{SMTP_USER} || ($smtp->starttls && $smtp->auth($ENV{SMTP_USER}, $ENV{SMTP_PASSWORD}));
    my $sent = $login && $smtp->mail("ann\@example.com") && $smtp->to(@recipients) && $smtp->data(@message);
    $error = $smtp->code . " " . $smtp->message unless $sent;
    $smtp->quit;
} else {
    $error = $@;
}
$error =~ s/\s+$//;
print encode_json({ sent => $error ? JSON::PP::false : JSON::PP::true, error => $error, refused => {} });
exit($error ? 1 : 0);
