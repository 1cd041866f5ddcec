package redirecturi

import (
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Absolute reports whether a URI is absolute, has no fragment, and consists of characters that RFC 3986 allows: whether [Inspect] finds none of [Relative], [Fragment] and [Character]. It takes
// less time, since it does not look for parameters in the query.
func Absolute(uri string) bool {
	const odd = scan.Controls | scan.Blanks | scan.NonASCIIBytes | scan.UnsafeCharacters | scan.Hashes
	hierarchy, query, _ := strings.Cut(uri, "?")
	if class := scan.ClassOf(query); class&odd != 0 || class&scan.Percents != 0 && !scan.WellEscaped(query) {
		return false
	}
	return Inspect(hierarchy)&(Relative|Fragment|Character) == 0
}
