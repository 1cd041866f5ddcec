package measure

import (
	"fmt"
	"os"
	"path/filepath"
)

// Resident is the memory that a process holds, in bytes.
func Resident(id int) (int, error) {
	file := filepath.Join("/proc", fmt.Sprint(id), "statm")
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var all, resident int
	if _, err := fmt.Sscan(string(text), &all, &resident); err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return resident * os.Getpagesize(), nil
}
