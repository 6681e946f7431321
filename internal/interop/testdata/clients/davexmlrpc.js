// Calls an XML-RPC server by the module davexmlrpc.
"use strict";

const { run } = require("./lib/cases.js");
const xmlrpc = require("davexmlrpc");

run((method, params) => new Promise((resolve, reject) => {
  xmlrpc.client(process.argv[2], method, params, "xml", (err, value) => (err ? reject(err) : resolve(value)));
}));
