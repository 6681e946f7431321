# Calls an XML-RPC server by Frontier::Client.
use strict;
use warnings;
use Encode;
use Frontier::Client;
use MIME::Base64;
use Scalar::Util qw(looks_like_number);

binmode STDOUT, ':encoding(UTF-8)';

my $server = Frontier::Client->new(url => $ARGV[0]);
my $bytes = join '', map { chr($_ % 256) } 0 .. 299;

# Numbers and texts are plain scalars, of which the library guesses the type;
# what Perl has no type for are objects of the library. It wants texts encoded,
# as they stand in this file, and hands them out as characters.
my @values = (
    ['int-max',  2147483647],
    ['int-min',  -2147483648],
    ['i8',       1099511627776],
    ['double',   1e300],
    ['fraction', 0.1],
    ['unicode',  "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍"],
    ['spaces',   " two  spaces, line\nand\ttab "],
    ['empty',    ''],
    ['true',     $server->boolean(1)],
    ['false',    $server->boolean(0)],
    ['nil',      undef],
    ['date',     $server->date_time('20240229T13:45:06')],
    ['binary',   $server->base64(encode_base64($bytes, ''))],
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
    return ref($v) . ' ' . $v->value if ref $v;
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
    return $a->value eq $b->value if ref $b;
    return $a == $b if looks_like_number($a) && looks_like_number($b);
    return $a eq $b;
}

sub attempt {
    my ($name, $want, @call) = @_;
    my $got = eval { $server->call(@call) };
    if ($@) {
        report($name, 'error', $@, 120);
    } else {
        $want = decode('UTF-8', $want) if defined $want && !ref $want;
        same($got, $want) ? report($name, 'ok') : report($name, 'got', shown($got));
    }
}

attempt($_->[0], $_->[1], 'see', @$_) for @values;
attempt('none', 'nothing', 'nothing');

# A fault is an exception that is a text.
if (eval { report('fault', 'got', shown($server->call('refuse', 'please'))); 1 }) {
} elsif ($@ =~ /fault code 42: no <luck> & more$/) {
    report('fault', 'ok');
} else {
    report('fault', 'error', $@, 120);
}
