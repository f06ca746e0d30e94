# Perl's Net::SMTP: each method says by its value whether it worked.

use strict;
use warnings;
use JSON::PP;
use Net::SMTP;
use POSIX qw(strftime);
use Time::HiRes qw(sleep);

my @recipients = split /,/, $ENV{SMTP_TO};
my $error = "";

sub message {
    my ($number) = @_;
    return (
        "From: ann\@example.com\n",
        "To: " . join(", ", @recipients) . "\n",
        "Subject: Hello from Net::SMTP\n",
        strftime("Date: %a, %d %b %Y %H:%M:%S +0000\n", gmtime),
        sprintf("Message-ID: <%d.%d.%d\@example.com>\n\n", time, $$, $number),
        "A line of text, of about the length that people write in their mails.\n" x 1500,
    );
}

if (my $smtp = Net::SMTP->new($ENV{SMTP_HOST}, Port => $ENV{SMTP_PORT}, Timeout => 4)) {
    my $sent = !$ENV{SMTP_USER} || ($smtp->starttls && $smtp->auth($ENV{SMTP_USER}, $ENV{SMTP_PASSWORD}));
    for my $number (1 .. $ENV{SMTP_MESSAGES}) {
        sleep $ENV{SMTP_PAUSE} if $number > 1;
        $sent = $sent && $smtp->mail("ann\@example.com") && $smtp->to(@recipients) && $smtp->data(message($number));
    }
    $error = $smtp->code . " " . $smtp->message unless $sent;
    $smtp->quit;
} else {
    $error = $@;
}
$error =~ s/\s+$//;
print encode_json({ sent => $error ? JSON::PP::false : JSON::PP::true, error => $error, refused => {} });
exit($error ? 1 : 0);
