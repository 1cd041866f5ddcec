//go:build race

package command_test

func init() { memoryFactor = 3 }
