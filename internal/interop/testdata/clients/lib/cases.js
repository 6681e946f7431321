// The calls that every program in JavaScript makes, by a function of its own:
// call(method, params) is a promise of the answer.
"use strict";

const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256));

const values = {
  "int-max": 2147483647,
  "int-min": -2147483648,
  i8: 1099511627776,
  double: 1e300,
  fraction: 0.1,
  unicode: "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍",
  spaces: " two  spaces, line\nand\ttab ",
  empty: "",
  true: true,
  false: false,
  nil: null,
  date: new Date(2024, 1, 29, 13, 45, 6),
  binary: bytes,
  nested: { list: [1, [2, "three"], { four: 4.5 }], none: [], empty: {} },
};

// Libraries may write to console.log as they like; standard output is for the
// results.
console.log = console.error;

function report(name, outcome, text, most = 80) {
  const line = [name, outcome];
  if (text !== undefined) {
    const words = String(text).split(/\s+/).join(" ").trim();
    line.push(Array.from(words).slice(0, most).join("") || "(no text)");
  }
  process.stdout.write(line.join("\t") + "\n");
}

function shown(v) {
  if (v instanceof Uint8Array) {
    return `${v.constructor.name} of ${v.length} bytes`;
  }
  if (v instanceof Date) {
    return isNaN(v) ? "Invalid Date" : `Date ${v.toISOString()}`;
  }
  return v === undefined ? "undefined" : JSON.stringify(v);
}

function same(a, b) {
  if (b instanceof Uint8Array) {
    return a instanceof Uint8Array && Buffer.compare(a, b) === 0;
  }
  if (b instanceof Date) {
    return a instanceof Date && a.getTime() === b.getTime();
  }
  if (b === null || typeof b !== "object") {
    return a === b;
  }
  if (a === null || typeof a !== "object" || Array.isArray(a) !== Array.isArray(b)) {
    return false;
  }
  const names = Object.keys(b);
  return Object.keys(a).length === names.length && names.every((n) => n in a && same(a[n], b[n]));
}

// One that is thrown where nobody waits for it belongs to the call that runs.
let fail = null;
process.on("uncaughtException", (err) => fail(err));

function attempt(call, method, params) {
  return new Promise((resolve, reject) => {
    fail = reject;
    call(method, params).then(resolve, reject);
  });
}

function message(err) {
  if (err && err.faultCode !== undefined) {
    return `fault ${err.faultCode}: ${err.faultString}`;
  }
  return (err && err.message) || err;
}

exports.run = async function (call) {
  const one = async (name, method, params, want) => {
    try {
      const got = await attempt(call, method, params);
      same(got, want) ? report(name, "ok") : report(name, "got", shown(got));
    } catch (err) {
      report(name, "error", message(err), 120);
    }
  };
  for (const [name, value] of Object.entries(values)) {
    await one(name, "see", [name, value], value);
  }
  await one("none", "nothing", [], "nothing");
  try {
    report("fault", "got", shown(await attempt(call, "refuse", ["please"])));
  } catch (err) {
    const fine = err && err.faultCode === 42 && err.faultString === "no <luck> & more";
    if (fine) {
      report("fault", "ok");
    } else {
      report("fault", err && err.faultCode !== undefined ? "got" : "error", message(err), 120);
    }
  }
};
