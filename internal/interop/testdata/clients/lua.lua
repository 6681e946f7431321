-- A client made with Lua XML-RPC, whose transport is LuaSocket.
local xmlrpc = require "xmlrpc"
require "xmlrpc.http"

local url = arg[1]

-- line prints a case and its outcome on one line, at most so many characters.
local function line(name, outcome, text, most)
	local out = {}
	for char in text:gsub("%s", " "):gmatch "[%z\1-\127\192-\255][\128-\191]*" do
		if #out < most then table.insert(out, char) end
	end
	print(name .. "\t" .. outcome .. "\t" .. table.concat(out))
end

-- plain takes a value out of what says its type.
local function plain(v)
	if type(v) == "table" and v["*type"] then return v["*value"] end
	return v
end

local function show(v)
	v = plain(v)
	if type(v) == "string" then return '"' .. v .. '"' end
	if type(v) ~= "table" then return tostring(v) end
	local members = {}
	for key, member in pairs(v) do
		table.insert(members, key .. ": " .. show(member))
	end
	table.sort(members)
	return "{" .. table.concat(members, ", ") .. "}"
end

local function same(a, b)
	a, b = plain(a), plain(b)
	if type(a) ~= "table" or type(b) ~= "table" then return a == b end
	for key in pairs(a) do
		if not same(a[key], b[key]) then return false end
	end
	for key in pairs(b) do
		if a[key] == nil then return false end
	end
	return true
end

local function call(name, want, ...)
	-- It answers false, text and code for a fault, and raises what else goes wrong.
	local done, ok, answer = pcall(xmlrpc.http.call, url, ...)
	if not done then
		line(name, "error", ok:gsub("^%S+:%d+: ", ""), 120)
	elseif not ok then
		line(name, "error", answer, 120)
	elseif same(answer, want) then
		print(name .. "\tok")
	else
		line(name, "got", show(answer), 80)
	end
end

-- check sends a value and takes it back.
local function check(name, value)
	call(name, value, "see", name, value)
end

local function fault()
	local done, ok, text, code = pcall(xmlrpc.http.call, url, "refuse", "please")
	if not done then
		line("fault", "error", ok:gsub("^%S+:%d+: ", ""), 120)
	elseif not ok and code == 42 and text == "no <luck> & more" then
		print "fault\tok"
	else
		line("fault", "got", tostring(code) .. " " .. tostring(text), 80)
	end
end

-- Without a type a table is a struct.
local function array(items)
	return xmlrpc.newTypedValue(items, xmlrpc.newArray "array")
end

check("int-max", 2147483647)
check("int-min", -2147483648)
check("i8", 1099511627776)
check("double", 1e300)
check("fraction", 0.1)
check("unicode", [[Grüße <b>&amp;</b> "x" 'y' ]].."]]> 世界 🌍")
check("spaces", " two  spaces, line\nand\ttab ")
check("empty", "")
check("true", true)
check("false", false)
line("nil", "cannot", "nil has no type that it writes", 80)
line("date", "cannot", "there are no dates", 80)
line("binary", "cannot", "there is no base64", 80)
check("nested", {
	list = array { 1, array { 2, "three" }, { four = 4.5 } },
	none = array {},
	empty = {},
})
call("none", "nothing", "nothing")
fault()
