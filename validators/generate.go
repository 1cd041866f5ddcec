package validators

// docs/rules.md, docs/coverage.md and two tables of docs/reference.md are made from the catalogue and the vectors. go generate runs in this folder, hence the two dots.
//
//go:generate go run ../internal/generate
