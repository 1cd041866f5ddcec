package comparison

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// equalAnswers expects that the constant refusal of the bare Caddy is the one that the guard gives: its body is that of the guard at the authorization endpoint, and it has the header
// fields of the guard at the token endpoint. Else a ratio of the two would compare different things.
func (r *run) equalAnswers(ctx context.Context, guard, bare entrant) error {
	texts := make([]string, 0, 2)
	for _, side := range []entrant{guard, bare} {
		process, err := r.start(ctx, side.peer, r.site)
		if err != nil {
			return err
		}
		text, err := refusal(ctx, process)
		process.Stop()
		if err != nil {
			return fmt.Errorf("%s: %w", side.name, err)
		}
		texts = append(texts, text)
	}
	if texts[0] != texts[1] {
		return fmt.Errorf("the constant refusal of %s is not that of the guard any more: change peers.Answer, and the header fields in peers/config\n%s\n%s", bare.name, texts[1], texts[0])
	}
	return nil
}

// refusal is what of the answers must be equal.
func refusal(ctx context.Context, process *peers.Process) (string, error) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: 5 * time.Second}
	var text strings.Builder
	for _, r := range load.Requests() {
		if !r.Refused {
			continue
		}
		request, err := http.NewRequestWithContext(ctx, r.Method, "http://"+target(process, r)+r.Target, strings.NewReader(r.Body))
		if err != nil {
			return "", err
		}
		for _, field := range r.Header {
			request.Header.Set(field[0], field[1])
		}
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&text, response.Status)
		if r.Method != http.MethodPost {
			text.Write(body)
			continue
		}
		for _, name := range []string{"Date", "Connection", "Content-Length"} {
			response.Header.Del(name)
		}
		if err := response.Header.Write(&text); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}
