# RPC::XML::Server of Perl, on HTTP::Daemon.
#
# Its first line of output is its port. Nobody needs it for longer than the alarm.

use strict;
use warnings;
use RPC::XML;
use RPC::XML::Server;

alarm 900;
$RPC::XML::ALLOW_NIL = 1;       # without it nil is refused
$RPC::XML::ENCODING  = 'utf-8'; # the default is us-ascii

my $server = RPC::XML::Server->new(host => '127.0.0.1', port => 0);
die "$server\n" unless ref $server;

sub serve {
    my ($name, $code) = @_;
    # A function, unlike a method, has no signature that is checked.
    my $added = $server->add_function({ name => $name, signature => ['string'], code => $code });
    die "$name: $added\n" unless ref $added;
}

serve(see     => sub { $_[1] });
serve(nothing => sub { 'nothing' });
serve(refuse  => sub { RPC::XML::fault->new(42, 'no <luck> & more') });
serve(binary  => sub { RPC::XML::base64->new("\x00\xff") });
serve(divide  => sub { $_[0] / $_[1] });

$| = 1;
print $server->port, "\n";
$server->server_loop;
