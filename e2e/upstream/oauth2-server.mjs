// oauth2-server behind node:http with a login page and everything in memory, started by node.go.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { parse } from 'node:querystring';

import OAuth2Server from 'oauth2-server';

import { body, configuration, crossOrigin, escapeHTML, formBody, listening } from './process.mjs';

const { Request, Response } = OAuth2Server;
const { issuers, clients, user, origins, paths } = await configuration();

// The user as the library knows it.
const account = { id: user.login };

// model keeps codes and tokens, which the library leaves to its user.
function model() {
  const codes = new Map();
  const access = new Map();
  const refresh = new Map();
  return {
    // The secret is null where the client is only named, and undefined where a public client sends none.
    getClient(id, secret) {
      const client = clients.find(({ client_id }) => client_id === id);
      if (!client || (secret !== null && secret !== client.client_secret)) return undefined;
      return { id, grants: client.grant_types, redirectUris: client.redirect_uris };
    },
    getUser: (login, password) => login === user.login && password === user.password && account,
    getUserFromClient: (client) => ({ client: client.id }),
    saveAuthorizationCode(code, client, owner) {
      codes.set(code.authorizationCode, { ...code, client, user: owner });
      return codes.get(code.authorizationCode);
    },
    getAuthorizationCode: (code) => codes.get(code),
    revokeAuthorizationCode: ({ authorizationCode }) => codes.delete(authorizationCode),
    saveToken(token, client, owner) {
      const result = { ...token, client, user: owner };
      access.set(token.accessToken, result);
      if (token.refreshToken) refresh.set(token.refreshToken, result);
      return result;
    },
    getAccessToken: (token) => access.get(token),
    getRefreshToken: (token) => refresh.get(token),
    revokeToken: ({ refreshToken }) => refresh.delete(refreshToken),
  };
}

// wrap reads a request for the library, as its wrappers for web frameworks do.
async function wrap(request, query) {
  const form = /^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type']);
  const text = await body(request);
  return new Request({ method: request.method, headers: request.headers, query: { ...parse(query) }, body: form ? { ...parse(text) } : {} });
}

// send sends what the library answers.
function send(response, { status, headers, body: content }) {
  response.writeHead(status, { ...headers, 'Content-Type': 'application/json' });
  response.end(JSON.stringify(content));
}

// application is one instance.
function application() {
  const sessions = new Set();
  const server = new OAuth2Server({
    model: model(),
    // A public client has nothing to authenticate with. The model does not let others go without.
    requireClientAuthentication: { authorization_code: false, refresh_token: false },
  });

  // answer runs one of the functions of the library. What it refuses without saying where to redirect has the status of the error.
  async function answer(request, response, query, run) {
    const result = new Response();
    try {
      await run(await wrap(request, query), result);
    } catch (error) {
      if (error.code >= 500 || !error.code) console.error(error);
      if (!result.get('Location')) {
        result.status = error.code ?? 500;
        result.body = { error: error.name, error_description: error.message };
      }
    }
    send(response, result);
  }

  const session = (request) => /(?:^|; )session=([\w-]+)/.exec(request.headers.cookie)?.[1];

  // login is the page that the authorize endpoint sends a browser to. It leads back there.
  async function login(request, response, query) {
    if (request.method === 'POST') {
      const form = await formBody(request);
      if (form.get('login') === user.login && form.get('password') === user.password) {
        const id = randomUUID();
        sessions.add(id);
        response.writeHead(303, { Location: `${paths.authorize}?${query}`, 'Set-Cookie': `session=${id}; Path=/; HttpOnly; SameSite=Lax` });
        response.end();
        return;
      }
    }
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(`<!doctype html><html lang="en"><title>Login</title><form method="post" action="/login?${escapeHTML(query)}">`
      + '<input name="login"><input type="password" name="password"><button>Log in</button></form>');
  }

  // authorize lets the library answer a user who is logged in.
  async function authorize(request, response, query) {
    if (sessions.has(session(request))) {
      await answer(request, response, query, (...pair) => server.authorize(...pair, { authenticateHandler: { handle: () => account } }));
      return;
    }
    response.writeHead(302, { Location: `/login?${query}` });
    response.end();
  }

  const token = (request, response, query) => answer(request, response, query, (...pair) => server.token(...pair));

  // profile is the protected resource.
  const profile = (request, response, query) => answer(request, response, query, async (wrapped, result) => {
    const { client, user: owner } = await server.authenticate(wrapped, result);
    result.body = { client_id: client.id, sub: owner.id };
  });

  const pages = { '/login': login, [paths.authorize]: authorize };
  const services = { [paths.token]: token, [paths.resource]: profile, [paths.userinfo ?? paths.resource]: profile };
  return createServer((request, response) => {
    const [, path, query = ''] = /^([^?]*)\??(.*)$/s.exec(request.url);
    const serve = pages[path] ?? services[path];
    if (!serve) {
      response.writeHead(404).end();
    } else if (pages[path] || !crossOrigin(origins, request, response)) {
      serve(request, response, query).catch((error) => {
        console.error(error);
        response.writeHead(500).end();
      });
    }
  });
}

await listening(issuers.map(application));
