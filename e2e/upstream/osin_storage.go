package upstream

import (
	"strings"
	"sync"

	"github.com/openshift/osin"
)

// osinSeparator stands between the redirect URIs of a client.
const osinSeparator = " "

// OsinStorage keeps clients, codes and tokens in memory, which osin leaves to its user. It implements [osin.Storage].
type OsinStorage struct {
	clients map[string]osin.Client

	mutex   sync.Mutex
	codes   map[string]*osin.AuthorizeData
	access  map[string]*osin.AccessData
	refresh map[string]*osin.AccessData
}

// NewOsinStorage knows the clients.
func NewOsinStorage(clients []Client) *OsinStorage {
	s := &OsinStorage{clients: map[string]osin.Client{}}
	for _, client := range clients {
		if len(client.RedirectURIs) == 0 {
			// To osin, a client without a redirect URI has no rights, not even one that needs none.
			client.RedirectURIs = []string{"https://client.invalid/"}
		}
		s.clients[client.ID] = &osin.DefaultClient{
			Id: client.ID, Secret: client.Secret, RedirectUri: strings.Join(client.RedirectURIs, osinSeparator),
		}
	}
	s.Reset()
	return s
}

// Reset forgets codes and tokens.
func (s *OsinStorage) Reset() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.codes, s.access, s.refresh = map[string]*osin.AuthorizeData{}, map[string]*osin.AccessData{}, map[string]*osin.AccessData{}
}

// load looks a value up.
func load[V any](s *OsinStorage, values map[string]V, key string) (V, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, found := values[key]
	if !found {
		return value, osin.ErrNotFound
	}
	return value, nil
}

// remove deletes a value.
func remove[V any](s *OsinStorage, values map[string]V, key string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(values, key)
	return nil
}

// Clone implements [osin.Storage].
func (s *OsinStorage) Clone() osin.Storage { return s }

// Close implements [osin.Storage].
func (s *OsinStorage) Close() {}

// GetClient implements [osin.Storage].
func (s *OsinStorage) GetClient(id string) (osin.Client, error) { return load(s, s.clients, id) }

// SaveAuthorize implements [osin.Storage].
func (s *OsinStorage) SaveAuthorize(data *osin.AuthorizeData) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.codes[data.Code] = data
	return nil
}

// LoadAuthorize implements [osin.Storage].
func (s *OsinStorage) LoadAuthorize(code string) (*osin.AuthorizeData, error) {
	return load(s, s.codes, code)
}

// RemoveAuthorize implements [osin.Storage].
func (s *OsinStorage) RemoveAuthorize(code string) error { return remove(s, s.codes, code) }

// SaveAccess implements [osin.Storage].
func (s *OsinStorage) SaveAccess(data *osin.AccessData) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.access[data.AccessToken] = data
	if data.RefreshToken != "" {
		s.refresh[data.RefreshToken] = data
	}
	return nil
}

// LoadAccess implements [osin.Storage].
func (s *OsinStorage) LoadAccess(token string) (*osin.AccessData, error) {
	return load(s, s.access, token)
}

// RemoveAccess implements [osin.Storage].
func (s *OsinStorage) RemoveAccess(token string) error { return remove(s, s.access, token) }

// LoadRefresh implements [osin.Storage].
func (s *OsinStorage) LoadRefresh(token string) (*osin.AccessData, error) {
	return load(s, s.refresh, token)
}

// RemoveRefresh implements [osin.Storage].
func (s *OsinStorage) RemoveRefresh(token string) error { return remove(s, s.refresh, token) }
