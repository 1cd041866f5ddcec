package message

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
)

// FromCurl makes the request that a command line of curl sends, without files and what curl remembers of earlier ones.
func FromCurl(line string) (*Message, error) {
	words, err := shellWords(line)
	if err != nil {
		return nil, err
	}
	if len(words) > 0 && words[0] == "curl" {
		words = words[1:]
	}
	c := curl{seen: make(map[string]bool)}
	for len(words) > 0 {
		if words, err = c.option(words); err != nil {
			return nil, err
		}
	}
	return c.message()
}

// curl is what a command line says.
type curl struct {
	address, method string
	fields          []string
	seen            map[string]bool
	data            []string
	get, head       bool
}

// The options of curl that change nothing about the request, with and without a value.
var (
	curlIgnored = words("-s --silent -S --show-error -k --insecure -L --location -v --verbose -i --include -f --fail --compressed -# --progress-bar --http1.1 --http2 --http3 -4 -6 -N --no-buffer -g --globoff --path-as-is")
	curlSkipped = words("-o --output -m --max-time --connect-timeout --retry -w --write-out --cacert --resolve --connect-to -x --proxy -D --dump-header")
	curlValues  = words("-X --request -H --header -d --data --data-raw --data-ascii --data-binary --data-urlencode --json -u --user -A --user-agent -e --referer -b --cookie --url --oauth2-bearer")
)

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

// option reads one option or address, and returns the words behind it.
func (c *curl) option(list []string) ([]string, error) {
	word, rest := list[0], list[1:]
	if !strings.HasPrefix(word, "-") || word == "-" {
		return rest, c.url(word)
	}
	name, value, attached := word, "", false
	if strings.HasPrefix(word, "--") {
		name, value, attached = strings.Cut(word, "=")
	} else if len(word) > 2 {
		name, value = word[:2], word[2:]
		if curlIgnored[name] {
			return append([]string{"-" + value}, rest...), nil // several letters in one word
		}
		attached = true
	}
	switch {
	case name == "-G" || name == "--get":
		c.get = true
		return rest, nil
	case name == "-I" || name == "--head":
		c.head = true
		return rest, nil
	case curlIgnored[name]:
		return rest, nil
	case !curlValues[name] && !curlSkipped[name]:
		return nil, fmt.Errorf("curl: the option %s is not understood here: leave it out, or write the request down as text", redact.Text(name, 40))
	}
	if !attached {
		if len(rest) == 0 {
			return nil, fmt.Errorf("curl: the option %s needs a value", name)
		}
		value, rest = rest[0], rest[1:]
	}
	if curlSkipped[name] {
		return rest, nil
	}
	return rest, c.set(name, value)
}

// set does what an option with a value says.
func (c *curl) set(name, value string) error {
	switch name {
	case "-X", "--request":
		c.method = value
	case "-H", "--header":
		field, content, found := strings.Cut(value, ":")
		if !found { // not shown: it may be a credential
			return errors.New("curl: a header has no colon between its name and its value")
		}
		c.seen[strings.ToLower(field)] = true
		if strings.TrimSpace(content) != "" {
			c.fields = append(c.fields, field+":"+content)
		}
	case "-u", "--user":
		c.fields = append(c.fields, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(value)))
	case "--oauth2-bearer":
		c.fields = append(c.fields, "Authorization: Bearer "+value)
	case "-A", "--user-agent":
		c.fields = append(c.fields, "User-Agent: "+value)
	case "-e", "--referer":
		c.fields = append(c.fields, "Referer: "+value)
	case "-b", "--cookie":
		c.fields = append(c.fields, "Cookie: "+value)
	case "--url":
		return c.url(value)
	case "--json":
		for field, content := range map[string]string{"Content-Type": "application/json", "Accept": "application/json"} {
			if !c.seen[strings.ToLower(field)] {
				c.seen[strings.ToLower(field)] = true
				c.fields = append(c.fields, field+": "+content)
			}
		}
		c.data = append(c.data, value)
	case "--data-urlencode":
		key, content, found := strings.Cut(value, "=")
		if !found {
			if strings.Contains(value, "@") {
				return errFile
			}
			key, content = "", value
		}
		if key != "" {
			key += "="
		}
		c.data = append(c.data, key+strings.ReplaceAll(url.QueryEscape(content), "+", "%20"))
	default:
		if name != "--data-raw" && strings.HasPrefix(value, "@") {
			return errFile
		}
		c.data = append(c.data, value)
	}
	return nil
}

var errFile = errors.New("curl: the data is in a file: put its content in place of the file's name")

func (c *curl) url(word string) error {
	if c.address != "" {
		return errors.New("curl: more than one URL: judge one request at a time")
	}
	c.address = word
	if !strings.Contains(word, "://") {
		c.address = "http://" + word // as curl guesses
	}
	return nil
}

// message is the request that curl sends.
func (c *curl) message() (*Message, error) {
	if c.address == "" {
		return nil, errors.New("curl: there is no URL")
	}
	address, _, _ := strings.Cut(c.address, "#")
	scheme, host, target, err := splitURL(address)
	if err != nil {
		return nil, fmt.Errorf("curl: %w", err)
	}
	body := strings.Join(c.data, "&")
	method := c.method
	switch {
	case c.get && body != "":
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target, body = target+separator+body, ""
	case method == "" && c.head:
		method = "HEAD"
	case method == "" && len(c.data) > 0:
		method = "POST"
	}
	if method == "" {
		method = "GET"
	}
	head := flat(method+" "+target) + " HTTP/1.1\r\n"
	if !c.seen["host"] {
		head += "Host: " + flat(host) + "\r\n"
	}
	if len(c.data) > 0 && !c.get {
		if !c.seen["content-type"] {
			head += "Content-Type: application/x-www-form-urlencoded\r\n"
		}
		if !c.seen["content-length"] {
			head += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
		}
	}
	for _, field := range c.fields {
		head += flat(field) + "\r\n"
	}
	return parse([]byte(head+"\r\n"+body), scheme)
}

// shellWords splits a command line as a POSIX shell does, without expanding anything.
func shellWords(line string) ([]string, error) {
	var list []string
	var word strings.Builder
	begun := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'' || c == '$' && i+1 < len(line) && line[i+1] == '\'':
			begun = true
			ansi := c == '$'
			if ansi {
				i++
			}
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				return nil, errors.New("curl: a single quote is not closed")
			}
			text := line[i+1 : i+1+end]
			if ansi && strings.Contains(text, "\\") {
				return nil, errors.New("curl: $'…' with escapes is not understood here: write the characters themselves")
			}
			word.WriteString(text)
			i += end + 1
		case c == '"':
			begun = true
			for i++; ; i++ {
				if i >= len(line) {
					return nil, errors.New("curl: a double quote is not closed")
				}
				if line[i] == '"' {
					break
				}
				if line[i] == '\\' && i+1 < len(line) && strings.IndexByte("\"\\$`\n", line[i+1]) >= 0 {
					i++
					if line[i] == '\n' {
						continue
					}
				}
				word.WriteByte(line[i])
			}
		case c == '\\' && i+1 < len(line):
			i++
			if line[i] == '\r' && i+1 < len(line) && line[i+1] == '\n' {
				i++
			}
			if line[i] != '\n' {
				begun = true
				word.WriteByte(line[i])
			}
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if begun {
				list = append(list, word.String())
				word.Reset()
				begun = false
			}
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	if begun {
		list = append(list, word.String())
	}
	return list, nil
}
