package parsers

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGenerate expects the same request of the same number, and different ones otherwise.
func TestGenerate(t *testing.T) {
	seen := map[string]bool{}
	const count = 500
	for number := range uint64(count) {
		request, again := Generate(7, number), Generate(7, number)
		if request.Message() != again.Message() {
			t.Fatalf("request %d differs from itself", number)
		}
		seen[request.Message()] = true
	}
	if len(seen) < count*9/10 {
		t.Errorf("only %d of %d requests are different", len(seen), count)
	}
}

// TestValid expects that what oddities are done to is valid.
func TestValid(t *testing.T) {
	guard, err := NewGuard()
	if err != nil {
		t.Fatal(err)
	}
	const count, most = 2000, 40 // a text of random characters may lack what a rule asks for
	refused := map[string]int{}
	for number := range uint64(count) {
		request := generator{rand.New(rand.NewPCG(3, number))}.valid()
		forwarded, err := Forward(request.Message())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range guard.Judge(forwarded).Rules {
			refused[id]++
		}
	}
	for id, n := range refused {
		if n > most {
			t.Errorf("%s refuses %d of %d valid requests", id, n, count)
		}
	}
}

func TestMinimise(t *testing.T) {
	request := Request{Method: "POST", Path: tokenPath, Query: []string{"a=1", "b=2"}, Body: []string{"c=3", "d=4", "e=5"}, Header: []Field{{"X", "1"}, {"Y", "2"}}}
	small := Minimise(request, func(r Request) bool {
		return slices.Contains(r.Query, "b=2") && slices.Contains(r.Body, "d=4") && slices.Contains(r.Header, Field{"Y", "2"})
	})
	if len(small.Query) != 1 || len(small.Body) != 1 || len(small.Header) != 1 || len(request.Body) != 3 {
		t.Errorf("%+v of %+v", small, request)
	}
}
