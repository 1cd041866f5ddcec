package scan

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var allNames = func() (set Names) {
	for _, n := range AllNames() {
		set |= 1 << n
	}
	return set
}()

func scanned(query, body string) *Parameters {
	var p Parameters
	p.Scan(query, body, allNames, &DefaultLimits)
	return &p
}

// TestNames keeps the table of names and the switch in step.
func TestNames(t *testing.T) {
	for _, n := range AllNames() {
		if got := Recognise(n.String()); got != n {
			t.Errorf("Recognise(%q) = %v, want %v", n.String(), got, n)
		}
		if folded := fold(strings.ToUpper(n.String())); folded != n {
			t.Errorf("fold(%q) = %v, want %v", strings.ToUpper(n.String()), folded, n)
		}
	}
	if len(AllNames()) > 63 {
		t.Error("Names holds 64 bits; one is for Unknown")
	}
}

// TestSigns is the parser laboratory's table of query strings: what some server reads otherwise has a sign.
func TestSigns(t *testing.T) {
	for _, test := range []struct {
		query string
		want  Signs
	}{
		{"scope=1&state=2", 0},
		{"scope=a%2Bb+c&&state=", 0},
		{"scope=1;state=2", Semicolon},
		{"scope=1&amp;state=2", Semicolon},
		{"scope=%zz", MalformedEscape},
		{"scope=%", MalformedEscape},
		{"scope=%4", MalformedEscape},
		{"scope=%u0041", MalformedEscape},
		{"scope%=1", MalformedEscape},
		{"scope=%C0%AF", InvalidUTF8 | NonASCII},
		{"x=%C0%AF", InvalidUTF8Unknown | NonASCII},
		{"%C0=1", InvalidUTF8 | NonASCII},
		{"scope=%C3%A9", NonASCII},
		{"scope=1%00b", Control},
		{"x=1%00b", 0},
		{"scope%00x=1", FoldedName | Control},
		{"scope[]=1", FoldedName},
		{"scope%5Ba%5D=1", FoldedName},
		{"client.id=1", FoldedName},
		{"client%20id=1", FoldedName},
		{"client[id=1", FoldedName},
		{"+scope=1", FoldedName},
		{"%20scope=1", FoldedName},
		{"%EF%BB%BFscope=1", FoldedName | NonASCII},
		{"Scope=1", FoldedName},
		{"%C5%BFcope=1", FoldedName | NonASCII},
		{"claim%C5%BF=1", FoldedName | NonASCII},
		{"claims%C2%BF=1", NonASCII},
		{"%73cope=1", 0},
		{"[scope]=1", FoldedName},
		{"scope]=1", FoldedName},
		{"x%1B=1", Control},
		{"=v", EmptyName},
		{"__proto__=1&constructor=2", 0},
		{"x=1&x=2", RepeatedUnknown},
		{"x=1&%78=2", RepeatedUnknown},
		{"scope=\xff", QueryRawByte | NonASCII | InvalidUTF8},
		{"scope=\xc3\xa9", QueryRawByte | NonASCII},
		{"scope=a#b", QueryRawByte},
		{"scope=a b", QueryRawByte},
		{"scope={", QueryUnsafeCharacter},
		{"password=a%09", 0},
		{"password=a%0A", Control},
		{strings.Repeat("n", 257) + "=1", TooLongValue},
		{strings.Repeat("a&", 101), TooManyParameters | RepeatedUnknown},
		{"x=;&y=%00&z=%FF&" + strings.Repeat("a&", 98), TooManyParameters | RepeatedUnknown | Semicolon | InvalidUTF8Unknown | NonASCII},
		{strings.Repeat("a&", 100) + "password=%C3%A9", TooManyParameters | RepeatedUnknown | NonASCII},
		{strings.Repeat("a&", 100) + "x=%C3%A9", TooManyParameters | RepeatedUnknown | NonASCII},
		{strings.Repeat("a", 16<<10+1), TooLongQuery},
	} {
		if got := scanned(test.query, "").Signs; got != test.want {
			t.Errorf("%.60q: signs %b, want %b", test.query, got, test.want)
		}
	}
}

// TestOccurrences is about what counts as given, as repeated, and which value is read.
func TestOccurrences(t *testing.T) {
	p := scanned("state=&state=x&scope&nonce=%6E&client%5Fid=a", "client_id=b&state=y")
	for _, test := range []struct {
		name              Name
		seen, present, is bool
		value             string
	}{
		{State, true, true, true, "x"},
		{Scope, true, false, false, ""},
		{Nonce, true, true, false, "n"},
		{ClientID, true, true, false, "a"},
		{Code, false, false, false, ""},
	} {
		if p.Seen.Has(test.name) != test.seen || p.Present.Has(test.name) != test.present || p.Repeated.Has(test.name) != test.is || p.Get(test.name) != test.value {
			t.Errorf("%s: seen %v, present %v, repeated %v, value %q; want %+v", test.name,
				p.Seen.Has(test.name), p.Present.Has(test.name), p.Repeated.Has(test.name), p.Get(test.name), test)
		}
	}
	if !p.In[Query].Has(ClientID) || !p.In[Body].Has(ClientID) || p.In[Body].Has(Nonce) {
		t.Error("locations are mixed up")
	}
}

// TestIrrelevantNames are unknown to an endpoint: nothing folds into them, and they may repeat.
func TestIrrelevantNames(t *testing.T) {
	var p Parameters
	p.Scan("code=1&code=2&Code=3&scope=a", "", NamesOf(Scope), &DefaultLimits)
	if p.Repeated != 0 || p.Signs&FoldedName != 0 || p.Seen != NamesOf(Scope) {
		t.Errorf("repeated %b, signs %b, seen %b", p.Repeated, p.Signs, p.Seen)
	}
}

// TestReuse makes sure that nothing of an earlier request is left.
func TestReuse(t *testing.T) {
	var p Parameters
	p.Scan("scope=%61%61&Client_Id=1;", "state=%62", allNames, &DefaultLimits)
	if p.Get(Scope) != "aa" || p.Get(State) != "b" {
		t.Fatal("values are not decoded")
	}
	p.Scan("nonce=%63", "", allNames, &DefaultLimits)
	if p.Get(Scope) != "" || p.Get(Nonce) != "c" || p.Signs != 0 || p.Folded != [2]Names{} || len(p.List) != 1 {
		t.Errorf("something is left: %+v", p)
	}
}

// FuzzScan compares the scan with net/url, a parser that nobody here wrote: without a sign of doubt both read the same names and values in the same order.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=a+b%20c", "a=1;b=2", "a=%zz", "%63lient_id=x&client_id=y",
		"client.id=1&client_id[]=2&Client_Id=3&+client_id=4", "scope=%C3%A9&state=%C0%AF", "=v&&a&=", "x=%00&scope=%0d%0a", "\xef\xbb\xbfscope=1",
		"fields=id&access%5ftoken=a+b&access_token&a&access_token=c&access_tokens=d&xaccess_token=e&access_token%3D=f", "a&b&code=1&c&d&e&code&co%64e=%zz&Code=2&code%00=3",
	} {
		f.Add(seed, "")
		f.Add("", seed)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		var p Parameters
		p.Scan(query, body, allNames, &DefaultLimits)
		if p.Signs&Unread != 0 {
			return
		}
		type pair struct{ Name, Value string }
		var got [2][]pair
		for i := range p.List {
			item := &p.List[i]
			name := p.unescape(item.RawName)
			if item.Name != Unknown && item.Name.String() != name {
				t.Errorf("%q is recognised as %s", name, item.Name)
			}
			got[item.In] = append(got[item.In], pair{name, p.Value(item)})
		}
		for in, text := range [2]string{query, body} {
			if p.Signs&(MalformedEscape|Semicolon) != 0 {
				continue
			}
			var want []pair
			for part := range strings.SplitSeq(text, "&") {
				if part == "" {
					continue
				}
				values, err := url.ParseQuery(part)
				if err != nil {
					t.Fatalf("net/url refuses %q: %v; signs %b", part, err, p.Signs)
				}
				for name, value := range values {
					want = append(want, pair{name, value[0]})
				}
			}
			if diff := cmp.Diff(want, got[in]); diff != "" {
				t.Errorf("net/url reads something else (-net/url +scan):\n%s", diff)
			}
		}
		if p.Signs&Doubt == 0 {
			for i := range p.List {
				if value := p.Value(&p.List[i]); p.List[i].Name != Unknown && (!utf8.ValidString(value) || strings.ContainsAny(value, "\x00\r\n")) {
					t.Errorf("no sign, but the value is %q", value)
				}
			}
		}
		for _, name := range AllNames() {
			if p.Repeated.Has(name) != repeatedInOnePlace(&p, name) {
				t.Errorf("%s: repeated is %v", name, p.Repeated.Has(name))
			}
			if p.Seen.Has(name) || name == AccessToken {
				compareOnly(t, &p, query, body, name)
			}
		}
	})
}

// compareOnly looks for one parameter alone, and compares what is found with what was read.
func compareOnly(t *testing.T, read *Parameters, query, body string, name Name) {
	t.Helper()
	limits := DefaultLimits
	limits.Only = name
	var p Parameters
	p.Scan(query, body, NamesOf(name), &limits)
	type occurrence struct {
		In    Location
		Value string
	}
	list := func(p *Parameters) (all []occurrence) {
		for i := range p.List {
			if item := &p.List[i]; item.Name == name {
				all = append(all, occurrence{item.In, p.Value(item)})
			}
		}
		return all
	}
	if diff := cmp.Diff(list(read), list(&p)); diff != "" || len(list(&p)) != len(p.List) {
		t.Errorf("%s alone (-read +alone):\n%s", name, diff)
	}
	if p.Get(name) != read.Get(name) || p.Present.Has(name) != read.Present.Has(name) || p.Repeated.Has(name) != read.Repeated.Has(name) {
		t.Errorf("%s alone is %q, %v, %v, and %q, %v, %v among others", name, p.Get(name), p.Present, p.Repeated, read.Get(name), read.Present, read.Repeated)
	}
}

// TestOnlyBehindShortPairs looks for a parameter behind pairs of each length up to that of its name, so that it stands at each place among the bytes that are skipped at once.
func TestOnlyBehindShortPairs(t *testing.T) {
	limits := DefaultLimits
	limits.Only = AccessToken
	for pairs := range 20 {
		for length := range len("access_token") + 1 {
			before := strings.Repeat(strings.Repeat("a", length)+"&", pairs)
			for text, want := range map[string]int{"access_token=b": 1, "acces%73_token=b&c": 1, "access_tokens=b": 0, "xaccess_token=b": 0, "Access_token=b": 0} {
				var p Parameters
				p.Scan(before+text, "", NamesOf(AccessToken), &limits)
				if len(p.List) != want || p.Present.Has(AccessToken) != (want > 0) {
					t.Errorf("%q: %d parameters, want %d", before+text, len(p.List), want)
				}
			}
		}
	}
}

func repeatedInOnePlace(p *Parameters, name Name) bool {
	var count [2]int
	for i := range p.List {
		if p.List[i].Name == name {
			count[p.List[i].In]++
		}
	}
	return count[Query] > 1 || count[Body] > 1
}

// TestReplace: dropped names are as if they were not there, and added values are as if they had been read.
func TestReplace(t *testing.T) {
	relevant := NamesOf(State, Scope, ClientID, Resource)
	var p Parameters
	p.Scan("state=a&state=b&scope=x&client_id=app", "", relevant, &DefaultLimits)
	p.Drop(NamesOf(State, Scope))
	if p.Seen != NamesOf(ClientID) || p.Present != NamesOf(ClientID) || p.Repeated != 0 || p.Get(State) != "" || p.Get(ClientID) != "app" {
		t.Fatalf("after dropping: %+v", p)
	}
	if p.In[Query] != NamesOf(State, Scope, ClientID) {
		t.Errorf("where they stood is forgotten: %b", p.In[Query])
	}
	p.Add(State, "a+%41 b")
	p.Add(Scope, "")
	p.Add(Resource, "https://a/")
	p.Add(Resource, "https://b/")
	if p.Get(State) != "a+%41 b" || p.Get(Resource) != "https://a/" || p.Seen != relevant || p.Present != relevant&^NamesOf(Scope) || p.Repeated != 0 || p.Signs != 0 {
		t.Errorf("after adding: %+v", p)
	}
	for value, want := range map[string]Signs{"\u00e9": NonASCII, "a\n": Control, "\x7f": Control} {
		p.Scan("", "", relevant, &DefaultLimits)
		if p.Add(State, value); p.Signs != want {
			t.Errorf("%q: signs %b, want %b", value, p.Signs, want)
		}
	}
	p.Scan("state=c", "", relevant, &DefaultLimits)
	if p.Get(State) != "c" || p.Get(Resource) != "" {
		t.Errorf("after the next scan: %+v", p)
	}
}
