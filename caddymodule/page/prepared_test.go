package page

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestPrepared: a prepared page is byte for byte the one that the template makes, whatever is filled in.
func TestPrepared(t *testing.T) {
	text := rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[a-z<>&"'+\x00\n{}]{1,12}`), rapid.SampledFrom([]string{
		mark, mark + "a", marks[timeForPeople], marks[timeForMachines], "</bdi><script>", "a.example:8443", "\xFF", "{{.Host}}", "\u202ex"}))
	rule := rapid.SampledFrom([]string{"", "authorize.redirect_uri.unregistered", "a<b", mark})
	url := rapid.SampledFrom([]string{"", "https://docs.example/rules#x.y", "javascript:alert(1)", "https://a.example/?b=c&d='"})
	var p prepared
	rapid.Check(t, func(t *rapid.T) {
		data := Data{
			Status: 400, Error: rapid.SampledFrom([]string{"invalid_request", "unauthorized_client"}).Draw(t, "error"), Description: rule.Draw(t, "description"), Rule: rule.Draw(t, "rule"),
			RuleURL: url.Draw(t, "url"), Parameter: rule.Draw(t, "parameter"), RequestID: text.Draw(t, "request"), ClientID: text.Draw(t, "client"), ClientName: text.Draw(t, "name"), Host: text.Draw(t, "host"),
		}.clean()
		if rapid.Bool().Draw(t, "timed") {
			data.Time = time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "time"), 0)
		}
		want, err := builtIn.render(data)
		if err != nil {
			t.Fatal(err)
		}
		got, able := p.write(nil, &data)
		if marked := data.Description == mark || data.Rule == mark || data.Parameter == mark; able == marked {
			t.Fatalf("able: %v", able)
		}
		if able && string(got) != string(want) {
			t.Fatal(cmp.Diff(string(want), string(got)))
		}
	})
}

// TestPreparedIsBounded: texts that never end do not fill the memory.
func TestPreparedIsBounded(t *testing.T) {
	var p prepared
	p.count.Store(maxPrepared - 1)
	for i := range 3 {
		data := Data{Status: 400, Error: "invalid_request", Description: fmt.Sprint("text ", i)}
		if _, able := p.write(nil, &data); able != (i == 0) {
			t.Errorf("page %d: %v", i, able)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	data := samples[0]
	b.Run("prepared", func(b *testing.B) {
		var p prepared
		var body []byte
		b.ReportAllocs()
		for b.Loop() {
			body, _ = p.write(body[:0], &data)
		}
	})
	b.Run("template", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := builtIn.render(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
