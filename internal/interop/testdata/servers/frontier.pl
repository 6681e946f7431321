# Frontier::Daemon of Perl, on HTTP::Daemon. It listens on the port in its
# argument, because it has no way to tell which one it took. Nobody needs it for
# longer than the alarm.

use strict;
use warnings;
use Frontier::Daemon;

alarm 900;

# An answer with a character beyond U+FFFF ends the daemon, so that a function has
# to leave it out.
my %methods = (
    see     => sub { my $value = $_[1]; $value =~ s/[^\x{0}-\x{FFFF}]/?/g unless ref $value; $value },
    nothing => sub { 'nothing' },
    refuse  => sub { die "no <luck> & more\n" },    # it knows no codes
    divide  => sub { $_[0] / $_[1] },
);
Frontier::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], ReuseAddr => 1, methods => \%methods)
    or die "no server: $!\n";
