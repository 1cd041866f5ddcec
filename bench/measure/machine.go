package measure

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Description says what a machine is, as far as it matters for figures.
type Description struct {
	Processor  string  `json:"processor"`
	Processors int     `json:"processors"`
	Memory     float64 `json:"memory_gib"`
	Kernel     string  `json:"kernel"`
	System     string  `json:"system"`
	Virtual    bool    `json:"virtual"`
	Go         string  `json:"go"`
}

// Describe reads what the machine says about itself. What it does not say stays empty.
func Describe() Description {
	d := Description{Processors: runtime.NumCPU(), Go: runtime.Version()}
	processor := pairs("/proc/cpuinfo", ":")
	d.Processor = processor["model name"]
	d.Virtual = strings.Contains(processor["flags"]+" ", " hypervisor ")
	var kibibytes float64
	if _, err := fmt.Sscan(pairs("/proc/meminfo", ":")["MemTotal"], &kibibytes); err == nil {
		d.Memory = kibibytes / (1 << 20)
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		d.Kernel = strings.TrimSpace(string(release))
	}
	d.System = strings.Trim(pairs("/etc/os-release", "=")["PRETTY_NAME"], `"`)
	return d
}

// pairs reads a file of names and values. Of names that come again, the first counts.
func pairs(file, separator string) map[string]string {
	values := make(map[string]string)
	text, err := os.Open(file)
	if err != nil {
		return values
	}
	defer text.Close()
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, found := strings.Cut(lines.Text(), separator)
		if name = strings.TrimSpace(name); found && values[name] == "" {
			values[name] = strings.TrimSpace(value)
		}
	}
	return values
}
