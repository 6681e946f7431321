# A client made with XMLRPC::Lite.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));
use Scalar::Util qw(looks_like_number);
use XMLRPC::Lite;

my $client = XMLRPC::Lite->proxy($ARGV[0]);

# line prints a case and its outcome on one line, at most so many characters.
sub line {
	my ($name, $outcome, $text, $most) = @_;
	$text =~ s/\s/ /g;
	print "$name\t$outcome\t", substr($text, 0, $most), "\n";
}

sub show {
	my ($v) = @_;
	return 'undef' unless defined $v;
	return '[' . join(', ', map { show($_) } @$v) . ']' if ref $v eq 'ARRAY';
	return '{' . join(', ', map { "$_: " . show($v->{$_}) } sort keys %$v) . '}' if ref $v eq 'HASH';
	return 0 + $v if looks_like_number($v); # whether it is a number or text
	return qq("$v");
}

# call gives the answer, or prints why there is none.
sub call {
	my ($name, @call) = @_;
	my $answer = eval { $client->call(@call) };
	if ($@) {
		line($name, 'error', $@ =~ s/ at \S+ line \d+\.$//r, 120);
		return undef;
	}
	return $answer;
}

sub compare {
	my ($name, $answer, $want) = @_;
	if (!$answer) {
		return; # an error, which is printed already
	} elsif ($answer->fault) {
		line($name, 'error', $answer->faultstring, 120);
	} elsif (show($answer->result) eq show($want)) {
		print "$name\tok\n";
	} else {
		line($name, 'got', show($answer->result), 80);
	}
}

# check sends a value and takes it back. A type is named where the library
# would guess another one from the look of the value.
sub check {
	my ($name, $value, $type) = @_;
	my $data = $type ? XMLRPC::Data->type($type => $value) : $value;
	compare($name, call($name, 'see', $name, $data), $value);
}

sub fault {
	my $answer = call('fault', 'refuse', 'please') or return;
	if ($answer->fault && $answer->faultcode == 42 && $answer->faultstring eq 'no <luck> & more') {
		print "fault\tok\n";
	} else {
		line('fault', 'got', show($answer->fault // $answer->result), 80);
	}
}

check('int-max', 2147483647);
check('int-min', -2147483648);
check('i8', 1099511627776);
check('double', 1e300);
check('fraction', 0.1);
check('unicode', q(Grüße <b>&amp;</b> "x" 'y' ]]> 世界 🌍), 'string');
check('spaces', " two  spaces, line\nand\ttab ");
check('empty', '');
check('true', 1, 'boolean');
check('false', 0, 'boolean');
check('nil', undef);
check('date', '20240229T13:45:06');
check('binary', join('', map { chr($_ % 256) } 0 .. 299), 'base64');
check('nested', {list => [1, [2, 'three'], {four => 4.5}], none => [], empty => {}});
compare('none', call('none', 'nothing'), 'nothing');
fault();
