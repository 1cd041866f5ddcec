// The page of an application that uses oidc-client-ts. The test calls start() on it; the login comes back to /cb, which is the same
// page. In the end "finished" holds a promise of the steps.

import { UserManager } from 'oidc-client-ts';
import { read, run } from './flows.mjs';

const settings = 'run';

/** Configures the library, by discovery where the server has it. */
function configure({ style, client, server, redirect_uri, scope }) {
  const { issuer, authorization_endpoint, token_endpoint, revocation_endpoint, oidc } = server;
  return new UserManager({
    authority: issuer,
    client_id: client.client_id,
    redirect_uri,
    scope,
    ...(style !== 'none' && { client_secret: client.client_secret, client_authentication: style }),
    ...(!oidc && { metadata: { issuer, authorization_endpoint, token_endpoint, revocation_endpoint } }),
  });
}

/** To the library, an error with status 200 is a user without a token. */
function known(user) {
  if (!user.access_token) {
    throw new Error('no token');
  }
  return { ...user, expires_in: user.expires_in, claims: user.profile.sub && user.profile };
}

/** What the library can do in the flows. */
function connect(message) {
  const manager = configure(message);
  const { server, user } = message;
  return {
    code: async () => known(await manager.signinRedirectCallback()),
    call: async ({ access_token }) => read(await fetch(server.resource, { headers: { Authorization: `Bearer ${access_token}` } })),
    refresh: async () => known(await manager.signinSilent()),
    revoke: () => manager.revokeTokens(['access_token']),
    async password() {
      return known(await manager.signinResourceOwnerCredentials({ username: user.login, password: user.password }));
    },
  };
}

function finish(message, changes) {
  window.finished = run(message.flow, { ...connect(message), ...changes });
}

/** Ends a run that does not get to its callback. */
window.fail = (message, failure) => finish(message, {
  code() {
    throw new Error(failure);
  },
});

/** Begins a run. */
window.start = async (message) => {
  if (message.flow !== 'code') {
    finish(message);
    return;
  }
  sessionStorage.setItem(settings, JSON.stringify(message));
  try {
    await configure(message).signinRedirect();
  } catch (error) {
    window.fail(message, error.message);
  }
};

if (location.pathname === '/cb' && sessionStorage.getItem(settings)) {
  finish(JSON.parse(sessionStorage.getItem(settings)));
}
