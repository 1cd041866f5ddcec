module github.com/oauthguard/caddy-oauth-guard

go 1.26.0
