package osin_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

// flow is something that clients do, and what they must have at the end.
type flow struct {
	name string
	// styles are keys of authStyles.
	styles []string
	run    func(v *visit) outcome
	want   outcome
}

// allStyles are the keys of authStyles.
var allStyles = []string{"AutoDetect", "InHeader", "InParams"}

// flows are run with the scope of their deployment, which is filled into want.
var flows = []flow{
	{
		name: "code with PKCE", styles: allStyles,
		run:  func(v *visit) outcome { return v.outcome(v.exchange()) },
		want: outcome{TokenType: "Bearer", ExpiresIn: 3600, Refreshable: true, Owner: clientID},
	},
	{
		name: "refresh", styles: allStyles,
		run: func(v *visit) outcome {
			old := expired(v.granted())
			fresh, err := v.config.TokenSource(v.context, old).Token()
			result := v.outcome(fresh, err)
			if err == nil {
				result.Rotated = fresh.AccessToken != old.AccessToken && fresh.RefreshToken != old.RefreshToken
				_, err = v.config.TokenSource(v.context, old).Token()
				result.Replay = v.errorCode(err)
			}
			return result
		},
		want: outcome{TokenType: "Bearer", ExpiresIn: 3600, Refreshable: true, Rotated: true, Replay: "invalid_grant", Owner: clientID},
	},
	{
		name: "client credentials", styles: allStyles,
		run:  func(v *visit) outcome { return v.outcome(v.clientCredentials()) },
		want: outcome{TokenType: "Bearer", ExpiresIn: 3600, Owner: clientID},
	},
	{
		// The client notices by itself that the token is too old, and refreshes it on the way to the resource.
		name: "bearer call with an old token", styles: allStyles,
		run: func(v *visit) outcome {
			return outcome{Owner: v.owner(v.config.Client(v.context, expired(v.granted())))}
		},
		want: outcome{Owner: clientID},
	},
	{
		// With AutoDetect the client presents the same code once more, in the other style.
		name: "unknown code", styles: allStyles,
		run: func(v *visit) outcome {
			return v.outcome(v.config.Exchange(v.context, "dW5rbm93biBjb2RlIQ", oauth2.VerifierOption(verifier)))
		},
		want: outcome{Error: "invalid_grant"},
	},
	{
		// A client without a secret sends Basic with an empty password.
		name: "code of a public client", styles: []string{"AutoDetect", "InHeader"},
		run: func(v *visit) outcome {
			v.config.ClientID, v.config.ClientSecret = publicID, ""
			return v.outcome(v.exchange())
		},
		want: outcome{TokenType: "Bearer", ExpiresIn: 3600, Refreshable: true, Owner: publicID},
	},
	{
		// It only sends its client_id, which is legal; but osin insists on a secret, be it empty.
		name: "code of a public client without Basic", styles: []string{"InParams"},
		run: func(v *visit) outcome {
			v.config.ClientID, v.config.ClientSecret = publicID, ""
			return v.outcome(v.exchange())
		},
		want: outcome{Error: "invalid_request"},
	},
}

// TestFlows runs every flow without the guard and with it. The client must have the same at the end, the server must have seen the same bytes, and the guard must
// have found nothing.
func TestFlows(t *testing.T) {
	for _, d := range start(t) {
		for _, f := range flows {
			for _, style := range f.styles {
				t.Run(d.profile+"/"+f.name+"/"+style, func(t *testing.T) {
					want := f.want
					if want.TokenType != "" {
						want.Scope = d.layout.scope
					}
					run := func(title string, at *side) ([]string, []string) {
						v := newVisit(t, d, at, authStyles[style])
						if difference := cmp.Diff(want, f.run(v)); difference != "" {
							t.Errorf("the client %s the guard has something else (-want, +got):\n%s", title, difference)
						}
						return at.traffic(), v.watch.decisions
					}
					bare, _ := run("without", d.bare)
					guarded, decisions := run("behind", d.guarded)
					if difference := cmp.Diff(bare, guarded); difference != "" {
						t.Errorf("the server behind the guard saw something else (-without, +with):\n%s", difference)
					}
					var passes []string
					for _, arrival := range d.guarded.server.arrived() {
						passes = append(passes, d.layout.endpointOf(arrival.path)+" pass")
					}
					if difference := cmp.Diff(passes, decisions); difference != "" {
						t.Errorf("the guard decided something else (-want, +got):\n%s", difference)
					}
				})
			}
		}
	}
}
