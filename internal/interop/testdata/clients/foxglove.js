// Calls an XML-RPC server by the module @foxglove/xmlrpc.
"use strict";

const { run } = require("./lib/cases.js");
const { XmlRpcClient } = require("@foxglove/xmlrpc");
const client = new XmlRpcClient(process.argv[2]);

run((method, params) => client.methodCall(method, params));
