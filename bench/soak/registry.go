package soak

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// registry is who is registered: many clients that stay, and in each generation others that come and go.
type registry struct {
	stable int

	mutex      sync.Mutex
	generation int
	inForce    bool
}

// stableID is the identifier of a client that stays.
func stableID(number int) string { return fmt.Sprintf("client-%06d", number) }

// passingID is the identifier of a client of one generation.
func passingID(generation, number int) string {
	return fmt.Sprintf("generation-%d-%d", generation, number)
}

// redirectURI is the one of a client.
func redirectURI(id string) string { return "https://" + id + ".example/oauth2/callback" }

// clients are those of a generation.
func (r *registry) clients(generation int) []peers.Client {
	clients := make([]peers.Client, 0, r.stable+r.stable/10+1)
	add := func(id string) {
		clients = append(clients, peers.Client{ID: id, RedirectURIs: []string{redirectURI(id)}, Method: "client_secret_basic"})
	}
	for number := range r.stable {
		add(stableID(number))
	}
	for number := range r.stable/10 + 1 {
		add(passingID(generation, number))
	}
	return clients
}

// swap replaces the file by the clients of the next generation, at once as a whole.
func (r *registry) swap(file string) error {
	generation, _ := r.passing()
	text, err := json.Marshal(r.clients(generation + 1))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	r.generation, r.inForce = generation+1, false
	return nil
}

// settle is told that the guard knows the current generation. From now on it must not forget it again.
func (r *registry) settle() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.inForce = true
}

// passing is the current generation, and whether it must be in force.
func (r *registry) passing() (generation int, inForce bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.generation, r.inForce
}
