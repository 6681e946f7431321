"use strict";
(() => {
// A function may have the name of a part of the page.
const byId = id => document.querySelector(`#${id}:not(.fn)`);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// el makes an element. Texts become text and never markup.
function el(tag, attributes = {}, ...children) {
	const e = document.createElement(tag);
	for (const [name, v] of Object.entries(attributes)) {
		if (name.startsWith("on")) e.addEventListener(name.slice(2), v);
		else if (v !== false && v !== undefined) e.setAttribute(name, v === true ? "" : v);
	}
	e.append(...children);
	return e;
}

// ---- Values on the wire

const bad = /[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"};
function escaped(text) {
	if (bad.test(text)) throw Error("XML cannot carry a control character or half a surrogate pair");
	return text.replace(/[&<>\r]/g, c => entities[c]);
}
const value = (type, text) => `<value><${type}>${text}</${type}></value>`;

function intXML(text) {
	text = text.trim();
	if (!/^[+-]?\d+$/.test(text)) throw Error("want a whole number, such as 3");
	const n = BigInt(text.replace("+", ""));
	if (n === BigInt.asIntN(32, n)) return value("int", n);
	if (n === BigInt.asIntN(64, n)) return value("i8", n);
	return `<value><ex:biginteger xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">${n}</ex:biginteger></value>`;
}
function doubleXML(text) {
	if (text.trim() === "" || !Number.isFinite(Number(text))) throw Error("want a number, such as 1.5");
	return value("double", text.trim());
}
function dateXML(text) {
	const m = /^(\d{4})-(\d\d)-(\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(text);
	if (!m) throw Error("want a date and a time, such as 2026-01-31T12:30:00");
	return value("dateTime.iso8601", m[1] + m[2] + m[3] + "T" + m[4] + (m[5] || ":00") + (m[6] || "") + (m[7] || ""));
}
function floatXML(text) {
	if (!/^(nan|[+-]?inf(inity)?)$/i.test(text)) return doubleXML(text);
	return value("double", text);
}
function base64XML(text) {
	text = text.replace(/\s/g, "");
	try { atob(text); } catch { throw Error("want base64, such as aGVsbG8="); }
	return value("base64", text);
}
function base64Of(bytes) {
	let text = "";
	for (let i = 0; i < bytes.length; i += 8190) text += btoa(String.fromCharCode(...bytes.subarray(i, i + 8190)));
	return text;
}

// Digits keeps a number of a JSON text as it was written: all its digits, and
// whether it is a fraction.
class Digits { constructor(text) { this.text = text; } }

function parseJSON(text) {
	return JSON.parse(text, (key, v, context) => {
		if (typeof v !== "number") return v;
		if (context && context.source !== undefined) return new Digits(context.source);
		if (Number.isInteger(v) && !Number.isSafeInteger(v)) throw Error("this browser cannot read a number of so many digits in JSON");
		return new Digits(String(v));
	});
}
// tagged are the objects that stand for what JSON has no form for.
const tagged = {$float: floatXML, $binary: base64XML, $bytearray: base64XML, $time: dateXML, $localtime: dateXML};

function dataXML(v) {
	if (v === null) return "<value><nil/></value>";
	if (v === true || v === false) return value("boolean", Number(v));
	if (typeof v === "string") return value("string", escaped(v));
	if (v instanceof Digits) return /^-?\d+$/.test(v.text) ? intXML(v.text) : doubleXML(v.text);
	if (Array.isArray(v)) return `<value><array><data>${v.map(dataXML).join("")}</data></array></value>`;
	const names = Object.keys(v);
	if (names.length === 1 && Object.hasOwn(tagged, names[0])) return tagged[names[0]](String(v[names[0]]));
	return value("struct", names.map(n => `<member><name>${escaped(n)}</name>${dataXML(v[n])}</member>`).join(""));
}
function jsonXML(text, want) {
	let v;
	try { v = parseJSON(text); } catch (e) { throw Error("this is not JSON: " + e.message); }
	if (want === "array" && !Array.isArray(v)) throw Error("want a JSON array, such as [3, 5]");
	if (want === "struct" && (v === null || typeof v !== "object" || Array.isArray(v) || v instanceof Digits)) throw Error("want a JSON object, such as {\"name\": 3}");
	return dataXML(v);
}
// anyXML reads JSON where it is JSON, and else takes the text as it is, like the
// arguments of the command parley call.
function anyXML(text) {
	let v = text;
	try { v = parseJSON(text); } catch { /* text */ }
	return dataXML(v);
}

// ---- Fields

let fields = 0;

// kinds are the ways to enter an argument: what is entered, and how it goes on
// the wire.
const kinds = {
	any: {label: "JSON, or else text", such: "3, or text, or [3, 5]", area: true, required: true, xml: i => anyXML(i.value)},
	int: {label: "int", such: "3", attributes: {inputmode: "numeric"}, required: true, xml: i => intXML(i.value)},
	double: {label: "double", such: "1.5", attributes: {inputmode: "decimal"}, required: true, xml: i => doubleXML(i.value)},
	string: {label: "string", area: true, xml: i => value("string", escaped(i.value))},
	boolean: {label: "boolean", attributes: {type: "checkbox"}, xml: i => value("boolean", Number(i.checked))},
	"dateTime.iso8601": {label: "dateTime", attributes: {type: "datetime-local", step: "1"}, required: true, xml: i => dateXML(i.value)},
	base64: {label: "base64: a file", attributes: {type: "file"}, required: true, xml: async i => value("base64", base64Of(new Uint8Array(await i.files[0].arrayBuffer())))},
	typed: {label: "base64: typed", such: "aGVsbG8=", area: true, required: true, xml: i => base64XML(i.value)},
	array: {label: "array, as JSON", area: true, json: true, required: true, xml: i => jsonXML(i.value, "array")},
	struct: {label: "struct, as JSON", area: true, json: true, required: true, xml: i => jsonXML(i.value, "struct")},
	nil: {label: "nil", attributes: {type: "hidden"}, xml: () => "<value><nil/></value>"},
};
// choices are the kinds that a field of a type can be switched to.
const choices = {any: ["any", "int", "double", "string", "boolean", "dateTime.iso8601", "base64", "typed", "array", "struct", "nil"], base64: ["base64", "typed"]};

function pretty(json) {
	if (json.length <= 48) return json;
	try { return JSON.stringify(JSON.parse(json), null, "  "); } catch { return json; }
}

// field makes a field for a parameter {name, type, example}.
function field(p, remove) {
	const id = "page-field-" + ++fields;
	const error = el("p", {class: "wrong", id: id + "-wrong"});
	const name = p.name || "Argument " + p.place;
	const row = el("div", {class: "field"}, el("label", {for: id}, name));
	let kind, input;
	const use = name => {
		kind = kinds[name];
		const old = input;
		const attributes = {id, required: kind.required, spellcheck: "false", autocomplete: "off", "aria-describedby": id + "-wrong", ...kind.attributes};
		if (kind.such) attributes.placeholder = "such as " + kind.such;
		input = kind.area ? el("textarea", {...attributes, rows: "1", "data-json": kind.json}) : el("input", attributes);
		if (kind.json && name === p.type && p.example) input.value = pretty(p.example);
		if (kind.json) input.rows = Math.min(12, input.value.split("\n").length);
		input.addEventListener("input", () => { error.textContent = ""; input.removeAttribute("aria-invalid"); });
		if (old) old.replaceWith(input);
	};
	const first = Object.hasOwn(kinds, p.type) ? p.type : "any";
	use(first);
	const names = choices[first];
	if (names) {
		row.append(el("select", {"aria-label": "Kind of " + name, onchange: e => use(e.target.value)}, ...names.map(n => el("option", {value: n}, kinds[n].label))));
	} else {
		row.append(el("span", {class: "kind"}, kinds[first].label));
	}
	if (remove) row.append(el("button", {type: "button", class: "quiet", "aria-label": "Remove " + name, onclick: remove}, "Remove"));
	row.append(input, error);
	return {
		row,
		focus: () => input.focus(),
		// xml returns the argument as a document has it; what is wrong is said at the field.
		xml: async () => {
			try {
				return await kind.xml(input);
			} catch (e) {
				error.textContent = e.message;
				input.setAttribute("aria-invalid", "true");
				input.focus();
				throw e;
			}
		},
	};
}

// ---- Calls

// post sends a document to this very address, as the one who reads the page. It
// uses XMLHttpRequest because that gives the answer as a parsed document, which
// nothing else does without making markup of text.
function post(body) {
	const x = new XMLHttpRequest();
	const done = new Promise((resolve, reject) => {
		x.open("POST", location.pathname + location.search);
		x.setRequestHeader("Content-Type", "text/xml; charset=utf-8");
		x.overrideMimeType("text/xml; charset=utf-8");
		x.onload = () => resolve(x);
		x.onerror = () => reject(Error("There was no answer: the server cannot be reached, or it has closed the connection."));
		x.onabort = () => reject(Error("Stopped. The server may go on with the call."));
		x.send(body);
	});
	return {done, stop: () => x.abort()};
}

const child = (e, name) => e && [...e.children].find(c => c.localName === name);

// tokens goes through a value and hands out pieces of text, each with its class;
// those of class "note" are not part of the JSON.
function tokens(e, out, indent = "") {
	const typed = e.firstElementChild;
	const type = typed ? typed.localName : "string";
	const text = (typed || e).textContent;
	const more = indent + "  ";
	const items = (open, close, list, one) => {
		if (list.length === 0) return out("", open + close);
		out("", open);
		list.forEach((item, i) => {
			out("", (i ? ",\n" : "\n") + more);
			one(item);
		});
		out("", "\n" + indent + close);
	};
	switch (type) {
	case "array":
		return items("[", "]", child(typed, "data") ? [...child(typed, "data").children] : [], v => tokens(v, out, more));
	case "struct":
		return items("{", "}", [...typed.children], m => {
			const name = child(m, "name"), v = child(m, "value");
			out("key", JSON.stringify(name ? name.textContent : ""));
			out("", ": ");
			if (v) tokens(v, out, more);
		});
	case "string":
		return out("text", JSON.stringify(text));
	case "nil":
		return out("word", "null");
	case "boolean":
		return out("word", /^\s*(1|true)\s*$/.test(text) ? "true" : "false");
	case "base64": {
		const data = text.replace(/\s/g, "");
		const size = Math.floor(data.replace(/=+$/, "").length * 3 / 4);
		out("", '{"$binary": ');
		out("text", JSON.stringify(data));
		out("", "}");
		return out("note", " base64, " + size.toLocaleString("en") + (size === 1 ? " byte" : " bytes"));
	}
	case "dateTime.iso8601": {
		const m = /^\s*(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(.*?)\s*$/.exec(text);
		const date = m ? `${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}${m[7]}` : text;
		out("", /(Z|[+-]\d\d:?\d\d)$/.test(date) ? '{"$time": ' : '{"$localtime": ');
		out("text", JSON.stringify(date));
		out("", "}");
		return out("note", " dateTime");
	}
	case "double": {
		const number = text.trim();
		if (!Number.isFinite(Number(number))) {
			out("", '{"$float": ');
			out("text", JSON.stringify(number));
			out("", "}");
			return;
		}
		return out("number", /[.eE]/.test(number) ? number : number + ".0");
	}
	}
	out("number", text.trim());
	if (!/^(int|i4)$/.test(type)) out("note", " " + type);
}

// most bounds the pieces and the letters of each that are shown; all of it is copied.
const most = {pieces: 20000, letters: 20000, raw: 200000};

function shown(v) {
	const pre = el("pre", {class: "value", tabindex: "0", "aria-label": "Result"});
	let n = 0;
	tokens(v, (cls, text) => {
		if (++n > most.pieces) return;
		if (text.length > most.letters) text = text.slice(0, most.letters) + "…";
		pre.append(cls ? el("span", {class: cls}, text) : text);
	});
	if (n > most.pieces) pre.append(el("span", {class: "note"}, "\n… too long to be shown: Copy has all of it"));
	return pre;
}
function jsonOf(v) {
	const parts = [];
	tokens(v, (cls, text) => { if (cls !== "note") parts.push(text); });
	return parts.join("");
}

// copy is a button that puts text on the clipboard.
function copy(label, text) {
	const b = el("button", {type: "button", class: "quiet"}, "Copy");
	b.setAttribute("aria-label", label);
	let timer;
	b.addEventListener("click", async () => {
		let said = "Copied";
		try {
			await navigator.clipboard.writeText(text());
		} catch { // not over plain HTTP from another machine
			const area = el("textarea", {class: "away"});
			area.value = text();
			b.after(area);
			area.select();
			if (!document.execCommand("copy")) said = "Not copied";
			area.remove();
			b.focus();
		}
		b.textContent = said;
		clearTimeout(timer);
		timer = setTimeout(() => { b.textContent = "Copy"; }, 2000);
	});
	return b;
}

const raw = text => el("pre", {tabindex: "0"}, text.length > most.raw ? text.slice(0, most.raw) + "…" : text);

// outcome shows the answer to a call.
function outcome(out, sent, x, took) {
	// What is no XML is not parsed: the error would be a document with styles.
	const parsed = x.status === 200 && /xml/.test(x.getResponseHeader("Content-Type")) && x.responseXML;
	const root = parsed && parsed.documentElement;
	const head = (cls, text, ...more) => out.append(el("div", {class: "head " + cls}, el("strong", {}, text), el("span", {class: "time"}, took), ...more));
	const fault = root && root.localName === "methodResponse" && child(root, "fault");
	const result = root && root.localName === "methodResponse" && root.querySelector("params > param > value");
	if (fault) {
		const members = {};
		for (const m of all("member", fault)) members[child(m, "name").textContent] = child(m, "value").textContent.trim();
		out.classList.add("fault");
		head("no", "Fault " + members.faultCode);
		out.append(el("p", {class: "message"}, members.faultString || ""));
	} else if (result) {
		head("ok", "Result", copy("Copy the result as JSON", () => jsonOf(result)));
		out.append(shown(result));
	} else {
		out.classList.add("fault");
		head("no", x.status === 200 ? "The answer is no XML-RPC" : `HTTP ${x.status} ${x.statusText}`);
		out.append(el("p", {class: "message"}, x.responseText.slice(0, 500)));
	}
	out.append(el("details", {}, el("summary", {}, "XML sent and received"), raw(sent), raw(x.responseText)));
	return fault ? "Fault " : result ? "Result, " : "No result, ";
}

// form makes the form that calls a function.
function form(name, params, free) {
	const list = el("div", {class: "fields"});
	const status = el("p", {class: "away", role: "status", "aria-live": "polite"});
	const out = el("div", {class: "out"});
	const used = [];
	const left = params.filter(p => p.optional);
	const last = free || params.find(p => p.more);
	const add = el("button", {type: "button", class: "quiet", onclick: () => { put(left[0] || last, true); }});
	function relabel() {
		const next = left[0] || last;
		add.hidden = !next;
		add.textContent = "Add " + (left[0] && next.name || "an argument") + (left[0] ? " (optional)" : "");
	}
	function put(p, removable) {
		if (p === left[0]) left.shift();
		const f = field({place: used.length + 1, ...p}, removable && (() => {
			used.splice(used.indexOf(f), 1);
			f.row.remove();
			if (p.optional) {
				left.push(p);
				left.sort((a, b) => params.indexOf(a) - params.indexOf(b));
			}
			relabel();
			add.focus();
		}));
		f.param = p;
		used.push(f);
		used.sort((a, b) => params.indexOf(a.param) - params.indexOf(b.param)); // stable
		list.append(...used.map(u => u.row));
		relabel();
		if (removable) f.focus();
	}
	for (const p of params) if (!p.optional && !p.more) put(p);
	relabel();
	let running, busy = false; // busy: from the click to the answer; running: the request
	const go = el("button", {type: "submit"}, "Call");
	const stop = el("button", {type: "button", class: "quiet", hidden: true, onclick: () => running.stop()}, "Stop");
	const f = el("form", {class: "try", "aria-label": "Call " + name}, list, el("div", {class: "buttons"}, go, stop, add), status, out);
	f.addEventListener("keydown", e => {
		if (e.key !== "Enter" || e.target.tagName !== "TEXTAREA" || e.isComposing) return;
		if (e.ctrlKey || e.metaKey || !e.shiftKey && !e.target.dataset.json) {
			e.preventDefault();
			f.requestSubmit();
		}
	});
	f.addEventListener("submit", async e => {
		e.preventDefault();
		if (busy) return;
		busy = true;
		out.className = "out";
		out.replaceChildren();
		status.textContent = "";
		let body;
		try {
			const args = [];
			for (const u of used) args.push(await u.xml());
			body = `<?xml version="1.0"?>\n<methodCall><methodName>${escaped(name)}</methodName><params>${args.map(a => `\n<param>${a}</param>`).join("")}\n</params></methodCall>`;
		} catch (err) {
			status.textContent = err.message; // it stands at the field too
			busy = false;
			return;
		}
		go.setAttribute("aria-disabled", "true");
		const slow = setTimeout(() => { stop.hidden = false; status.textContent = "Waiting for the answer"; }, 400);
		const began = performance.now();
		running = post(body);
		try {
			const x = await running.done;
			const ms = performance.now() - began;
			const took = ms < 10 ? ms.toFixed(1) + " ms" : ms < 10000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s";
			status.textContent = outcome(out, body, x, took) + took;
		} catch (err) {
			out.classList.add("fault");
			out.append(el("p", {class: "message"}, err.message));
			status.textContent = err.message;
		} finally {
			busy = false;
			clearTimeout(slow);
			stop.hidden = true;
			go.removeAttribute("aria-disabled");
		}
	});
	return f;
}

// ---- Snippets

const frames = {};
for (const pre of all("#page-start:not(.fn) pre")) {
	const call = pre.querySelector("b");
	frames[pre.className] = {name: pre.previousElementSibling.textContent, before: call.previousSibling ? call.previousSibling.data : "", after: call.nextSibling ? call.nextSibling.data : ""};
}
// The server knows itself by another address than this page if a proxy stands
// between them.
const stated = byId("page-url") ? byId("page-url").textContent : "";
const here = location.origin + location.pathname;
if (stated.startsWith("http") && !stated.startsWith("http+") && stated !== here && /^[\w.~:/%[\]-]+$/.test(here)) {
	const hosts = [stated, here].map(u => u.replace(/^https?:\/\//, ""));
	for (const f of Object.values(frames)) {
		for (const part of ["before", "after"]) {
			f[part] = f[part].replaceAll(/https?:\/\/([\w.-]+:PASSWORD@)?([^\s"']+)/g, (url, login, rest) => rest === hosts[0] ? location.protocol + "//" + (login || "") + hosts[1] : url);
		}
	}
	byId("page-url").textContent = here;
}

let language = "";
try { language = localStorage.getItem("parley-language"); } catch { /* not allowed to remember */ }
if (!Object.hasOwn(frames, language)) language = Object.keys(frames)[0];

// choose shows the snippets in a language, in every function that is open.
function choose(id) {
	language = id;
	try { localStorage.setItem("parley-language", id); } catch { /* as above */ }
	for (const box of all(".code")) select(box);
}
function select(box) {
	const pres = all("pre", box);
	const lang = (pres.find(p => p.className === language) || pres[0]).className;
	for (const tab of all("[role=tab]", box)) {
		const on = tab.dataset.lang === lang;
		tab.setAttribute("aria-selected", on);
		tab.tabIndex = on ? 0 : -1;
	}
	for (const pre of pres) pre.hidden = pre.className !== lang;
}

// code makes tabs of the snippets of a function.
function code(fn, name) {
	const pres = all("pre", fn);
	const tabs = el("div", {role: "tablist", "aria-label": "Language"});
	for (const pre of pres) {
		const lang = pre.className;
		pre.id = "page-code-" + ++fields;
		pre.tabIndex = 0;
		pre.setAttribute("role", "tabpanel");
		pre.setAttribute("aria-label", frames[lang].name);
		tabs.append(el("button", {type: "button", role: "tab", "data-lang": lang, "aria-controls": pre.id, onclick: () => choose(lang)}, frames[lang].name));
	}
	tabs.addEventListener("keydown", e => {
		const list = [...tabs.children], at = list.indexOf(document.activeElement);
		const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: list.length - 1}[e.key];
		if (to === undefined) return;
		e.preventDefault();
		const tab = list.at(to % list.length);
		choose(tab.dataset.lang);
		tab.focus();
	});
	const box = el("div", {class: "code"}, el("div", {class: "bar"}, tabs, copy("Copy the program that calls " + name, () => pres.find(p => !p.hidden).textContent)), ...pres);
	select(box);
	return box;
}

// ---- Functions

function paramsOf(fn) {
	const lines = all("h3 code", fn).map(c => all("span", c));
	const longest = lines.reduce((a, b) => b.length > a.length ? b : a, []);
	const type = s => s.querySelector("i").textContent;
	return longest.map((s, i) => ({
		name: s.querySelector("b") ? s.querySelector("b").textContent : "",
		type: lines.every(l => !l[i] || type(l[i]) === type(s)) ? type(s) : "any",
		example: s.dataset.x,
		optional: "optional" in s.dataset,
		more: "more" in s.dataset,
	}));
}

// ready gives a function its form and its tabs, when it is opened for the first
// time.
function ready(f) {
	if (f.ready) return;
	f.ready = true;
	const free = f.fn.querySelector("h3 .free") ? {name: "", type: "any"} : undefined;
	f.details.append(el("div", {class: "use"}, form(f.name, paramsOf(f.fn), free), code(f.fn, f.name)));
}

const system = byId("page-system");
const list = all(".fn").map(fn => {
	const name = fn.id;
	const f = {fn, name, details: fn.querySelector("details"), group: fn.closest(".group"), text: (name + " " + (fn.querySelector("h3 + p") || {textContent: ""}).textContent).toLowerCase()};
	for (const pre of all("pre", fn)) {
		const frame = frames[pre.className];
		pre.replaceChildren(frame.before, el("b", {}, pre.textContent), frame.after);
	}
	f.details.firstElementChild.setAttribute("aria-label", "Call " + name);
	f.details.addEventListener("toggle", () => { if (f.details.open) ready(f); });
	return f;
});
const byName = new Map(list.map(f => [f.name, f]));
const links = new Map(all("nav a").map(a => [decodeURIComponent(a.getAttribute("href").slice(1)), a]));

function filter() {
	const words = byId("page-filter").value.toLowerCase().split(/\s+/).filter(w => w);
	let n = 0;
	const kept = new Set();
	for (const f of list) {
		const match = words.every(w => f.text.includes(w));
		f.fn.hidden = !match;
		const link = links.get(f.name);
		if (link) link.parentElement.hidden = !match;
		if (!match) continue;
		n++;
		kept.add(f.group);
	}
	for (const g of all(".group")) g.hidden = !kept.has(g);
	for (const d of all("nav div")) d.hidden = !d.querySelector("li:not([hidden])");
	if (system) system.open = words.length > 0;
	byId("page-count").textContent = words.length ? `${n} of ${list.length} functions` : `${list.length} functions`;
}

// show opens a function that the address names.
function show(name) {
	const f = byName.get(name);
	if (!f) return;
	if (f.fn.hidden) {
		byId("page-filter").value = "";
		filter();
	}
	if (f.group === system) system.open = true;
	ready(f);
	f.details.open = true;
	f.fn.scrollIntoView();
}
function shownByAddress() {
	let name = location.hash.slice(1);
	try { name = decodeURIComponent(name); } catch { /* as it is */ }
	show(name);
}

byId("page-filter").addEventListener("input", filter);
byId("page-filter").addEventListener("keydown", e => {
	if (e.key === "Escape") { e.target.value = ""; filter(); }
	if (e.key !== "Enter") return;
	const first = list.find(f => !f.fn.hidden);
	if (!first) return;
	show(first.name);
	first.fn.querySelector("h3 a").focus({preventScroll: true});
});
document.addEventListener("keydown", e => {
	if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) return;
	e.preventDefault();
	byId("page-filter").focus();
});
document.addEventListener("click", e => { // a second click on the same name opens it again
	const a = e.target.closest && e.target.closest("a[href^='#']");
	if (a && a.getAttribute("href") === location.hash) shownByAddress();
});
addEventListener("hashchange", shownByAddress);
byId("page-tools").hidden = list.length === 0;
if (byId("page-start")) byId("page-start").hidden = true;
document.documentElement.classList.add("live");
shownByAddress();
})();
