package parsers

// The pieces that requests are made of. They come from what parsers are known to read differently, and from what they might.

// values are values of unknown parameters and bits of others, as they stand in a request. All of them are legal.
var values = []string{
	"", "1", "true", "%00", "a%00b", "%20", "+", "++", "%2B", "%26", "%3D", "%3B", "%25", "%2525", "%2500", "%23", "%3F", "%5B%5D", "%5b0%5d", "%0D%0A", "%09", "%7F", "%22", "%5C",
	"=", "==", "a=b", "client_id%3Dx", "%26client_id%3Dx", "%26client_id=x", "[]", "[0]", "a]=b", "]=", "%5D=", "%5d=x", "[a]=b", "[=", "a[", "a.b", "..", "/", "//", "/../", "?", "?a=b", "@", ":",
	",", "a,b", "!$'()*,", "~", "%7E", "%C3%A9", "%c3%a9", "%E2%9C%93", "%F0%9F%94%91", "%EF%BB%BF", "%EF%BF%BD", "%EF%BF%BE", "%C2%85", "%C2%A0", "%E2%80%A8", "%C4%B1", "%E2%84%AA", "%CC%81",
	"null", "undefined", "NaN", "[object+Object]", "&amp%3B", "%26amp%3Bclient_id%3Dx", "0", "-1", "1e999", "%7B%22a%22%3A1%7D", "%3Cscript%3E", "on", "UTF-8", "ISO-8859-1", "utf-16",
}

// names are names of parameters that no endpoint knows, as they stand in a request. All of them are legal; some have a meaning for some framework.
var names = []string{
	"x", "a", "utf8", "_charset_", "_csrf", "commit", "lang", "hub_theme", "hubId", "x-y", "x.y", "x%20y", "x+y", "x[]", "x[a]", "x[a][b]", "x[", "x]", "x%5B%5D", "x%5Ba%5D", "[x]", "%5Bx%5D", "[]", "[", "]",
	"x[0]", "x[1]", "x[client_id]", "x.client_id", "x[__proto__]", "__proto__", "__proto__[client_id]", "constructor", "constructor[prototype][client_id]", "toString", "hasOwnProperty", "length",
	"client", "client_id2", "xclient_id", "client__id", "client-id", "clientid", "client_id_", "_client_id", "redirect", "responsetype", "%C3%A9", "%E2%9C%93", "%F0%9F%94%91", "%25", "%2563lient_id",
	"client%255Fid", "client_id%255B%255D", "%2526client_id", "%26client_id", "%3Dclient_id", "client_id%3D", "client_id%26", "a%00b", "keywords", "POSTDATA", "PUTDATA", ".submit", ".cgifields", "jsessionid",
	"JSESSIONID", "format", "controller", "action", "id", "page", "0", "-1", "GLOBALS", "_GET", "_POST", "_SERVER", "this", "charset", "javascript:x", "%09x", "x%0A", "x/y", "x:y", "x@y", "x,y", "!", "*", "~",
	"ｃlient_id", "client%EF%BC%BFid", "CL%C4%B1ENT", "%EF%BB%BFx", "%C2%A0x", "X", "A", "Scopes", "STATE2",
}

// tokens are bits that are put together at random, without a care for what comes of it.
var tokens = []string{
	"client_id", "redirect_uri", "response_type", "scope", "state", "grant_type", "code", "nonce", "client%5Fid", "%63lient_id", "Client_Id", "client.id", "client id", "client+id", "client%20id", "a", "x", "1", "evil",
	"=", "=", "==", "%3D", "&", "%26", ";", "%3B", "&amp;", "[", "]", "[]", "]=", "%5B", "%5D", "%5b", "[a]", ".", "%2E", "_", "%5F", "+", "%20", "%2B", " ", "%09", "%0D%0A", "%00", "%", "%%", "%4", "%zz", "%u0041", "%25", "%2525",
	"%C3%A9", "%C3", "%A9", "%C0%AF", "%ED%A0%80", "%F4%90%80%80", "%FF", "\xff", "é", "\xef\xbb\xbf", "%EF%BB%BF", "%C2%A0", "%E2%80%A8", "%C4%B1", "%E2%84%AA", "#", "%23", "?", "/", "\\", "\"", "'", "<", "{", "|", "^", "`", ":", "@", ",", "!", "*", "(", "~", "\x7f", "%7F", "%1B",
	"__proto__", "constructor", "_method", "https%3A%2F%2Fapp.example%2Fcb", "https://app.example/cb",
}

// contentTypes are ways to say that a body is a form, all of them legal.
var contentTypes = []string{
	formType, formType, formType, formType + ";charset=UTF-8", formType + "; charset=utf-8", formType + `; charset="UTF-8"`, formType + ";charset=utf8", formType + " ; charset=UTF-8", formType + "; Charset=UTF-8", formType + ";",
	formType + "; ", formType + ";;", formType + "; x=y", formType + "; x=y; charset=UTF-8", formType + "; charset=UTF-8; x=y", formType + `; boundary="a;b"`, "Application/X-WWW-Form-Urlencoded", "APPLICATION/X-WWW-FORM-URLENCODED; CHARSET=UTF-8",
	formType + "\t; charset=UTF-8", formType + ";\tcharset=UTF-8", formType + " ", formType + "; x=", formType + `; x="a,b"`, formType + "; charset=UTF-8;",
}

const formType = "application/x-www-form-urlencoded"

// otherTypes are contents of Content-Type that are not, or not beyond doubt, a form in UTF-8; with their kinds.
var otherTypes = []struct{ kind, value string }{
	{"content type", "text/plain"}, {"content type", "application/json"}, {"content type", "multipart/form-data; boundary=x"}, {"content type", formType + "X"}, {"content type", formType + ", text/plain"},
	{"content type", formType + "; charset"}, {"content type", formType + `; x="`}, {"content type", formType + `; x="\"; charset=ibm037; y=\""`}, {"content type", "application/x-www-form-urlencoded+x"},
	{"content type", "text/plain; " + formType}, {"content type", formType + "; x=a,b"}, {"content type", "application/ x-www-form-urlencoded"}, {"content type", `"` + formType + `"`},
	{"charset", formType + "; charset=utf-7"}, {"charset", formType + "; charset=ISO-8859-1"}, {"charset", formType + "; charset=windows-1252"}, {"charset", formType + "; charset=UTF-8; charset=ISO-8859-1"},
	{"charset", formType + "; charset=ISO-8859-1; charset=UTF-8"}, {"charset", formType + "; charset=unknown"}, {"charset", formType + "; charset="}, {"charset", formType + "; charset=Shift_JIS"}, {"charset", formType + "; charset='UTF-8'"},
}

// otherPaths are spellings of the paths; %s is an endpoint without its first slash.
var otherPaths = []string{
	"/%s;x", "/%s;x=1", "/%s;", "/%s%%3bx", "/%s%%3Bx", "/%s/", "//%s", "/%s//", "/./%s", "/x/../%s", "/x/%%2e%%2e/%s", "/x/..;/%s", "/x/..;a=b/%s", "/x/%%2e%%2e;/%s", "/..;/%s", "/;x/%s", "/;/%s", "/%%2f%s", "/%%2F%s",
	"/%s.json", "/%s.xml", "/%s.", "/%s%%20", "/%s%%00", "/%s%%00.html", "/%s%%09", "/%s%%0a", "/%s%%3f", "/%s%%23", "/%s%%2f", "/%s\\", "/\\%s", "/%s%%5c", "/%s;jsessionid=", "/%s;jsessionid=a/b", "/%s;JSESSIONID=1", "/%s/x", "/%s2", "/x/%s", "/%s/..", "/%s/.",
	"/%s/;x", "/%s/..;/token", "/%s:443", "/%s~", "/%s*", "/%s+", "/%s%%c0%%af", "/%s%%ef%%bc%%8f", "http://localhost/%s", "/%%61/../%s", "///%s", "/.%%2e/%s", "/%%2e/%s", "/x/.%%2e/%s", "/%s@x", "/%s,x", "/%s%%2525", "/%s/%%2e", "/%s/%%2e%%2e/token",
}
