// Drives oauth4webapi. In the style "dpop" the client wants every token to be bound to a key (RFC 9449).

import * as oauth from 'oauth4webapi';
import { serve } from './driver.mjs';
import { read } from './flows.mjs';

const authentication = {
  client_secret_basic: (secret) => oauth.ClientSecretBasic(secret),
  client_secret_post: (secret) => oauth.ClientSecretPost(secret),
  none: () => oauth.None(),
  dpop: (secret) => oauth.ClientSecretBasic(secret),
};

serve('oauth4webapi', ({ style, client: { client_id, client_secret }, server, redirect_uri, scope, user }) => {
  const client = { client_id };
  const authenticate = authentication[style](client_secret);
  const options = { [oauth.allowInsecureRequests]: server.issuer.startsWith('http:') };
  const metadata = server.oidc ? discover() : server;
  const binding = bind();

  async function discover() {
    const issuer = new URL(server.issuer);
    return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  }

  // The options of a request for a token.
  async function bind() {
    return style === 'dpop' ? { ...options, DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')) } : options;
  }

  // Sends a request for a token, and checks the answer with the signature of its ID token.
  async function grant(request, process, parameters, ...checks) {
    const response = await request(await metadata, client, authenticate, ...parameters, await binding);
    const tokens = await process(await metadata, client, response, ...checks);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    if (claims) {
      await oauth.validateApplicationLevelSignature(await metadata, response, options);
    }
    return { ...tokens, claims };
  }

  return {
    async code(open) {
      const { authorization_endpoint } = await metadata;
      const { DPoP } = await binding;
      const verifier = oauth.generateRandomCodeVerifier();
      const state = oauth.generateRandomState();
      const nonce = server.oidc ? oauth.generateRandomNonce() : undefined;
      const address = new URL(authorization_endpoint);
      address.search = new URLSearchParams({
        client_id,
        redirect_uri,
        response_type: 'code',
        scope,
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...(nonce && { nonce }),
        ...(DPoP && { dpop_jkt: await DPoP.calculateThumbprint() }),
      });
      const answer = oauth.validateAuthResponse(await metadata, client, await open(address), state);
      return grant(oauth.authorizationCodeGrantRequest, oauth.processAuthorizationCodeResponse, [answer, redirect_uri, verifier],
        { expectedNonce: nonce });
    },
    // A server that knows nothing of DPoP gives out a bearer token, which has to be presented as one.
    async call({ access_token, token_type }) {
      const presentation = token_type === 'dpop' ? await binding : options;
      return read(await oauth.protectedResourceRequest(access_token, 'GET', new URL(server.resource), undefined, undefined, presentation));
    },
    refresh: ({ refresh_token }) => grant(oauth.refreshTokenGrantRequest, oauth.processRefreshTokenResponse, [refresh_token]),
    async introspect({ access_token }) {
      const response = await oauth.introspectionRequest(await metadata, client, authenticate, access_token, options);
      return oauth.processIntrospectionResponse(await metadata, client, response);
    },
    async revoke({ access_token }) {
      return oauth.processRevocationResponse(await oauth.revocationRequest(await metadata, client, authenticate, access_token, options));
    },
    clientCredentials: () => grant(oauth.clientCredentialsGrantRequest, oauth.processClientCredentialsResponse, [{ scope }]),
    password: () => grant(oauth.genericTokenEndpointRequest, oauth.processGenericTokenEndpointResponse,
      ['password', { username: user.login, password: user.password, scope }]),
    async device() {
      const response = await oauth.deviceAuthorizationRequest(await metadata, client, authenticate, { scope }, options);
      return oauth.processDeviceAuthorizationResponse(await metadata, client, response);
    },
    deviceToken: ({ device_code }) => grant(oauth.deviceCodeGrantRequest, oauth.processDeviceCodeResponse, [device_code]),
  };
});
