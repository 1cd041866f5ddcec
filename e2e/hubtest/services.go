package hubtest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Service is a service of the registry, with the names of Hub's REST API.
type Service struct {
	ID              string   `json:"id"`
	Key             string   `json:"key,omitempty"`
	Name            string   `json:"name,omitempty"`
	AliasIDs        []string `json:"aliasIds,omitempty"`
	Aliases         []Alias  `json:"aliases,omitempty"`
	HomeURL         string   `json:"homeUrl,omitempty"`
	BaseURLs        []string `json:"baseUrls,omitempty"`
	RedirectURIs    []string `json:"redirectUris,omitempty"`
	ApplicationName string   `json:"applicationName,omitempty"`
	Vendor          string   `json:"vendor,omitempty"`
	Version         string   `json:"version,omitempty"`
	IconURL         string   `json:"iconUrl,omitempty"`
	Trusted         bool     `json:"trusted,omitempty"`
	Secret          string   `json:"secret,omitempty"`

	UntrustedRedirectURIs []UntrustedRedirectURI `json:"untrustedRedirectUris,omitempty"`

	// Restricted hides the service from tokens with [ReadSome]. Hub has no member of that name.
	Restricted bool `json:"restricted,omitempty"`
}

// Alias is a former ID.
type Alias struct {
	ID     string `json:"id"`
	Action string `json:"action,omitempty"`
}

// UntrustedRedirectURI is a redirect URI that an administrator has not decided about.
type UntrustedRedirectURI struct {
	ID          string `json:"id"`
	RedirectURI string `json:"redirectURI"`
	TriedFrom   string `json:"triedFrom,omitempty"`
	TriedAt     string `json:"triedAt,omitempty"`
}

// DefaultServices are those of a fresh YouTrack with its built-in Hub.
func DefaultServices() []Service {
	return []Service{
		{ID: "0-0-0-0-0", Key: "jetbrains-hub-service", Name: "YouTrack Administration", HomeURL: "https://youtrack.example.com/hub", ApplicationName: "Hub", Vendor: "JetBrains", Version: "2026.2.52366", Trusted: true},
		{ID: "3fabcba6-15ff-405c-a050-ca52717d12eb", Key: "3fabcba6-15ff-405c-a050-ca52717d12eb", Name: "YouTrack", HomeURL: "https://youtrack.example.com", BaseURLs: []string{"http://10.0.0.5:8080"},
			RedirectURIs: []string{"", "/oauth", "/oauth?v2", "/admin/hub"}, ApplicationName: "YouTrack", Vendor: "JetBrains", Version: "2026.2.18194", Trusted: true},
		{ID: "db648fea-ba29-4757-899c-fe27c34e9473", Key: "bad65d9b-3588-4e76-8f12-6146a85db8c7", Name: "Konnector", HomeURL: "https://konnector.services.jetbrains.com", ApplicationName: "Konnector", Vendor: "JetBrains", Version: "2026.2.18194", Trusted: true},
		{ID: "92974ff4-3089-4a94-a38b-f9f3b1ca66f8", Key: "a715473a-8148-499e-8fb4-ac21fb464003", Name: "YouTrack Mobile", RedirectURIs: []string{"ytoauth://landing.url"}, ApplicationName: "YouTrack Mobile", Vendor: "JetBrains", Version: "2026.2.18194"},
	}
}

// Generated is the i-th made-up service. Its ID is that of [GeneratedID]; its redirect URIs are https://app-i.example.com/callback and, relative to its home, /oauth. Every second
// one is trusted.
func Generated(i int) Service {
	return Service{
		ID: GeneratedID(i), Key: fmt.Sprintf("key-%d", i), Name: fmt.Sprintf("Generated %d", i),
		HomeURL: fmt.Sprintf("https://app-%d.example.com", i), BaseURLs: []string{},
		RedirectURIs: []string{fmt.Sprintf("https://app-%d.example.com/callback", i), "/oauth"}, Trusted: i%2 == 0,
	}
}

// GeneratedID is the ID of the i-th made-up service.
func GeneratedID(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i) }

// AddServices adds services behind the others, or replaces those of the same ID.
func (s *Server) AddServices(services ...Service) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for i := range services {
		s.add(services[i])
	}
}

func (s *Server) add(service Service) *Service {
	service.Secret = cmp.Or(service.Secret, PlantedSecret+service.ID)
	s.changed = time.Now()
	if old := s.index[service.ID]; old != nil {
		*old = service
		return old
	}
	s.services = append(s.services, &service)
	s.index[service.ID] = &service
	return &service
}

// RemoveService removes a service, and reports whether there was one.
func (s *Server) RemoveService(id string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.remove(id)
}

func (s *Server) remove(id string) bool {
	if s.index[id] == nil {
		return false
	}
	delete(s.index, id)
	s.services = slices.DeleteFunc(s.services, func(service *Service) bool { return service.ID == id })
	s.changed = time.Now()
	return true
}

// Service returns a copy of a service.
func (s *Server) Service(id string) (Service, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	service := s.index[id]
	if service == nil {
		return Service{}, false
	}
	return *service, true
}

// find looks for a service by ID and alias.
func (s *Server) find(id string) *Service {
	if service := s.index[id]; service != nil {
		return service
	}
	for _, service := range s.services {
		if slices.Contains(service.AliasIDs, id) || slices.ContainsFunc(service.Aliases, func(a Alias) bool { return a.ID == id }) {
			return service
		}
	}
	return nil
}

// object is the service as Hub sends it, before fields are chosen.
func (service *Service) object(omitEmpty bool) map[string]any {
	object := map[string]any{"type": "service", "id": service.ID, "trusted": service.Trusted, "secret": service.Secret}
	for name, text := range map[string]string{
		"key": service.Key, "name": service.Name, "homeUrl": service.HomeURL, "applicationName": service.ApplicationName,
		"vendor": service.Vendor, "version": service.Version, "iconUrl": service.IconURL,
	} {
		if text != "" {
			object[name] = text
		}
	}
	lists := map[string][]any{"aliases": {}, "untrustedRedirectUris": {}}
	for name, texts := range map[string][]string{"aliasIds": service.AliasIDs, "baseUrls": service.BaseURLs, "redirectUris": service.RedirectURIs} {
		lists[name] = []any{}
		for _, text := range texts {
			lists[name] = append(lists[name], text)
		}
	}
	for _, alias := range service.Aliases {
		lists["aliases"] = append(lists["aliases"], map[string]any{"type": "alias", "id": alias.ID, "action": alias.Action})
	}
	for _, uri := range service.UntrustedRedirectURIs {
		lists["untrustedRedirectUris"] = append(lists["untrustedRedirectUris"], uri.object())
	}
	for name, list := range lists {
		if len(list) > 0 || !omitEmpty {
			object[name] = list
		}
	}
	return object
}

func (u *UntrustedRedirectURI) object() map[string]any {
	return map[string]any{"type": "untrustedRedirectURI", "id": u.ID, "redirectURI": u.RedirectURI, "triedFrom": u.TriedFrom, "triedAt": u.TriedAt}
}

// order sorts services by one of Hub's fields, as in "name:desc". Equal ones stay as they were.
func order(services []*Service, by string) error {
	field, direction, _ := strings.Cut(strings.ToLower(by), ":")
	keys := map[string]func(*Service) string{
		"id": func(s *Service) string { return s.ID }, "key": func(s *Service) string { return s.Key }, "name": func(s *Service) string { return strings.ToLower(s.Name) },
	}
	key := keys[field]
	if key == nil || direction != "" && direction != "asc" && direction != "desc" {
		return fmt.Errorf("can't order by %q", by)
	}
	slices.SortStableFunc(services, func(a, b *Service) int {
		if direction == "desc" {
			a, b = b, a
		}
		return cmp.Compare(key(a), key(b))
	})
	return nil
}

// filter understands the simple queries: "id: x", "name: {x y}", "is: trusted", "has: redirectUri", several of them with "and".
func filter(services []*Service, query string) ([]*Service, error) {
	for rest := strings.TrimSpace(query); rest != ""; {
		field, value, found := strings.Cut(rest, ":")
		if !found {
			return nil, fmt.Errorf("can't parse the query %q", query)
		}
		value = strings.TrimSpace(value)
		if inner, braced := strings.CutPrefix(value, "{"); braced {
			value, rest, found = strings.Cut(inner, "}")
		} else {
			value, rest, _ = strings.Cut(value, " ")
		}
		rest = strings.TrimSpace(rest)
		if more, and := strings.CutPrefix(rest, "and "); and {
			rest = strings.TrimSpace(more)
		} else if rest != "" {
			found = false
		}
		matches := matcher(strings.TrimSpace(field), value)
		if !found || matches == nil {
			return nil, fmt.Errorf("can't parse the query %q", query)
		}
		services = slices.DeleteFunc(slices.Clone(services), func(s *Service) bool { return !matches(s) })
	}
	return services, nil
}

// matcher is nil for what the stand-in does not understand.
func matcher(field, value string) func(*Service) bool {
	switch field {
	case "id":
		return func(s *Service) bool { return s.ID == value }
	case "key":
		return func(s *Service) bool { return s.Key == value }
	case "name":
		return func(s *Service) bool { return strings.EqualFold(s.Name, value) }
	case "homeUrl":
		return func(s *Service) bool { return s.HomeURL == value }
	case "baseUrl":
		return func(s *Service) bool { return slices.Contains(s.BaseURLs, value) }
	case "redirectUri":
		return func(s *Service) bool { return slices.Contains(s.RedirectURIs, value) }
	case "applicationName":
		return func(s *Service) bool { return s.ApplicationName == value }
	case "is":
		if value == "trusted" {
			return func(s *Service) bool { return s.Trusted }
		}
	case "has":
		switch value {
		case "homeUrl":
			return func(s *Service) bool { return s.HomeURL != "" }
		case "baseUrl":
			return func(s *Service) bool { return len(s.BaseURLs) > 0 }
		case "redirectUri":
			return func(s *Service) bool { return len(s.RedirectURIs) > 0 }
		}
	}
	return nil
}
