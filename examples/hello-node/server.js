// A server in ten lines. Dial Up Deploy tells it the port; it must listen on all addresses.
const http = require('node:http');

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`Hello from Node ${process.version}! You asked for ${request.url}\n`);
});
server.listen(process.env.PORT ?? 3000, '0.0.0.0');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
