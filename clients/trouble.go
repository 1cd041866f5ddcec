package clients

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"sync"
	"time"
)

// use is a kind of use of an archive. A storage may allow some of them only.
type use int

const (
	locking use = iota
	beating
	storing
	reading
	watching
	uses
)

// troubles are why an archive cannot be used, by kind of use.
type troubles struct {
	mutex sync.Mutex
	texts [uses]string
}

// slowStorage is how long an exchange with a storage may take before that counts as trouble.
const slowStorage = 5 * time.Second

var errSlow = errors.New("clients storage: it is slow: reading or writing takes more than " + slowStorage.String())

// using notes how a use of the archive goes, while it goes on too.
func (l *Live) using(use use, action func() error) error {
	slow := time.AfterFunc(slowStorage, func() { l.note(use, errSlow) })
	err := action()
	switch late := !slow.Stop(); {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrOvertaken): // says nothing about the storage
	case err == nil && late:
		l.note(use, errSlow)
	default:
		l.note(use, err)
	}
	return err
}

// note notes how the last use of that kind went. Trouble of the same kind keeps the words that it had first.
func (l *Live) note(use use, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	t := &l.troubles
	t.mutex.Lock()
	if !sameTrouble(t.texts[use], text) {
		t.texts[use] = text
	}
	text = cmp.Or(t.texts[:]...)
	t.mutex.Unlock()
	if l.current.Load().state.StorageError != text {
		l.change(func(d *delivery) { d.state.StorageError = text })
	}
}

// numbers are what differs between errors of a storage that mean the same: versions, and names of temporary files.
var numbers = regexp.MustCompile(`[0-9A-Fa-f-]*[0-9][0-9A-Fa-f-]*`)

// sameTrouble reports whether two errors of a storage mean the same.
func sameTrouble(a, b string) bool {
	return a == b || numbers.ReplaceAllString(a, "#") == numbers.ReplaceAllString(b, "#")
}
