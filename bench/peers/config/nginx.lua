local checks = require "checks"

local guard = {}

local function answer(status, code, description, uri, state)
	ngx.header["Cache-Control"] = "no-store"
	if uri then
		return ngx.redirect(checks.location(uri, code, description, state, ngx.escape_uri), 303)
	end
	ngx.status = status
	ngx.header["Content-Type"] = "application/json;charset=UTF-8"
	if status == 401 then ngx.header["WWW-Authenticate"] = 'Basic realm="OAuth"' end
	if status == 405 then ngx.header["Allow"] = "POST" end
	local body = '{"error":"' .. code .. '","error_description":"' .. description .. '"}'
	ngx.header["Content-Length"] = #body
	ngx.print(body)
	return ngx.exit(status)
end

local function malformed(text)
	return text and ngx.re.find(text, "%(?![0-9A-Fa-f]{2})", "jo")
end

-- nginx finds the location by a cleaned path, and passes the raw one on.
local function literal()
	local target = ngx.var.request_uri
	local path = target:sub(1, (target:find("?", 1, true) or #target + 1) - 1)
	if path ~= ngx.var.uri then answer(400, "invalid_request", "the path is written in an ambiguous way") end
end

local function query()
	if malformed(ngx.var.args) then answer(400, "invalid_request", "a percent sign is not followed by two hexadecimal digits") end
	local args, err = ngx.req.get_uri_args(100)
	if err then answer(400, "invalid_request", "too many parameters") end
	return args
end

local function form()
	ngx.req.read_body()
	if malformed(ngx.req.get_body_data()) then answer(400, "invalid_request", "a percent sign is not followed by two hexadecimal digits") end
	local args, err = ngx.req.get_post_args(100)
	if err then answer(400, "invalid_request", "the form cannot be read") end
	return args
end

local function preflight()
	return checks.preflight(ngx.req.get_method(), ngx.var.http_origin, ngx.var.http_access_control_request_method)
end

function guard.authorize()
	literal()
	if preflight() then return end
	local method, args, own_form = ngx.req.get_method(), query(), false
	if method == "POST" then
		args = checks.merge(args, form())
		own_form = not args.response_type or args.response_type == ""
	end
	local status, code, description, uri = checks.authorize(method, args, own_form)
	if status then return answer(status, code, description, uri, args.state) end
end

function guard.token()
	literal()
	if preflight() then return end
	local method = ngx.req.get_method()
	local basic
	local authorization = ngx.var.http_authorization
	if authorization then
		local value = authorization:match("^[Bb][Aa][Ss][Ii][Cc] +(.*)$")
		basic = value and ngx.decode_base64(value) or false
	end
	local status, code, description = checks.token(method, ngx.var.content_type, method == "POST" and form() or {}, basic, ngx.unescape_uri)
	if status then return answer(status, code, description) end
	local in_query = query()
	for _, name in ipairs({ "grant_type", "code", "client_id", "client_secret", "refresh_token", "username", "password", "redirect_uri", "code_verifier", "scope" }) do
		if in_query[name] then return answer(400, "invalid_request", "a parameter of the token endpoint in the query: " .. name) end
	end
end

return guard
