// oidc-provider as an authorization server with a login and a consent page, started by node.go.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

import Provider from 'oidc-provider';

import { configuration, escapeHTML, formBody, listening } from './process.mjs';

const { issuers, clients, user, origins, scopes, paths } = await configuration();

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'signature' };

// What the library takes in the metadata of a client. Grants and response types that it does not know would make the whole client invalid.
const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'];
const responseTypes = ['code', 'none'];
const loopback = ['127.0.0.1', '[::1]', 'localhost'];

// register writes a client down as its developer would have to, so that its redirect URIs are valid. A client for which there is no way, like one with the redirect URI
// javascript:..., is undefined.
function register(client) {
  const uris = client.redirect_uris.map((uri) => URL.parse(uri));
  const web = uris.every((uri) => /^https?:$/.test(uri?.protocol));
  const native = uris.every((uri) => {
    switch (uri?.protocol) {
      case undefined: case 'javascript:': case 'vbscript:': case 'data:': case 'blob:': case 'file:': case 'about:': return false;
      case 'http:': return loopback.includes(uri.hostname);
      case 'https:': return !loopback.includes(uri.hostname);
      default: return true;
    }
  });
  if (!web && !native) return undefined;
  return {
    ...client,
    // Only a native application may come back at another port of the loopback address than it registered.
    application_type: native && (!web || uris.some((uri) => uri.protocol === 'http:')) ? 'native' : 'web',
    grant_types: client.grant_types.filter((type) => grantTypes.includes(type)),
    response_types: client.response_types.filter((type) => responseTypes.includes(type)),
  };
}

const settings = {
  clients: clients.map(register).filter(Boolean),
  clientBasedCORS: (context, origin) => origins.includes(origin),
  cookies: { keys: [randomUUID()] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (context, id) => id === user.login ? { accountId: id, claims: () => ({ sub: id }) } : undefined,
  // The library gives refresh tokens to those only that ask for the scope offline_access.
  issueRefreshToken: (context, client) => client.grantTypeAllowed('refresh_token'),
  jwks: { keys: [key] },
  routes: {
    authorization: paths.authorize,
    device_authorization: paths.device_authorization,
    introspection: paths.introspection,
    pushed_authorization_request: paths.pushed_authorization_request,
    revocation: paths.revocation,
    token: paths.token,
    userinfo: paths.resource,
  },
  scopes: ['openid', 'offline_access', 'profile', 'read', 'write', ...scopes],
};

// page is the login or the consent page of an interaction.
function page(uid, prompt, params) {
  const fields = prompt === 'login'
    ? '<input name="login" autofocus><input type="password" name="password"><button>Log in</button>'
    : `<p>${escapeHTML(params.client_id)} asks for ${escapeHTML(params.scope)}</p><button autofocus>Continue</button>`;
  return `<!doctype html><html lang="en"><title>Sign in</title><form method="post" action="/interaction/${uid}/${prompt}">${fields}</form>
<form method="post" action="/interaction/${uid}/abort"><button>Cancel</button></form>`;
}

// consent grants everything that the client asks for.
async function consent(provider, { grantId, session, params, prompt: { details } }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) grant.addOIDCScope(details.missingOIDCScope.join(' '));
  if (details.missingOIDCClaims) grant.addOIDCClaims(details.missingOIDCClaims);
  for (const [indicator, scopes] of Object.entries(details.missingResourceScopes ?? {})) grant.addResourceScope(indicator, scopes.join(' '));
  return { consent: { grantId: await grant.save() } };
}

// interact serves the pages, which the library leaves to its user.
async function interact(provider, request, response, uid, action) {
  const details = await provider.interactionDetails(request, response);
  const name = details.prompt.name;
  if (request.method === 'POST') {
    const body = await formBody(request);
    switch (action) {
      case 'abort':
        return provider.interactionFinished(request, response, { error: 'access_denied' });
      case 'consent':
        return provider.interactionFinished(request, response, await consent(provider, details), { mergeWithLastSubmission: true });
      default:
        if (body.get('login') === user.login && body.get('password') === user.password) {
          return provider.interactionFinished(request, response, { login: { accountId: user.login } });
        }
    }
  }
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader('Cache-Control', 'no-store');
  return response.end(page(uid, name, details.params));
}

await listening(issuers.map((issuer) => {
  const provider = new Provider(issuer, settings);
  provider.proxy = true;
  provider.on('server_error', (context, error) => console.error(error));
  const callback = provider.callback();
  return createServer((request, response) => {
    const interaction = /^\/interaction\/([\w-]+)(?:\/(login|consent|abort))?$/.exec(request.url);
    if (!interaction) {
      // The library has one path for the resource.
      if (paths.userinfo && request.url.split('?')[0] === paths.userinfo) request.url = request.url.replace(paths.userinfo, paths.resource);
      callback(request, response);
      return;
    }
    interact(provider, request, response, interaction[1], interaction[2]).catch((error) => {
      console.error(error);
      response.statusCode = error.statusCode ?? 500;
      response.end('The interaction failed.');
    });
  });
}));
