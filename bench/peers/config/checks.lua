-- The checks, for nginx and for HAProxy. Parameters come as a table: the decoded value, true for a name without "=", or a table if the name was repeated.
local checks = {}

local authorize_names = { {{range $i, $n := .Site.AuthorizeNames}}{{if $i}}, {{end}}"{{$n}}"{{end}} }
local token_names = { {{range $i, $n := .Site.TokenNames}}{{if $i}}, {{end}}"{{$n}}"{{end}} }
local response_words = { code = true, token = true, id_token = true }
local grants = { authorization_code = true, refresh_token = true, password = true, client_credentials = true }

local clients = {
{{- range .Site.Clients}}
	[{{quote .ID}}] = { confidential = {{.Confidential}}, public = {{.Public}}, count = {{len .RedirectURIs}}
	{{- if .KnowsRedirectURIs}}, redirect_uris = { {{range .Spellings}}[{{quote .}}] = true, {{end}} }{{end}}
	{{- if .GrantTypes}}, grant_types = { {{range .GrantTypes}}[{{quote .}}] = true, {{end}} }{{end}}
	{{- if .ResponseTypes}}, response_types = { {{range .ResponseTypes}}[{{quote .}}] = true, {{end}} }{{end}} },
{{- end}}
}

local function value(args, name)
	local v = args[name]
	if v == true or v == "" then return nil end
	return v
end

local function repeated(args, names)
	for i = 1, #names do
		if type(args[names[i]]) == "table" then return names[i] end
	end
end

local function registered(client, uri)
	if not client.redirect_uris or client.redirect_uris[uri] then return true end
	if uri:sub(1, 17) ~= "http://127.0.0.1:" then return false end
	local path = uri:match("^http://127%.0%.0%.1:%d+(.*)$")
	return path and client.redirect_uris["http://127.0.0.1" .. path] or false
end

-- proof_key says whether a value is 43 to 128 unreserved characters: RFC 7636 section 4.
local function proof_key(v)
	return #v >= 43 and #v <= 128 and not v:find("[^%w._~-]")
end

local function known_response_type(v)
	if v == "code" or v == "none" then return true end
	local seen = {}
	for word in (v .. " "):gmatch("([^ ]*) ") do
		if not response_words[word] or seen[word] then return false end
		seen[word] = true
	end
	return true
end

-- authorize returns nothing for a valid request, else status, error, description and the redirect URI if the error may go there.
function checks.authorize(method, args, own_form)
	if method ~= "GET" and method ~= "HEAD" and method ~= "POST" then return 405, "invalid_request", "the method is not supported" end
	if type(args.client_id) == "table" then return 400, "invalid_request", "a parameter must occur once: client_id" end
	if type(args.redirect_uri) == "table" then return 400, "invalid_request", "a parameter must occur once: redirect_uri" end
	-- The parameters of a pushed request are elsewhere, and those of the server's own forms are none of OAuth.
	own_form = own_form or type(args.request_uri) == "string" and args.request_uri:sub(1, 34) == "urn:ietf:params:oauth:request_uri:"
	local id = value(args, "client_id")
	if not id then
		if own_form then return end
		return 400, "invalid_request", "client_id is missing"
	end
	local client = clients[id]
	if not client then return 400, "invalid_request", "the client is not registered" end
	local uri = value(args, "redirect_uri")
	if uri then
		if not registered(client, uri) then return 400, "invalid_request", "redirect_uri is not registered for the client" end
	elseif not own_form and client.redirect_uris and client.count ~= 1 then
		return 400, "invalid_request", "redirect_uri is missing"
	end
	if own_form then return end
	local name = repeated(args, authorize_names)
	if name then return 400, "invalid_request", "a parameter must occur once: " .. name, uri end
	local kind = value(args, "response_type")
	if not kind then return 400, "invalid_request", "response_type is missing", uri end
	if not known_response_type(kind) then return 400, "unsupported_response_type", "response_type is not known", uri end
	if client.response_types and not client.response_types[kind] then return 400, "unauthorized_client", "the client may not use this response_type", uri end
	local challenge, how = value(args, "code_challenge"), value(args, "code_challenge_method")
	if challenge and (not proof_key(challenge) or how == "S256" and #challenge ~= 43) then
		return 400, "invalid_request", "code_challenge is malformed", uri
	end
	if how and not challenge then return 400, "invalid_request", "code_challenge_method needs a code_challenge", uri end
	if how and how ~= "S256" and how ~= "plain" then return 400, "invalid_request", "code_challenge_method is not supported", uri end
end

-- basic_user finds the client in the decoded credentials. Its identifier may be form-encoded, RFC 6749 section 2.3.1, and many clients leave that out, so it may hold colons.
local function basic_user(basic, unescape)
	local first = basic:find(":", 1, true)
	if not first or first == 1 then return nil end
	local colon = first
	while colon do
		local user = basic:sub(1, colon - 1)
		if clients[user] then return user end
		local decoded = unescape(user)
		if clients[decoded] then return decoded end
		colon = basic:find(":", colon + 1, true)
	end
	return basic:sub(1, first - 1)
end

-- token returns nothing for a valid request, else status, error and description. basic is the decoded value of Authorization: Basic, false if it is malformed.
function checks.token(method, content_type, args, basic, unescape)
	if method ~= "POST" then return 405, "invalid_request", "the method is not supported" end
	if not content_type or not content_type:lower():find("^application/x%-www%-form%-urlencoded%s*$") and
		not content_type:lower():find("^application/x%-www%-form%-urlencoded%s*;") then
		return 400, "invalid_request", "the body must be application/x-www-form-urlencoded"
	end
	local name = repeated(args, token_names)
	if name then return 400, "invalid_request", "a parameter must occur once: " .. name end
	local id, secret, assertion = value(args, "client_id"), value(args, "client_secret"), value(args, "client_assertion")
	if basic == false then return 401, "invalid_client", "the Authorization header is malformed" end
	if (basic and basic:sub(-1) ~= ":" and 1 or 0) + (secret and 1 or 0) + (assertion and 1 or 0) > 1 then
		return 400, "invalid_request", "the client authenticates in more than one way"
	end
	local authenticated = secret or assertion
	if basic then
		local user = basic_user(basic, unescape)
		if not user then return 401, "invalid_client", "the Authorization header is malformed" end
		authenticated = authenticated or basic:sub(-1) ~= ":"
		if id and id ~= user then return 400, "invalid_request", "client_id names another client" end
		id = user
	end
	local grant = value(args, "grant_type")
	if not grant then return 400, "invalid_request", "grant_type is missing" end
	local client = id and clients[id]
	if id and not client then return basic and 401 or 400, "invalid_client", "the client is not registered" end
	if not id and not assertion and (grant == "authorization_code" or grant == "client_credentials") then
		return 400, "invalid_request", "client_id is missing"
	end
	if client and client.confidential and not authenticated then return 400, "invalid_client", "the client must authenticate" end
	if not grants[grant] and not grant:find("^%a[%w+.-]*:") then return 400, "unsupported_grant_type", "grant_type is not known" end
	if client and client.grant_types and not client.grant_types[grant] then return 400, "unauthorized_client", "the client may not use this grant" end
	if client and client.public and grant == "client_credentials" then return 400, "unauthorized_client", "the client may not use this grant" end
	if grant == "authorization_code" and not value(args, "code") then return 400, "invalid_request", "code is missing" end
	if grant == "refresh_token" and not value(args, "refresh_token") then return 400, "invalid_request", "refresh_token is missing" end
	if grant == "password" then
		if not value(args, "username") then return 400, "invalid_request", "username is missing" end
		if not value(args, "password") then return 400, "invalid_request", "password is missing" end
	end
	local uri, verifier = value(args, "redirect_uri"), value(args, "code_verifier")
	if uri and client and grant == "authorization_code" and not registered(client, uri) then return 400, "invalid_grant", "redirect_uri is not registered for the client" end
	if verifier and not proof_key(verifier) then return 400, "invalid_request", "code_verifier is malformed" end
end

-- preflight says whether a browser asks whether it may ask.
function checks.preflight(method, origin, asked)
	return method == "OPTIONS" and origin and origin ~= "" and asked and asked ~= ""
end

-- merge adds the parameters of a form to those of the query. Equal values count once.
function checks.merge(query, form)
	for name, v in pairs(form) do
		if query[name] == nil then query[name] = v elseif query[name] ~= v then query[name] = { query[name], v } end
	end
	return query
end

-- location is where an error goes.
function checks.location(uri, code, description, state, escape)
	local separator = uri:find("?", 1, true) and "&" or "?"
	local target = uri .. separator .. "error=" .. code .. "&error_description=" .. escape(description)
	if type(state) == "string" then target = target .. "&state=" .. escape(state) end
	return target
end

return checks
