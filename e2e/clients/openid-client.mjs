// Drives openid-client.

import * as openid from 'openid-client';
import { serve } from './driver.mjs';
import { read } from './flows.mjs';

const authentication = {
  client_secret_basic: (client) => openid.ClientSecretBasic(client.client_secret),
  client_secret_post: (client) => openid.ClientSecretPost(client.client_secret),
  none: () => openid.None(),
};

/** Configures the library, by discovery where the server has it. */
async function configure({ style, client, server }) {
  const insecure = server.issuer.startsWith('http:') ? [openid.allowInsecureRequests] : [];
  const authenticate = authentication[style](client);
  if (server.oidc) {
    // The signature of the ID token is checked too.
    const execute = [...insecure, openid.enableNonRepudiationChecks];
    return openid.discovery(new URL(server.issuer), client.client_id, undefined, authenticate, { execute });
  }
  const { issuer, authorization_endpoint, token_endpoint, device_authorization_endpoint, introspection_endpoint, revocation_endpoint } = server;
  const config = new openid.Configuration({
    issuer, authorization_endpoint, token_endpoint, device_authorization_endpoint, introspection_endpoint, revocation_endpoint,
  }, client.client_id, undefined, authenticate);
  insecure.forEach((allow) => allow(config));
  return config;
}

const known = (tokens) => ({ ...tokens, claims: tokens.claims() });

serve('openid-client', (message) => {
  const { server, redirect_uri, scope, user } = message;
  const configured = configure(message);

  return {
    async code(open) {
      const config = await configured;
      const pkceCodeVerifier = openid.randomPKCECodeVerifier();
      const expectedState = openid.randomState();
      const expectedNonce = server.oidc ? openid.randomNonce() : undefined;
      const callback = await open(openid.buildAuthorizationUrl(config, {
        redirect_uri,
        scope,
        state: expectedState,
        code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: 'S256',
        ...(expectedNonce && { nonce: expectedNonce }),
      }));
      return known(await openid.authorizationCodeGrant(config, callback, { pkceCodeVerifier, expectedState, expectedNonce }));
    },
    async call({ access_token }) {
      return read(await openid.fetchProtectedResource(await configured, access_token, new URL(server.resource), 'GET'));
    },
    async refresh({ refresh_token }) {
      return known(await openid.refreshTokenGrant(await configured, refresh_token));
    },
    async introspect({ access_token }) {
      return openid.tokenIntrospection(await configured, access_token, { token_type_hint: 'access_token' });
    },
    async revoke({ access_token }) {
      return openid.tokenRevocation(await configured, access_token, { token_type_hint: 'access_token' });
    },
    async clientCredentials() {
      return known(await openid.clientCredentialsGrant(await configured, { scope }));
    },
    async password() {
      const parameters = { username: user.login, password: user.password, scope };
      return known(await openid.genericGrantRequest(await configured, 'password', parameters));
    },
    async device() {
      return openid.initiateDeviceAuthorization(await configured, { scope });
    },
    async deviceToken(started) {
      return known(await openid.pollDeviceAuthorizationGrant(await configured, started));
    },
  };
});
