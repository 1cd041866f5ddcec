// The checks, for nginx with njs. querystring.parse gives an array for a repeated name.
import querystring from 'querystring';

const authorizeNames = [{{range $i, $n := .Site.AuthorizeNames}}{{if $i}}, {{end}}'{{$n}}'{{end}}];
const tokenNames = [{{range $i, $n := .Site.TokenNames}}{{if $i}}, {{end}}'{{$n}}'{{end}}];
const responseWords = { code: true, token: true, id_token: true };
const grants = { authorization_code: true, refresh_token: true, password: true, client_credentials: true };
const malformed = /%(?![0-9A-Fa-f]{2})/;
const proofKey = /^[A-Za-z0-9._~-]{43,128}$/;
const form = /^application\/x-www-form-urlencoded\s*(;|$)/i;

const clients = {
{{- range .Site.Clients}}
	{{quote .ID}}: { confidential: {{.Confidential}}, isPublic: {{.Public}}, count: {{len .RedirectURIs}}
	{{- if .KnowsRedirectURIs}}, redirectURIs: { {{range .Spellings}}{{quote .}}: true, {{end}} }{{end}}
	{{- if .GrantTypes}}, grantTypes: { {{range .GrantTypes}}{{quote .}}: true, {{end}} }{{end}}
	{{- if .ResponseTypes}}, responseTypes: { {{range .ResponseTypes}}{{quote .}}: true, {{end}} }{{end}} },
{{- end}}
};

function find(id) {
	return Object.prototype.hasOwnProperty.call(clients, id) ? clients[id] : undefined;
}

function repeated(args, names) {
	for (let i = 0; i < names.length; i++) {
		if (Array.isArray(args[names[i]])) {
			return names[i];
		}
	}
}

function registered(client, uri) {
	if (!client.redirectURIs || client.redirectURIs[uri]) {
		return true;
	}
	return uri.startsWith('http://127.0.0.1:') && client.redirectURIs[uri.replace(/^(http:\/\/127\.0\.0\.1):[0-9]+/, '$1')] === true;
}

function knownResponseType(value) {
	if (value === 'code' || value === 'none') {
		return true;
	}
	const seen = {};
	return value.split(' ').every((word) => {
		const known = responseWords[word] && !seen[word];
		seen[word] = true;
		return known;
	});
}

function refuse(r, status, code, description) {
	r.headersOut['Content-Type'] = 'application/json;charset=UTF-8';
	r.headersOut['Cache-Control'] = 'no-store';
	if (status === 401) {
		r.headersOut['WWW-Authenticate'] = 'Basic realm="OAuth"';
	}
	if (status === 405) {
		r.headersOut['Allow'] = 'POST';
	}
	r.return(status, '{"error":"' + code + '","error_description":"' + description + '"}');
}

function redirect(r, uri, code, description, state) {
	if (!uri) {
		return refuse(r, 400, code, description);
	}
	let target = uri + (uri.includes('?') ? '&' : '?') + 'error=' + code + '&error_description=' + encodeURIComponent(description);
	if (typeof state === 'string') {
		target += '&state=' + encodeURIComponent(state);
	}
	r.headersOut['Cache-Control'] = 'no-store';
	r.return(303, target);
}

// nginx finds the location by a cleaned path, and passes the raw one on.
function literal(r) {
	return r.variables.request_uri.split('?', 1)[0] === r.uri;
}

// A browser asks whether it may ask.
function preflight(r) {
	return r.method === 'OPTIONS' && r.headersIn.Origin && r.headersIn['Access-Control-Request-Method'];
}

function authorize(r) {
	if (!literal(r)) {
		return refuse(r, 400, 'invalid_request', 'the path is written in an ambiguous way');
	}
	if (preflight(r)) {
		return r.internalRedirect('@server');
	}
	if (r.method !== 'GET' && r.method !== 'HEAD' && r.method !== 'POST') {
		return refuse(r, 405, 'invalid_request', 'the method is not supported');
	}
	const query = r.variables.args || '';
	if (malformed.test(query)) {
		return refuse(r, 400, 'invalid_request', 'a percent sign is not followed by two hexadecimal digits');
	}
	const args = querystring.parse(query);
	let ownForm = false;
	if (r.method === 'POST') {
		const text = r.requestText || '';
		if (malformed.test(text)) {
			return refuse(r, 400, 'invalid_request', 'a percent sign is not followed by two hexadecimal digits');
		}
		const body = querystring.parse(text);
		Object.keys(body).forEach((name) => {
			if (args[name] === undefined) {
				args[name] = body[name];
			} else if (args[name] !== body[name]) {
				args[name] = [args[name], body[name]];
			}
		});
		ownForm = !args.response_type;
	}
	// The parameters of a pushed request are elsewhere, and those of the server's own forms are none of OAuth.
	ownForm = ownForm || typeof args.request_uri === 'string' && args.request_uri.startsWith('urn:ietf:params:oauth:request_uri:');
	if (Array.isArray(args.client_id)) {
		return refuse(r, 400, 'invalid_request', 'a parameter must occur once: client_id');
	}
	if (Array.isArray(args.redirect_uri)) {
		return refuse(r, 400, 'invalid_request', 'a parameter must occur once: redirect_uri');
	}
	if (!args.client_id) {
		return ownForm ? r.internalRedirect('@server') : refuse(r, 400, 'invalid_request', 'client_id is missing');
	}
	const client = find(args.client_id);
	if (!client) {
		return refuse(r, 400, 'invalid_request', 'the client is not registered');
	}
	const uri = args.redirect_uri;
	if (uri) {
		if (!registered(client, uri)) {
			return refuse(r, 400, 'invalid_request', 'redirect_uri is not registered for the client');
		}
	} else if (!ownForm && client.redirectURIs && client.count !== 1) {
		return refuse(r, 400, 'invalid_request', 'redirect_uri is missing');
	}
	if (ownForm) {
		return r.internalRedirect('@server');
	}
	const name = repeated(args, authorizeNames);
	if (name) {
		return redirect(r, uri, 'invalid_request', 'a parameter must occur once: ' + name, args.state);
	}
	if (!args.response_type) {
		return redirect(r, uri, 'invalid_request', 'response_type is missing', args.state);
	}
	if (!knownResponseType(args.response_type)) {
		return redirect(r, uri, 'unsupported_response_type', 'response_type is not known', args.state);
	}
	if (client.responseTypes && !client.responseTypes[args.response_type]) {
		return redirect(r, uri, 'unauthorized_client', 'the client may not use this response_type', args.state);
	}
	const challenge = args.code_challenge, how = args.code_challenge_method;
	if (challenge && (!proofKey.test(challenge) || how === 'S256' && challenge.length !== 43)) {
		return redirect(r, uri, 'invalid_request', 'code_challenge is malformed', args.state);
	}
	if (how && !challenge) {
		return redirect(r, uri, 'invalid_request', 'code_challenge_method needs a code_challenge', args.state);
	}
	if (how && how !== 'S256' && how !== 'plain') {
		return redirect(r, uri, 'invalid_request', 'code_challenge_method is not supported', args.state);
	}
	r.internalRedirect('@server');
}

function unescapeForm(text) {
	try {
		return decodeURIComponent(text.replace(/\+/g, ' '));
	} catch (e) {
		return text;
	}
}

// The identifier may be form-encoded, RFC 6749 section 2.3.1, and many clients leave that out, so it may hold colons.
function basicUser(basic, first) {
	for (let colon = first; colon >= 0; colon = basic.indexOf(':', colon + 1)) {
		const user = basic.slice(0, colon);
		if (find(user)) {
			return user;
		}
		const decoded = unescapeForm(user);
		if (find(decoded)) {
			return decoded;
		}
	}
	return basic.slice(0, first);
}

function token(r) {
	if (!literal(r)) {
		return refuse(r, 400, 'invalid_request', 'the path is written in an ambiguous way');
	}
	if (preflight(r)) {
		return r.internalRedirect('@server');
	}
	if (r.method !== 'POST') {
		return refuse(r, 405, 'invalid_request', 'the method is not supported');
	}
	if (!form.test(r.headersIn['Content-Type'] || '')) {
		return refuse(r, 400, 'invalid_request', 'the body must be application/x-www-form-urlencoded');
	}
	const query = r.variables.args;
	if (query && tokenNames.some((name) => querystring.parse(query)[name] !== undefined)) {
		return refuse(r, 400, 'invalid_request', 'a parameter of the token endpoint in the query');
	}
	const text = r.requestText || '';
	if (malformed.test(text)) {
		return refuse(r, 400, 'invalid_request', 'a percent sign is not followed by two hexadecimal digits');
	}
	const args = querystring.parse(text);
	const name = repeated(args, tokenNames);
	if (name) {
		return refuse(r, 400, 'invalid_request', 'a parameter must occur once: ' + name);
	}
	let id = args.client_id, basic, authenticated = args.client_secret || args.client_assertion;
	const authorization = r.headersIn.Authorization;
	if (authorization) {
		const value = /^basic +([A-Za-z0-9+\/]+=*)$/i.exec(authorization);
		basic = value && Buffer.from(value[1], 'base64').toString();
		const colon = basic ? basic.indexOf(':') : -1;
		if (colon < 1) {
			return refuse(r, 401, 'invalid_client', 'the Authorization header is malformed');
		}
		const secret = !basic.endsWith(':');
		if (authenticated && secret) {
			return refuse(r, 400, 'invalid_request', 'the client authenticates in more than one way');
		}
		authenticated = authenticated || secret;
		const user = basicUser(basic, colon);
		if (id && id !== user) {
			return refuse(r, 400, 'invalid_request', 'client_id names another client');
		}
		id = user;
	} else if (args.client_secret && args.client_assertion) {
		return refuse(r, 400, 'invalid_request', 'the client authenticates in more than one way');
	}
	const grant = args.grant_type;
	if (!grant) {
		return refuse(r, 400, 'invalid_request', 'grant_type is missing');
	}
	const client = id ? find(id) : undefined;
	if (id && !client) {
		return refuse(r, basic ? 401 : 400, 'invalid_client', 'the client is not registered');
	}
	if (!id && !args.client_assertion && (grant === 'authorization_code' || grant === 'client_credentials')) {
		return refuse(r, 400, 'invalid_request', 'client_id is missing');
	}
	if (client && client.confidential && !authenticated) {
		return refuse(r, 400, 'invalid_client', 'the client must authenticate');
	}
	if (!grants[grant] && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(grant)) {
		return refuse(r, 400, 'unsupported_grant_type', 'grant_type is not known');
	}
	if (client && (client.grantTypes && !client.grantTypes[grant] || client.isPublic && grant === 'client_credentials')) {
		return refuse(r, 400, 'unauthorized_client', 'the client may not use this grant');
	}
	if (grant === 'authorization_code' && !args.code) {
		return refuse(r, 400, 'invalid_request', 'code is missing');
	}
	if (grant === 'refresh_token' && !args.refresh_token) {
		return refuse(r, 400, 'invalid_request', 'refresh_token is missing');
	}
	if (grant === 'password' && (!args.username || !args.password)) {
		return refuse(r, 400, 'invalid_request', 'username or password is missing');
	}
	if (args.redirect_uri && client && grant === 'authorization_code' && !registered(client, args.redirect_uri)) {
		return refuse(r, 400, 'invalid_grant', 'redirect_uri is not registered for the client');
	}
	if (args.code_verifier && !proofKey.test(args.code_verifier)) {
		return refuse(r, 400, 'invalid_request', 'code_verifier is malformed');
	}
	r.internalRedirect('@server');
}

export default { authorize, token };
