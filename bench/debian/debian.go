// Package debian installs what is missing, as root on Debian.
package debian

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Command is how a user installs packages.
func Command(packages []string) string {
	return "sudo apt-get update && sudo apt-get install -y --no-install-recommends " + strings.Join(packages, " ")
}

// policy is the file that decides whether the installation of a package starts its service.
const policy = "/usr/sbin/policy-rc.d"

// Install installs packages as root on Debian, without starting their services. Otherwise it fails, and says how to do it.
func Install(packages []string) (err error) {
	release, _ := os.ReadFile("/etc/os-release")
	_, missing := exec.LookPath("apt-get")
	if os.Getuid() != 0 || missing != nil || !strings.Contains("\n"+string(release), "\nID=debian") {
		return fmt.Errorf("missing: %s; on Debian: %s", strings.Join(packages, " "), Command(packages))
	}
	// The peers are run by the bench alone, and nobody wants a web server that he did not ask for. A policy of the administrator stays.
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err == nil {
		defer func() { err = errors.Join(err, os.Remove(policy)) }()
		_, err = file.WriteString("#!/bin/sh\nexit 101\n")
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
	} else if !errors.Is(err, os.ErrExist) {
		return err
	}
	lock := []string{"-o", "DPkg::Lock::Timeout=300"}
	for _, arguments := range [][]string{{"update"}, append([]string{"install", "-y", "--no-install-recommends"}, packages...)} {
		command := exec.Command("apt-get", append(lock, arguments...)...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", arguments[0], err, output)
		}
	}
	return nil
}
