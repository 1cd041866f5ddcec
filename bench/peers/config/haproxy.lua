local checks = require "checks"

local function unescape(text)
	return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function escape(text)
	return (text:gsub("[^%w._~-]", function(c) return string.format("%%%02X", c:byte()) end))
end

local function malformed(text)
	for at in text:gmatch("()%%") do
		if not text:find("^%x%x", at + 1) then return true end
	end
end

local function parse(text)
	local args = {}
	for name, equals, value in text:gmatch("([^&=]*)(=?)([^&]*)") do
		if name ~= "" or equals ~= "" then
			name = unescape(name)
			if equals == "=" then value = unescape(value) else value = true end
			local before = args[name]
			if before == nil then args[name] = value
			elseif type(before) == "table" then before[#before + 1] = value
			else args[name] = { before, value } end
		end
	end
	return args
end

local function answer(txn, status, code, description, uri, state)
	local reply = txn:reply { status = uri and 303 or status }
	reply:add_header("Cache-Control", "no-store")
	if uri then
		reply:add_header("Location", checks.location(uri, code, description, state, escape))
	else
		reply:add_header("Content-Type", "application/json;charset=UTF-8")
		if status == 401 then reply:add_header("WWW-Authenticate", 'Basic realm="OAuth"') end
		if status == 405 then reply:add_header("Allow", "POST") end
		reply:set_body('{"error":"' .. code .. '","error_description":"' .. description .. '"}')
	end
	txn:done(reply)
end

local function preflight(txn)
	return checks.preflight(txn.sf:method(), txn.sf:req_hdr("origin"), txn.sf:req_hdr("access-control-request-method"))
end

core.register_action("authorize", { "http-req" }, function(txn)
	if preflight(txn) then return end
	local query, method = txn.sf:query(), txn.sf:method()
	if malformed(query) then return answer(txn, 400, "invalid_request", "a percent sign is not followed by two hexadecimal digits") end
	local args, own_form = parse(query), false
	if method == "POST" then
		local body = txn.sf:req_body()
		if malformed(body) then return answer(txn, 400, "invalid_request", "a percent sign is not followed by two hexadecimal digits") end
		args = checks.merge(args, parse(body))
		own_form = not args.response_type or args.response_type == ""
	end
	local status, code, description, uri = checks.authorize(method, args, own_form)
	if status then answer(txn, status, code, description, uri, args.state) end
end)

core.register_action("token", { "http-req" }, function(txn)
	if preflight(txn) then return end
	local method, body = txn.sf:method(), txn.sf:req_body()
	if malformed(body) then return answer(txn, 400, "invalid_request", "a percent sign is not followed by two hexadecimal digits") end
	local query = txn.sf:query()
	if query ~= "" then
		local args = parse(query)
		for _, name in ipairs({ "grant_type", "code", "client_id", "client_secret", "refresh_token", "username", "password", "redirect_uri", "code_verifier", "scope" }) do
			if args[name] then return answer(txn, 400, "invalid_request", "a parameter of the token endpoint in the query: " .. name) end
		end
	end
	local basic
	local authorization = txn.sf:req_hdr("authorization")
	if authorization ~= "" then
		local value = authorization:match("^[Bb][Aa][Ss][Ii][Cc] +([%w+/]+=*)$")
		basic = value and txn.sc:b64dec(value) or false
	end
	local status, code, description = checks.token(method, txn.sf:req_hdr("content-type"), parse(body), basic, unescape)
	if status then answer(txn, status, code, description) end
end)
