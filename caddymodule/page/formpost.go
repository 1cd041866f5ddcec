package page

import (
	"bytes"
	"html"
	"html/template"
	"net/http"
)

// submitScript is the only script that OAuth Guard ever sends. Its hash stands in the policy of the page.
const submitScript = "document.forms[0].submit()"

// formPostPolicy is the Content-Security-Policy of the form post page.
//
// It has no frame-ancestors, because silent requests run in an iframe of the application. It has no form-action either: Chromium
// applies that directive to every redirect that follows the post, so it would cut off each application that answers the post
// with a redirect to another origin or into an app. It would protect nothing here, since the document has only one form, which
// is complete before the policy applies, and nothing in it comes from the request unescaped.
var formPostPolicy = "default-src 'none'; style-src " + hashSource(styleSource) + "; script-src " + hashSource(submitScript) +
	"; base-uri 'none'"

// formPostData is what the template of the form post page sees.
type formPostData struct {
	// Action is the whole attribute, because the template package would replace the value: it drops schemes that it does not know,
	// and applications on phones and desktops have schemes of their own.
	Action template.HTMLAttr
	// Parameters are pairs of name and value.
	Parameters [][2]string
}

// WriteFormPost answers with the page of OAuth 2.0 Form Post Response Mode: a form that posts the parameters, pairs of name and
// value, to the redirect URI, by itself or, in a browser without scripts, when the person presses the button.
//
// The URI must be registered for the client and its scheme must not be one that runs scripts: it is escaped, but not judged.
// Names and values must be valid UTF-8. They arrive as they are, except that every browser turns a line break into CR LF.
func WriteFormPost(w http.ResponseWriter, uri string, parameters [][2]string) {
	var body bytes.Buffer
	data := formPostData{
		Action:     template.HTMLAttr(`action="` + html.EscapeString(uri) + `"`),
		Parameters: parameters,
	}
	if err := formPost.Execute(&body, data); err != nil {
		// Cannot happen: the tests render the page with every kind of value.
		http.Error(w, "The answer could not be written.", http.StatusInternalServerError)
		return
	}
	setHeaders(w.Header(), formPostPolicy)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body.Bytes())
}
