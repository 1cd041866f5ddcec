package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// User is a person with an account at an authorization server.
type User struct {
	Login, Password string
}

// settled is how long a page that asks for nothing gets to go on by itself, as one does whose script sends a form.
const settled = 2 * time.Second

// maxPages is more than any authorization server shows between a request and its answer.
const maxPages = 10

// What a person finds to do on a page.
const (
	wait    = "wait"
	pressed = "pressed"
	nothing = "nothing"
)

// next is a function that fills in the login form, if there is one, and presses the first submit button, once for each page.
const next = `(user => {
	if (document.readyState !== 'complete' || window.pressedByTest) return '` + wait + `';
	const password = document.querySelector('input[type=password]');
	if (password) {
		password.form.querySelector('input[name=login], input[name=username]').value = user.Login;
		password.value = user.Password;
	}
	const button = (password ? password.form : document).querySelector('button[type=submit], button:not([type]), input[type=submit]');
	if (!button) return '` + nothing + `';
	window.pressedByTest = true;
	button.click();
	return '` + pressed + `';
})`

// Authorize does what a person does whose browser an application sends to an authorization server: it opens the address, logs in,
// agrees, and returns the address, with query and fragment, with which the browser goes to the callback, whether anything listens
// there or not. Without a callback it goes on until a page asks for nothing, and returns the address of that page. The error tells
// what the person sees instead.
func (b *Tab) Authorize(address, callback string, user User) (string, error) {
	limited, cancel := context.WithTimeout(b.context, Patience)
	defer cancel()
	known := len(b.Requests())
	if err := chromedp.Do(limited, chromedp.Navigate(address)); err != nil {
		if final, found := b.at(callback, known); found {
			return final, nil
		}
		return "", fmt.Errorf("opening %s: %w", address, err)
	}
	return b.goOn(limited, callback, known, user)
}

// Login fills in the login form on the page and goes on as Authorize does.
func (b *Tab) Login(callback string, user User) (string, error) {
	limited, cancel := context.WithTimeout(b.context, Patience)
	defer cancel()
	return b.goOn(limited, callback, len(b.Requests()), user)
}

// goOn fills in and presses until the browser goes to the callback.
func (b *Tab) goOn(ctx context.Context, callback string, known int, user User) (string, error) {
	person, err := json.Marshal(user)
	if err != nil {
		return "", err
	}
	pages, busy := 0, time.Now()
	for ; ctx.Err() == nil; time.Sleep(pause) {
		if final, found := b.at(callback, known); found {
			return final, nil
		}
		// An exception means that the page is going away.
		todo, err := evaluate[string](ctx, next+"("+string(person)+")")
		switch {
		case err == nil && todo == nothing && time.Since(busy) > settled:
			return b.stopped(ctx, callback)
		case err != nil || todo != nothing:
			busy = time.Now()
		}
		if todo == pressed {
			pages++
		}
		if pages > maxPages {
			_, err := b.stopped(ctx, callback)
			return "", errors.Join(errors.New("the server asks again and again"), err)
		}
	}
	return "", errors.Join(errors.New("a page did not go on"), ctx.Err())
}

// at returns the address of the first page request to the callback among those after the known ones.
func (b *Tab) at(callback string, known int) (string, bool) {
	if callback == "" {
		return "", false
	}
	for _, request := range b.Requests()[known:] {
		rest, found := strings.CutPrefix(request.URL, callback)
		if found && request.Page && (rest == "" || rest[0] == '?' || rest[0] == '#') {
			return request.URL, true
		}
	}
	return "", false
}

// stopped is the end at a page that asks for nothing.
func (b *Tab) stopped(ctx context.Context, callback string) (string, error) {
	address, err := evaluate[string](ctx, `location.href`)
	if err != nil || callback == "" {
		return address, err
	}
	text, err := evaluate[string](ctx, `document.body.innerText.slice(0, 500)`)
	return "", errors.Join(fmt.Errorf("the browser stopped at %s: %s", address, strings.TrimSpace(text)), err)
}
