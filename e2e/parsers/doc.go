// Package parsers is the differential laboratory: the same requests are given to the guard and to the parsers of query strings, forms and paths that authorization servers
// use, and what the guard passes must mean the same to all of them. docs/parsers.md describes it.
package parsers
