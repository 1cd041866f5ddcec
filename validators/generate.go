package validators

// docs/rules.md is made from the catalogue and the vectors. go generate runs in this folder, hence the two dots.
//
//go:generate go run ../internal/generate
