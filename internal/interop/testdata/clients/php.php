<?php
// Calls an XML-RPC server by the extension xmlrpc, which makes and reads the
// documents; they are sent by a stream context, as in the manual's examples.

$bytes = '';
for ($i = 0; $i < 300; $i++) {
    $bytes .= chr($i % 256);
}

// Dates and binary are texts that are told their type.
function typed($text, $type)
{
    xmlrpc_set_type($text, $type);
    return $text;
}

$values = [
    'int-max' => 2147483647,
    'int-min' => -2147483648,
    'i8' => 1099511627776,
    'double' => 1e300,
    'fraction' => 0.1,
    'unicode' => "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍",
    'spaces' => " two  spaces, line\nand\ttab ",
    'empty' => '',
    'true' => true,
    'false' => false,
    'nil' => null,
    'date' => typed('20240229T13:45:06', 'datetime'),
    'binary' => typed($bytes, 'base64'),
    // PHP has no empty struct that is not an empty array too.
    'nested' => ['list' => [1, [2, 'three'], ['four' => 4.5]], 'none' => [], 'empty' => []],
];

// What texts are, and are written as, is an option of each call. The second
// argument sets it to what programs with other than Western texts do.
$options = ($argv[2] ?? '') === 'utf-8' ? ['encoding' => 'utf-8', 'escaping' => 'markup'] : [];

function call($method, $params)
{
    global $argv, $options;
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: text/xml',
        'content' => xmlrpc_encode_request($method, $params, $options),
    ]]);
    $answer = @file_get_contents($argv[1], false, $context);
    if ($answer === false) {
        throw new Exception(error_get_last()['message']);
    }
    // It hands out texts in ISO-8859-1 unless it is told this.
    return xmlrpc_decode($answer, 'utf-8');
}

function report($name, $outcome, $text = null, $most = 80)
{
    $line = [$name, $outcome];
    if ($text !== null) {
        $words = trim(preg_replace('/\s+/', ' ', $text));
        preg_match("/^.{0,$most}/u", $words, $start);
        $line[] = $start[0] ?? bin2hex($words);
    }
    echo implode("\t", $line), "\n";
}

function shown($v)
{
    return json_encode($v, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION);
}

// Members come in any order. Objects are dates and binary, told apart by what
// they hold.
function sorted($v)
{
    if (is_object($v)) {
        return [get_class($v), (array) $v];
    }
    if (is_array($v)) {
        ksort($v);
        return array_map('sorted', $v);
    }
    return $v;
}

function attempt($name, $method, $params, $want)
{
    try {
        $got = call($method, $params);
        if (is_array($got) && xmlrpc_is_fault($got)) {
            report($name, 'error', "fault {$got['faultCode']}: {$got['faultString']}", 120);
        } elseif (sorted($got) === sorted($want)) {
            report($name, 'ok');
        } else {
            report($name, 'got', shown($got));
        }
    } catch (Throwable $e) {
        report($name, 'error', $e->getMessage(), 120);
    }
}

foreach ($values as $name => $value) {
    attempt($name, 'see', [$name, $value], $value);
}
attempt('none', 'nothing', [], 'nothing');

$fault = call('refuse', ['please']);
if ($fault === ['faultCode' => 42, 'faultString' => 'no <luck> & more']) {
    report('fault', 'ok');
} else {
    report('fault', 'got', shown($fault));
}
