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

process.stdin.on('end', () => process.exit(0)).resume()
