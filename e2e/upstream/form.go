package upstream

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// form is a form of a page as a browser would submit it.
type form struct {
	action, method string
	fields         url.Values
}

// firstForm finds the form that the first button of a page submits, without scripts. It is nil if there is no button.
func firstForm(page string) (*form, error) {
	document, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		return nil, err
	}
	var forms, controls []*html.Node
	var visit func(node *html.Node)
	visit = func(node *html.Node) {
		switch node.DataAtom {
		case atom.Form:
			forms = append(forms, node)
		case atom.Input, atom.Button:
			controls = append(controls, node)
		}
		for child := range node.ChildNodes() {
			visit(child)
		}
	}
	visit(document)
	button := slices.IndexFunc(controls, submits)
	if button < 0 {
		return nil, nil
	}
	owner := ownerOf(controls[button], forms)
	if owner == nil {
		return nil, nil
	}
	result := &form{action: attribute(owner, "action"), method: http.MethodGet, fields: url.Values{}}
	if strings.EqualFold(attribute(owner, "method"), http.MethodPost) {
		result.method = http.MethodPost
	}
	for i, control := range controls {
		name := attribute(control, "name")
		if name != "" && ownerOf(control, forms) == owner && (i == button || sends(control)) {
			result.fields.Add(name, attribute(control, "value"))
		}
	}
	return result, nil
}

// submits says whether a control is a button that submits its form.
func submits(control *html.Node) bool {
	kind := strings.ToLower(attribute(control, "type"))
	if control.DataAtom == atom.Button {
		return kind == "" || kind == "submit"
	}
	return kind == "submit"
}

// sends says whether a control is sent whatever button is pressed.
func sends(control *html.Node) bool {
	if control.DataAtom == atom.Button {
		return false
	}
	switch strings.ToLower(attribute(control, "type")) {
	case "submit", "button", "image", "reset", "file":
		return false
	case "checkbox", "radio":
		return slices.ContainsFunc(control.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
	}
	return true
}

// ownerOf is the form that a control belongs to: the one that it names, or the one around it.
func ownerOf(control *html.Node, forms []*html.Node) *html.Node {
	if id := attribute(control, "form"); id != "" {
		for _, form := range forms {
			if attribute(form, "id") == id {
				return form
			}
		}
		return nil
	}
	for node := range control.Ancestors() {
		if node.DataAtom == atom.Form {
			return node
		}
	}
	return nil
}

// attribute is the value of an attribute, or empty.
func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
