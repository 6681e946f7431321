# Calls an XML-RPC server by RPC::XML::Client.
use strict;
use warnings;
use utf8;
use RPC::XML;
use RPC::XML::Client;
use Scalar::Util qw(looks_like_number);

binmode STDOUT, ':encoding(UTF-8)';

# The library writes undef as <nil/> only if this is set, and texts in this
# encoding; without it they must be US-ASCII.
$RPC::XML::ALLOW_NIL = 1;
$RPC::XML::ENCODING  = 'utf-8';

my $client = RPC::XML::Client->new($ARGV[0]);
my $bytes = join '', map { chr($_ % 256) } 0 .. 299;

# Numbers and texts are plain scalars, of which the library guesses the type;
# what Perl has no type for are objects of the library.
my @values = (
    ['int-max',  2147483647],
    ['int-min',  -2147483648],
    ['i8',       1099511627776],
    ['double',   1e300],
    ['fraction', 0.1],
    ['unicode',  "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍"],
    ['spaces',   " two  spaces, line\nand\ttab "],
    ['empty',    ''],
    ['true',     RPC::XML::boolean->new(1)],
    ['false',    RPC::XML::boolean->new(0)],
    ['nil',      undef],
    ['date',     RPC::XML::datetime_iso8601->new('20240229T13:45:06')],
    ['binary',   RPC::XML::base64->new($bytes)],
    ['nested',   { list => [1, [2, 'three'], { four => 4.5 }], none => [], empty => {} }],
);

sub report {
    my ($name, $outcome, $text, $most) = @_;
    my @line = ($name, $outcome);
    if (defined $text) {
        $text = join ' ', split ' ', $text;
        push @line, substr $text, 0, $most || 80;
    }
    print join("\t", @line), "\n";
}

sub shown {
    my ($v) = @_;
    return 'undef' if !defined $v;
    return '[' . join(', ', map { shown($_) } @$v) . ']' if ref $v eq 'ARRAY';
    return '{' . join(', ', map { "$_: " . shown($v->{$_}) } sort keys %$v) . '}' if ref $v eq 'HASH';
    return length $v ? $v : "''";
}

# Scalars are compared as numbers or text: Perl has one kind of them.
sub same {
    my ($a, $b) = @_;
    return !defined $a && !defined $b if !defined $a || !defined $b;
    return 0 if ref $a ne ref $b;
    if (ref $b eq 'ARRAY') {
        return 0 if @$a != @$b;
        same($a->[$_], $b->[$_]) || return 0 for 0 .. $#$b;
        return 1;
    }
    if (ref $b eq 'HASH') {
        return 0 if keys %$a != keys %$b;
        exists $a->{$_} && same($a->{$_}, $b->{$_}) || return 0 for keys %$b;
        return 1;
    }
    return $a == $b if looks_like_number($a) && looks_like_number($b);
    return $a eq $b;
}

# send_request returns an object, or a text if there was an error.
sub attempt {
    my ($name, $want, @call) = @_;
    my $got = $client->send_request(@call);
    if (!ref $got) {
        report($name, 'error', $got, 120);
    } elsif ($got->is_fault) {
        report($name, 'error', 'fault ' . $got->code . ': ' . $got->string, 120);
    } else {
        my $plain = ref $want && $want->isa('RPC::XML::datatype') ? $want->value : $want;
        my $typed = !(ref $want && $want->isa('RPC::XML::datatype')) || $got->type eq $want->type;
        $typed && same($got->value, $plain) ? report($name, 'ok') : report($name, 'got', $got->type . ' ' . shown($got->value));
    }
}

for (@values) {
    my ($name, $value) = @$_;
    # Hashes and lists have no methods.
    my $want = ref $value eq 'HASH' ? RPC::XML::smart_encode($value) : $value;
    attempt($name, $want, 'see', $name, $value);
}
attempt('none', 'nothing', 'nothing');

my $fault = $client->send_request('refuse', 'please');
if (!ref $fault) {
    report('fault', 'error', $fault, 120);
} elsif ($fault->is_fault && $fault->code == 42 && $fault->string eq 'no <luck> & more') {
    report('fault', 'ok');
} else {
    report('fault', 'got', shown($fault->value));
}
