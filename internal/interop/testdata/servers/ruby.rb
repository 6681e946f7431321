# XMLRPC::Server of Ruby, on WEBrick, with what its documentation shows.
#
# Its first line of output is its port. It ends when its standard input does.

require 'xmlrpc/server'

XMLRPC::Config.module_eval do
  # Without these Ruby refuses nil, both ways.
  remove_const :ENABLE_NIL_PARSER
  remove_const :ENABLE_NIL_CREATE
  const_set :ENABLE_NIL_PARSER, true
  const_set :ENABLE_NIL_CREATE, true
end

server = XMLRPC::Server.new(0, '127.0.0.1', 4, $stderr)

server.add_handler('see', %w[string string string], 'Returns the value.') { |_name, value| value }
server.add_handler('nothing') { 'nothing' }
server.add_handler('refuse') { |_text| raise XMLRPC::FaultException.new(42, 'no <luck> & more') }
server.add_handler('told') { |*args| args.inspect }
server.add_handler('divide') { |a, b| a / b }
server.add_handler('binary') { XMLRPC::Base64.new("\x00\xff".b) }
server.add_handler('symbol') { :symbol }
server.add_handler('time') { Time.utc(2024, 2, 29, 13, 45, 6) }
server.add_handler('date') { Date.new(2024, 2, 29) }
server.add_handler('large') { 2**40 }
server.add_handler('huge') { 2**70 }
server.add_handler('inf') { Float::INFINITY }
# The suite validator1.
class Validator
  def arrayOfStructsTest(structs) = structs.sum { |s| s['curly'] }

  def countTheEntities(text)
    { 'LeftAngleBrackets' => '<', 'RightAngleBrackets' => '>', 'Ampersands' => '&', 'Apostrophes' => "'", 'Quotes' => '"' }
      .to_h { |name, c| ["ct#{name}", text.count(c)] }
  end

  def easyStructTest(struct) = struct.values_at('moe', 'larry', 'curly').sum

  def echoStructTest(struct) = struct

  def manyTypesTest(*values) = values

  def moderateSizeArrayCheck(texts) = texts.first + texts.last

  def nestedStructTest(calendar) = easyStructTest(calendar.dig('2000', '04', '01'))

  def simpleStructReturnTest(number) = { times10: number * 10, times100: number * 100, times1000: number * 1000 }
end
server.add_handler('validator1', Validator.new)
server.add_introspection
server.add_multicall

puts server.instance_variable_get(:@server).config[:Port]
$stdout.flush
Thread.new { $stdin.read; exit! 0 }
server.serve
