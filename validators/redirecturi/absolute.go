package redirecturi

import "github.com/oauthguard/caddy-oauth-guard/validators/scan"

// Absolute reports whether a URI is absolute, has no fragment, and consists of characters that RFC 3986 allows: whether [Inspect] finds none of [Relative], [Fragment] and [Character]. It takes
// less time for a short URI, since it does not look for parameters in the query.
func Absolute(uri string) bool {
	const odd = scan.Controls | scan.Blanks | scan.NonASCIIBytes | scan.UnsafeCharacters | scan.Hashes
	if class := scan.ClassOf(uri); class&odd != 0 || class&scan.Percents != 0 && !scan.WellEscaped(uri) {
		return false
	}
	flaws, _ := inspectBegin(uri)
	return flaws&Relative == 0
}
