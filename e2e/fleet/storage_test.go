//go:build fleet

package fleet_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// badStorage is a storage that becomes bad, and well again, while two instances use it.
type badStorage struct {
	t         *testing.T
	hub       *hubtest.Process
	services  int
	instances []*instance
	// patience is how long the instances may take to notice what is wrong, to read the Hub in spite of it, and to notice that all is well again.
	patience time.Duration
	// says tells whether a state shows what is wrong.
	says func(clients.State) bool
	// spoil and mend make the storage bad and well.
	spoil, mend func()
	// meanwhile is what else is tried while it is bad.
	meanwhile func()
}

// badRefresh is the refresh interval with a bad storage: short, so that what piles up with each interval is seen soon.
const badRefresh = time.Second

// fetcherMore is how many goroutines more the fetcher has than others. When they cannot share, each instance is one.
const fetcherMore = 2

// leftBehind is how many goroutines more than before an instance may have. Were one left behind in each interval, there would be more than that soon.
const leftBehind = 5

// run lets the storage become bad while requests come in. What is known stays known, the Hub is still read, the state says what is wrong, and no goroutines pile up. Afterwards
// everything is as before.
func (b *badStorage) run() {
	b.t.Helper()
	for _, i := range b.instances {
		i.start()
		i.has(15*time.Second, b.services+everyHub)
	}
	l := startLoad(b.t, b.services, b.instances...)
	before := make([]goroutines, len(b.instances))
	for n, i := range b.instances {
		before[n] = i.goroutines()
	}
	b.spoil()
	began := time.Now()
	for _, i := range b.instances {
		within(b.t, b.patience, i.name+" says what is wrong", func() (bool, any) {
			s := i.state()
			return b.says(s), s
		})
	}
	must(b.t, b.hub.Control.AddServices(hubtest.Generated(b.services)))
	for _, i := range b.instances {
		within(b.t, b.patience, i.name+" knows a service that was added", func() (bool, any) {
			s := i.source()
			return s.clients == b.services+everyHub+1, s
		})
	}
	if b.meanwhile != nil {
		b.meanwhile()
	}
	within(b.t, b.patience, fmt.Sprintf("it was bad for %d refresh intervals", 3*leftBehind), func() (bool, any) {
		return time.Since(began) > 3*leftBehind*badRefresh, nil
	})
	b.goroutines("while it is bad", before)
	b.mend()
	for _, i := range b.instances {
		within(b.t, b.patience, i.name+" is well again", func() (bool, any) {
			s := i.state()
			return s.State == clients.Fresh && s.StorageError == "", s
		})
	}
	b.goroutines("afterwards", before)
	l.stop()
}

// goroutines makes sure that no instance has many more goroutines than before. Requests that are under way have some.
func (b *badStorage) goroutines(when string, before []goroutines) {
	b.t.Helper()
	for n, i := range b.instances {
		var now goroutines
		within(b.t, 10*time.Second, i.name+" has no goroutines left behind "+when, func() (bool, any) {
			now = i.goroutines()
			return now.guard <= before[n].guard+fetcherMore && now.keepers <= before[n].keepers+leftBehind && now.connections <= idle, now.places
		})
		b.t.Logf("guard %d, before %d; keepers of the lock %d, before %d", now.guard, before[n].guard, now.keepers, before[n].keepers)
	}
}

// faulty prepares two instances with a storage that has faults on command.
func faulty(t *testing.T, fault string, services int) (*badStorage, string) {
	t.Helper()
	hub := startHub(t, services)
	root, faults := t.TempDir(), filepath.Join(t.TempDir(), "faults")
	storage := fmt.Sprintf("faulty %s %s", root, faults)
	b := &badStorage{
		t: t, hub: hub, services: services, patience: 20 * time.Second,
		spoil: func() { must(t, os.WriteFile(faults, []byte(fault), 0o600)) },
		mend:  func() { must(t, os.WriteFile(faults, nil, 0o600)) },
	}
	for n := range 2 {
		b.instances = append(b.instances, newInstance(t, fmt.Sprintf("caddy %d", n+1), config{
			hub: hub.URL, storage: storage, refresh: badRefresh, source: "on_demand 600",
		}))
	}
	return b, storage
}

// TestStorageFails lets every operation fail.
func TestStorageFails(t *testing.T) {
	t.Parallel()
	b, storage := faulty(t, "fail", 200)
	b.says = func(s clients.State) bool { return strings.Contains(s.StorageError, "input/output error") }
	b.meanwhile = func() {
		for _, i := range b.instances {
			i.logs(0, time.Second, "what is wrong with the storage", func(e entry) bool { return strings.Contains(e.Storage, "input/output error") })
		}
		// Who starts now reads the Hub.
		late := newInstance(t, "late caddy", config{hub: b.hub.URL, storage: storage, refresh: badRefresh})
		late.start()
		late.has(10*time.Second, b.services+everyHub+1)
		late.asks("a client", authorize(hubtest.GeneratedID(7), callback(7)), passed)
	}
	b.run()
}

// TestStorageRefuses lets whatever writes fail, as a store of a network does that allows this user to read only. Nobody can give a sign of life, so each instance reads the Hub by itself.
func TestStorageRefuses(t *testing.T) {
	t.Parallel()
	b, _ := faulty(t, "read_only", 200)
	b.says = func(s clients.State) bool { return strings.Contains(s.StorageError, "read-only file system") }
	b.meanwhile = func() {
		for _, i := range b.instances {
			i.logs(0, time.Second, "what is wrong with the storage", func(e entry) bool { return strings.Contains(e.Storage, "read-only file system") })
		}
	}
	b.run()
	for _, i := range b.instances {
		lines := 0
		for _, e := range i.entries(0) {
			if e.Storage != "" {
				lines++
			}
		}
		// The role, the heartbeat and the list are three kinds of trouble.
		if lines > 4 {
			t.Errorf("%s logged %d times what is wrong with the storage", i.name, lines)
		}
	}
}

// TestStorageSlow lets every operation take 10 seconds.
func TestStorageSlow(t *testing.T) {
	t.Parallel()
	b, storage := faulty(t, "slow 10s", 200)
	b.patience = time.Minute
	b.says = func(s clients.State) bool { return strings.Contains(s.StorageError, "slow") }
	b.meanwhile = func() {
		// The Hub is read meanwhile as often as ever.
		begun := len(lists(t, b.hub))
		within(t, 10*time.Second, "the Hub was read often, in less time than the storage takes for one operation", func() (bool, any) {
			count := len(lists(t, b.hub)) - begun
			return count >= 5, count
		})
		late := newInstance(t, "late caddy", config{hub: b.hub.URL, storage: storage, refresh: badRefresh})
		begin := time.Now()
		late.start()
		t.Logf("a start took %s", time.Since(begin))
		within(t, b.patience/2, "late caddy knows the clients", func() (bool, any) {
			s := late.source()
			return s.clients == b.services+everyHub+1, s
		})
		late.asks("a client", authorize(hubtest.GeneratedID(7), callback(7)), passed)
	}
	b.run()
}

// TestStorageReadOnly takes away the permission to write in the folder of the storage.
func TestStorageReadOnly(t *testing.T) {
	t.Parallel()
	const services = 200
	hub := startHub(t, services)
	storage, user := t.TempDir(), ordinary()
	open(t, storage)
	b := &badStorage{
		t: t, hub: hub, services: services, patience: 30 * time.Second,
		says:  func(s clients.State) bool { return strings.Contains(s.StorageError, "permission denied") },
		spoil: func() { permit(t, storage, 0o555, 0o444) },
		mend:  func() { permit(t, storage, 0o755, 0o644) },
	}
	for n := range 2 {
		i := newInstance(t, fmt.Sprintf("caddy %d", n+1), config{hub: hub.URL, storage: files(storage), refresh: badRefresh, source: "on_demand 600", user: user})
		open(t, i.folder)
		b.instances = append(b.instances, i)
	}
	b.run()
	permit(t, storage, 0o755, 0o644) // else it cannot be removed
}

// ordinary is a user to whom permissions apply: that of the test, unless it may do everything.
func ordinary() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	const nobody = 65534
	return &syscall.Credential{Uid: nobody, Gid: nobody}
}

// open lets the ordinary user into a folder of the test.
func open(t *testing.T, folder string) {
	t.Helper()
	if os.Geteuid() == 0 {
		must(t, os.Chmod(filepath.Dir(folder), 0o711))
		must(t, os.Chown(folder, int(ordinary().Uid), int(ordinary().Gid)))
	}
}

// permit sets the permissions of all folders and files.
func permit(t *testing.T, folder string, folders, files os.FileMode) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(path string, item fs.DirEntry, err error) error {
		switch {
		case os.IsNotExist(err): // it was replaced meanwhile
			return nil
		case err != nil:
			return err
		case item.IsDir():
			return os.Chmod(path, folders)
		}
		if err := os.Chmod(path, files); !os.IsNotExist(err) {
			return err
		}
		return nil
	}))
}

// TestStorageFull lets the services become more than the storage has room for.
func TestStorageFull(t *testing.T) {
	t.Parallel()
	const services, many = 200, 3000
	hub := startHub(t, services)
	storage := t.TempDir()
	i := newInstance(t, "caddy", config{hub: hub.URL, storage: files(storage), refresh: badRefresh, source: "on_demand 600", wrapper: small(t, storage)})
	b := &badStorage{
		t: t, hub: hub, services: services, instances: []*instance{i}, patience: 20 * time.Second,
		says: func(s clients.State) bool {
			return strings.Contains(s.StorageError, "no space left on device") || strings.Contains(s.StorageError, "file too large")
		},
	}
	i.start()
	i.has(15*time.Second, services+everyHub)
	l := startLoad(t, services, i)
	before := i.goroutines()
	must(t, hub.Control.Generate(services, many))
	within(t, b.patience, "the state says that the storage is full", func() (bool, any) {
		s := i.state()
		return b.says(s), s
	})
	// What does not fit is known all the same.
	if s := i.source(); s.clients != many+everyHub {
		t.Errorf("%+v", s)
	}
	i.asks("a client", authorize(hubtest.GeneratedID(many-1), callback(many-1)), passed)
	i.asks("a client with another redirect URI", authorize(hubtest.GeneratedID(many-1), callback(0)), unregistered)
	begun := len(lists(t, hub))
	within(t, 6*leftBehind*badRefresh, "the Hub was read often enough to see what piles up", func() (bool, any) {
		count := len(lists(t, hub)) - begun
		return count >= 3*leftBehind, count
	})
	b.goroutines("while it is full", []goroutines{before})
	// Of a list that changes while it is read, nobody can say what it lacks.
	l.expect(unknown, unjudged)
	for n := services; n < many; n++ {
		if _, err := hub.Control.RemoveService(hubtest.GeneratedID(n)); err != nil {
			t.Fatal(err)
		}
	}
	within(t, b.patience, "all is well again", func() (bool, any) {
		s := i.state()
		return s.State == clients.Fresh && s.StorageError == "" && s.Clients == services+everyHub, s
	})
	b.goroutines("afterwards", []goroutines{before})
	l.stop()
}

// small is a command that runs another one with a folder that takes 400 KiB: a file system of that size, which no other process sees and which ends with the last one in it. Where that
// cannot be made, every single file can have 200 KiB at the most, less than a part of a list of services.
func small(t *testing.T, folder string) []string {
	mount := []string{"unshare", "--mount", "--", "sh", "-c", `mount -t tmpfs -o size=400k tmpfs "$0" && exec "$@"`, folder}
	if output, err := exec.Command(mount[0], append(mount[1:], "true")...).CombinedOutput(); err != nil {
		t.Logf("no file system can be made: %v\n%s", err, output)
		return []string{"sh", "-c", `ulimit -f 200 && exec "$@"`, "sh"}
	}
	return mount
}
