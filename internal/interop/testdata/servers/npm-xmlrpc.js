// The server of the module xmlrpc of npm. Its first line of output is its port. It
// ends when its standard input does.

const xmlrpc = require(process.env.NPM + '/xmlrpc')

const server = xmlrpc.createServer({ host: '127.0.0.1', port: 0 }, () => {
  console.log(server.httpServer.address().port)
})
server.on('see', (error, params, answer) => answer(null, params[1]))
server.on('nothing', (error, params, answer) => answer(null, 'nothing'))
server.on('refuse', (error, params, answer) => answer({ faultCode: 42, faultString: 'no <luck> & more' }))
server.on('fail', (error, params, answer) => answer(new Error('no such luck')))
server.on('told', (error, params, answer) => answer(null, JSON.stringify(params)))

// The suite validator1.
const sum = (s) => s.moe + s.larry + s.curly
const count = (text, c) => text.split(c).length - 1
const validator = {
  arrayOfStructsTest: (structs) => structs.reduce((n, s) => n + s.curly, 0),
  countTheEntities: (text) => ({
    ctLeftAngleBrackets: count(text, '<'), ctRightAngleBrackets: count(text, '>'), ctAmpersands: count(text, '&'),
    ctApostrophes: count(text, "'"), ctQuotes: count(text, '"')
  }),
  easyStructTest: sum,
  echoStructTest: (struct) => struct,
  manyTypesTest: (...values) => values,
  moderateSizeArrayCheck: (texts) => texts[0] + texts[texts.length - 1],
  nestedStructTest: (calendar) => sum(calendar['2000']['04']['01']),
  simpleStructReturnTest: (n) => ({ times10: n * 10, times100: n * 100, times1000: n * 1000 })
}
for (const [name, f] of Object.entries(validator)) {
  server.on('validator1.' + name, (error, params, answer) => answer(null, f(...params)))
}

process.stdin.on('end', () => process.exit(0)).resume()
