# Calls an XML-RPC server by the library xmlrpc.
require "xmlrpc/client"

# The library writes nil only if this is set, which its documentation tells to do
# by the constant; it warns that the constant is there already.
$VERBOSE = nil
XMLRPC::Config.const_set(:ENABLE_NIL_CREATE, true)
XMLRPC::Config.const_set(:ENABLE_NIL_PARSER, true)

SERVER = XMLRPC::Client.new2(ARGV[0])

BYTES = (0...300).map { |i| i % 256 }.pack("C*")

VALUES = {
  "int-max" => 2147483647,
  "int-min" => -2147483648,
  "i8" => 1099511627776,
  "double" => 1e300,
  "fraction" => 0.1,
  "unicode" => "Grüße <b>&amp;</b> \"x\" 'y' ]]> 世界 🌍",
  "spaces" => " two  spaces, line\nand\ttab ",
  "empty" => "",
  "true" => true,
  "false" => false,
  "nil" => nil,
  "date" => XMLRPC::DateTime.new(2024, 2, 29, 13, 45, 6),
  "binary" => XMLRPC::Base64.new(BYTES),
  "nested" => { "list" => [1, [2, "three"], { "four" => 4.5 }], "none" => [], "empty" => {} },
}

def report(name, outcome, text = nil, most = 80)
  line = [name, outcome]
  line << text.to_s.split.join(" ")[0, most] if text
  puts line.join("\t")
end

# Binary comes back as a String.
def wanted(value)
  value.is_a?(XMLRPC::Base64) ? BYTES : value
end

def same?(got, want)
  return got.to_a == want.to_a if got.is_a?(XMLRPC::DateTime) && want.is_a?(XMLRPC::DateTime)
  return got.b == want.b if got.is_a?(String) && want.is_a?(String)

  got.class == want.class && got == want
end

def attempt(name, want)
  got = yield
  same?(got, want) ? report(name, "ok") : report(name, "got", got.inspect)
rescue XMLRPC::FaultException => e
  report(name, "error", "fault #{e.faultCode}: #{e.faultString}", 120)
rescue StandardError => e
  # Said before anything is sent.
  report(name, e.message.start_with?("Integer is too big") ? "cannot" : "error", e.message, 120)
end

VALUES.each do |name, value|
  attempt(name, wanted(value)) { SERVER.call("see", name, value) }
end

attempt("none", "nothing") { SERVER.call("nothing") }

begin
  report("fault", "got", SERVER.call("refuse", "please").inspect)
rescue XMLRPC::FaultException => e
  if e.faultCode == 42 && e.faultString == "no <luck> & more"
    report("fault", "ok")
  else
    report("fault", "got", "#{e.faultCode} #{e.faultString}")
  end
rescue StandardError => e
  report("fault", "error", e.message, 120)
end
