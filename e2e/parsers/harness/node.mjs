// Two servers: Express with its parser qs, and Node's own HTTP server with its two parsers of forms.
import { once } from 'node:events';
import { createServer } from 'node:http';
import querystring from 'node:querystring';
import express from 'express';
import typeIs from 'type-is';

const [, , authorize, token] = process.argv;
const endpoints = { [authorize]: 'authorize', [token]: 'token' };

// text writes a length and UTF-8; whatever is no string is marked by a NUL.
function text(chunks, value) {
  const bytes = Buffer.from(typeof value === 'string' ? value : `\0${JSON.stringify(value)}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  chunks.push(length, bytes);
}

// reading writes what was read, in the format of reading.go.
function reading(endpoint, pairs) {
  const chunks = [];
  text(chunks, endpoint);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(pairs.length);
  chunks.push(count);
  for (const [name, value] of pairs) {
    text(chunks, name);
    text(chunks, value);
  }
  return Buffer.concat(chunks);
}

// entries makes pairs of an object; a list of strings is a repeated parameter.
function entries(object) {
  const pairs = [];
  for (const [name, value] of Object.entries(object ?? {})) {
    for (const one of Array.isArray(value) && value.every((v) => typeof v === 'string') ? value : [value]) pairs.push([name, one]);
  }
  return pairs;
}

const app = express();
app.disable('x-powered-by').disable('etag').set('query parser', 'extended');
app.use(express.urlencoded({ extended: true }));
const answer = (endpoint) => (request, response) => response.end(reading(endpoint, [...entries(request.query), ...entries(request.body)]));
app.all(authorize, answer('authorize'));
app.all(token, answer('token'));
app.use(answer(''));
// eslint-disable-next-line no-unused-vars
app.use((error, request, response, next) => response.status(error.status ?? 500).end(error.message));

async function plain(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = typeIs(request, ['urlencoded']) ? Buffer.concat(chunks).toString() : '';
  const cut = request.url.indexOf('?');
  const query = cut < 0 ? '' : request.url.slice(cut + 1);
  const { pathname } = new URL(request.url, 'http://localhost');
  const endpoint = Object.hasOwn(endpoints, pathname) ? endpoints[pathname] : '';
  response.end(Buffer.concat([
    reading(endpoint, [...entries(querystring.parse(query)), ...entries(querystring.parse(body))]),
    reading(endpoint, [...new URLSearchParams(query), ...new URLSearchParams(body)]),
  ]));
}

const servers = [createServer(app), createServer((request, response) => {
  plain(request, response).catch((error) => response.writeHead(400).end(error.message));
})];
for (const server of servers) {
  server.keepAliveTimeout = server.requestTimeout = server.headersTimeout = 0;
  await once(server.listen(0, '127.0.0.1'), 'listening');
}
process.stdout.write(`${servers.map((server) => `127.0.0.1:${server.address().port}`).join(' ')}\n`);
process.stdin.resume().on('end', () => process.exit());
