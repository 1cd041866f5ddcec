// A small application that signs people in with JetBrains' own client, as YouTrack and others do.
import Auth from '@jetbrains/ring-ui-built/components/auth/auth.js';

const settings = JSON.parse(document.getElementById('settings').textContent);
const output = document.querySelector('output');

const auth = new Auth({...settings, redirectUri: settings.redirectUri ?? location.origin + location.pathname});

// The tests use the application from here.
window.app = {
  auth,
  tokenKey: `${settings.clientId}-token`,
  // call is one request to the REST interface. It resolves to what the application sees.
  async call(path, parameters) {
    try {
      return {data: await auth.http.request(path, {method: 'GET', ...parameters})};
    } catch (error) {
      return error.status ? {status: error.status, error: error.data.error} : {error: String(error)};
    }
  },
};

try {
  await auth.init();
  const user = await auth.requestUser();
  output.textContent = `Hello, ${user.name}`;
} catch (error) {
  output.textContent = `Sign-in failed: ${error.code ?? error}`;
}
