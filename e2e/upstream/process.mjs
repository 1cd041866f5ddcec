// What a server that is started by process.go has to do beside serving.
import { Console } from 'node:console';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// Standard output belongs to the line that says where the server listens; libraries warn there.
globalThis.console = new Console(process.stderr, process.stderr);

// configuration reads the line that says what to serve. The process ends with its input.
export async function configuration() {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit());
  const [line] = await once(lines, 'line');
  return JSON.parse(line);
}

// listening lets servers listen, and says where. They keep connections as long as their clients do: Node closes what is idle for five seconds, as long as a device waits between two questions, and a proxy that
// sends the second one at that moment can only answer 502.
export async function listening(servers) {
  for (const server of servers) server.keepAliveTimeout = 0;
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  process.stdout.write(`${JSON.stringify({ addresses: servers.map((server) => `127.0.0.1:${server.address().port}`) })}\n`);
}

// body reads a request to its end.
export async function body(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

// formBody reads a form.
export const formBody = async (request) => new URLSearchParams(await body(request));

// escapeHTML makes a text safe in elements and attributes.
export const escapeHTML = (text = '') => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

// crossOrigin lets browser applications of some origins read an answer, for libraries that do not do it. It answers a preflight and says so.
export function crossOrigin(origins, request, response) {
  const { origin } = request.headers;
  if (!origin) return false;
  response.setHeader('Vary', 'Origin');
  const allowed = origins.includes(origin);
  if (allowed) {
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate');
  }
  if (request.method !== 'OPTIONS' || !request.headers['access-control-request-method']) return false;
  if (allowed) {
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
    response.setHeader('Access-Control-Allow-Headers', request.headers['access-control-request-headers'] ?? '');
    response.setHeader('Access-Control-Max-Age', '3600');
  }
  response.writeHead(204).end();
  return true;
}
