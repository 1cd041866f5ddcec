package rule

import (
	"slices"
	"strings"
)

// Words iterates over the space-separated words of a value, such as a scope.
func Words(value string, yield func(string) bool) {
	for value != "" {
		word := value
		if end := strings.IndexByte(value, ' '); end >= 0 {
			word, value = value[:end], value[end+1:]
		} else {
			value = ""
		}
		if word != "" && !yield(word) {
			return
		}
	}
}

// HasWord reports whether a space-separated value holds the word.
func HasWord(value, word string) bool {
	for rest := value; ; {
		at := strings.Index(rest, word)
		if at < 0 || word == "" {
			return false
		}
		end := at + len(word)
		if (at == 0 || rest[at-1] == ' ') && (end == len(rest) || rest[end] == ' ') {
			return true
		}
		rest = rest[end:]
		if rest == "" || rest[0] != ' ' {
			// The next word begins behind a blank.
			blank := strings.IndexByte(rest, ' ')
			if blank < 0 {
				return false
			}
			rest = rest[blank:]
		}
	}
}

// maxSameWords is the length in bytes up to which lists of words are compared in any order. The longest response type that a standard knows has 19.
const maxSameWords = 256

// SameWords reports whether two lists hold the same words in any order. Of lists of more than 256 bytes it only finds those that are written alike.
func SameWords(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > maxSameWords || len(b) > maxSameWords {
		return false
	}
	wordsA, wordsB := strings.Fields(a), strings.Fields(b)
	slices.Sort(wordsA)
	slices.Sort(wordsB)
	return slices.Equal(wordsA, wordsB)
}
