// Calls an XML-RPC server by the module homematic-xmlrpc.
"use strict";

const { run } = require("./lib/cases.js");
const client = require("homematic-xmlrpc").createClient({ url: process.argv[2] });

run((method, params) => new Promise((resolve, reject) => {
  client.methodCall(method, params, (err, value) => (err ? reject(err) : resolve(value)));
}));
