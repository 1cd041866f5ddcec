// The flows of all clients in JavaScript, step by step, and what is the same in every run of them.

/** What happened so far in a run. */
class Steps {
  list = [];

  /**
   * Takes one step.
   *
   * @param needed what the step needs of steps before; without it the step cannot be reached
   * @param action returns what the next steps need
   * @param describe puts the facts into words that are equal in every run
   */
  async take(step, needed, action, describe) {
    let result, value;
    try {
      if (needed === undefined) {
        throw new Error('not reached');
      }
      value = await action(needed);
      result = describe(value);
    } catch (error) {
      result = { error: reason(error) };
    }
    this.list.push({ step, result });
    return value;
  }
}

const flows = {
  async code(steps, client, open) {
    const granted = await steps.take('code', true, () => client.code(open), grant);
    await steps.take('bearer', granted, (tokens) => client.call(tokens), owner);
    const refreshed = await steps.take('refresh', granted?.refresh_token ? granted : undefined, (tokens) => client.refresh(tokens),
      (tokens) => ({ ...grant(tokens), rotated: rotated(granted, tokens) }));
    await steps.take('bearer after refresh', refreshed, (tokens) => client.call(tokens), owner);
    const last = refreshed ?? granted;
    if (client.introspect) {
      await steps.take('introspection', last, (tokens) => client.introspect(tokens), introspected);
    }
    await steps.take('revocation', last, (tokens) => client.revoke(tokens), () => ({}));
    await steps.take('bearer after revocation', last, (tokens) => client.call(tokens), owner);
  },

  async client_credentials(steps, client) {
    const granted = await steps.take('token', true, () => client.clientCredentials(), grant);
    await steps.take('bearer', granted, (tokens) => client.call(tokens), owner);
  },

  async password(steps, client) {
    const granted = await steps.take('token', true, () => client.password(), grant);
    await steps.take('bearer', granted, (tokens) => client.call(tokens), owner);
  },

  async device(steps, client, open) {
    const device = await steps.take('device authorization', true, () => client.device(), (started) => ({
      expires_in: started.expires_in,
      verification_uri_complete: started.verification_uri_complete !== undefined,
    }));
    const granted = await steps.take('device token', device, async (started) => {
      await open(started.verification_uri_complete);
      // The user is through, so that there is little to wait for.
      return client.deviceToken({ ...started, interval: 0.2 });
    }, grant);
    await steps.take('bearer', granted, (tokens) => client.call(tokens), owner);
  },
};

/**
 * Runs a flow and returns its steps.
 *
 * @param client has a method for everything that the library can do; each returns what the library gave it
 * @param open sends the user's browser to an address, and returns where it came back
 */
export async function run(flow, client, open) {
  const steps = new Steps();
  await flows[flow](steps, client, open);
  return steps.list;
}

/** What is the same in every token response, and in the claims of the ID token. */
function grant({ token_type, scope, expires_in, refresh_token, claims }) {
  return {
    token_type,
    scope,
    expires_in,
    refresh_token: Boolean(refresh_token),
    ...(claims && { id_token: { sub: claims.sub, aud: claims.aud } }),
  };
}

/** Whether a refresh replaced the two tokens. A server that keeps the refresh token may leave it out. */
function rotated(before, after) {
  return {
    access_token: after.access_token !== before.access_token,
    refresh_token: (after.refresh_token ?? before.refresh_token) !== before.refresh_token,
  };
}

/** What the protected resource says about whom the token belongs to. */
function owner({ sub, login, client_id, scope }) {
  return { sub, login, client_id, scope };
}

/** What is the same in every introspection of a token. */
function introspected({ active, client_id, scope, token_type, sub, username }) {
  return { active, client_id, scope, token_type, sub, username };
}

/** Reads what a protected resource answered. There are servers that answer an error with status 200. */
export async function read(response) {
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch (error) {
    if (response.ok) {
      throw error;
    }
  }
  if (answer.error || !response.ok) {
    throw new Error(answer.error ?? `HTTP ${response.status}`);
  }
  return answer;
}

/** The OAuth error code, else the status, else what the library calls it. */
function reason(error) {
  if (error.error) {
    return error.error;
  }
  if (Array.isArray(error.cause)) {
    const challenge = error.cause.find(({ parameters }) => parameters.error);
    return challenge ? challenge.parameters.error : `HTTP ${error.status}`;
  }
  const response = [error, error.cause, error.cause?.cause].find((candidate) => candidate?.status);
  return response ? `HTTP ${response.status}` : error.code ?? error.message;
}
