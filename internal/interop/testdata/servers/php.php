<?php
// The xmlrpc extension of PHP, behind PHP's own web server, of which this is the
// router script.

$server = xmlrpc_server_create();
xmlrpc_server_register_method($server, 'see', fn($method, $args) => $args[1]);
xmlrpc_server_register_method($server, 'nothing', fn($method, $args) => 'nothing');
xmlrpc_server_register_method($server, 'refuse',
    fn($method, $args) => ['faultCode' => 42, 'faultString' => 'no <luck> & more']);
xmlrpc_server_register_method($server, 'divide', fn($method, $args) => intdiv($args[0], $args[1]));

header('Content-Type: text/xml; charset=utf-8');
// Without these options everything is written in ISO-8859-1.
echo xmlrpc_server_call_method($server, file_get_contents('php://input'), null,
    ['encoding' => 'utf-8', 'escaping' => 'markup', 'version' => 'xmlrpc']);
