package hubtest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (c *call) register() {
	if !c.config.OpenRegistration || !c.known {
		if !c.allowed() {
			return
		}
		if c.permission != Write {
			fail(c.w, http.StatusForbidden, "Requester may not create services")
			return
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var service Service
	if !c.body(&service) {
		return
	}
	if service.Name == "" {
		fail(c.w, http.StatusBadRequest, "name is required")
		return
	}
	service.ID, service.Key = cmp.Or(service.ID, uuid()), cmp.Or(service.Key, uuid())
	if c.index[service.ID] != nil {
		fail(c.w, http.StatusBadRequest, "a service with this id exists already")
		return
	}
	if c.permission != Write {
		service.Trusted = false
	}
	c.object(c.add(service).object(c.config.OmitEmpty))
}

// update changes what the body names.
func (c *call) update(service *Service) {
	changed := *service
	if !c.body(&changed) {
		return
	}
	changed.ID = service.ID
	*service = changed
	c.changed = time.Now()
	c.object(service.object(c.config.OmitEmpty))
}

func (c *call) untrustedList(service *Service) {
	list := []any{}
	for i := range service.UntrustedRedirectURIs {
		list = append(list, service.UntrustedRedirectURIs[i].object())
	}
	write(c.w, http.StatusOK, marshal(map[string]any{"type": "UntrustedredirecturisPage", "skip": 0, "top": 100, "total": len(list), "untrustedredirecturis": list}))
}

func (c *call) untrustedGet(service *Service) {
	if i := slices.IndexFunc(service.UntrustedRedirectURIs, func(u UntrustedRedirectURI) bool { return u.ID == c.sub }); i >= 0 {
		c.object(service.UntrustedRedirectURIs[i].object())
		return
	}
	fail(c.w, http.StatusNotFound, "Untrusted redirect URI with id "+c.sub+" not found")
}

func (c *call) untrustedAdd(service *Service) {
	var uri UntrustedRedirectURI
	if !c.body(&uri) {
		return
	}
	if uri.RedirectURI == "" {
		fail(c.w, http.StatusBadRequest, "redirectURI is required")
		return
	}
	uri.ID = uuid()
	service.UntrustedRedirectURIs = append(service.UntrustedRedirectURIs, uri)
	c.object(uri.object())
}

// untrustedVote is what an administrator does on the settings page of a service.
func (c *call) untrustedVote(service *Service) {
	i := slices.IndexFunc(service.UntrustedRedirectURIs, func(u UntrustedRedirectURI) bool { return u.ID == c.sub })
	if i < 0 {
		fail(c.w, http.StatusNotFound, "Untrusted redirect URI with id "+c.sub+" not found")
		return
	}
	if strings.HasSuffix(c.r.URL.Path, "/accept") {
		service.RedirectURIs = append(slices.Clone(service.RedirectURIs), service.UntrustedRedirectURIs[i].RedirectURI)
		c.changed = time.Now()
	}
	service.UntrustedRedirectURIs = slices.Delete(slices.Clone(service.UntrustedRedirectURIs), i, i+1)
	c.w.WriteHeader(http.StatusOK)
}
