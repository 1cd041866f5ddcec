package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/statistics"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Directory is what a directory of so many clients costs by itself, inside of this process.
type Directory struct {
	Clients int `json:"clients"`
	// BytesPerClient is the live heap of one directory, BytesOfAll that of the current one with the memory in which the next one is built.
	BytesPerClient float64 `json:"bytes_per_client"`
	BytesOfAll     float64 `json:"bytes_per_client_of_all"`
	// Build is the time to make the first directory, Rebuild that to make one in memory that is used again, in milliseconds; File the time from a changed file to the directory.
	Build   statistics.Spread `json:"build_ms"`
	Rebuild statistics.Spread `json:"rebuild_ms"`
	File    statistics.Spread `json:"file_ms"`
	// Garbage is what a rebuild allocates, in bytes per client.
	Garbage float64 `json:"garbage_per_client"`
	// Hot is a look-up of the same client again and again, Cold of clients in random order, in nanoseconds.
	Hot  statistics.Spread `json:"hot_ns"`
	Cold statistics.Spread `json:"cold_ns"`
	// Collection is a forced collection of all garbage, in milliseconds.
	Collection statistics.Spread `json:"collection_ms"`
}

// repeats is how often everything is measured.
const repeats = 7

// measureDirectory measures all of it. The file is written into the folder.
func measureDirectory(ctx context.Context, folder string, count int) (Directory, error) {
	result := Directory{Clients: count}
	delivered := snapshot(count)
	before := liveHeap()
	builder := new(clients.Builder)
	var directory *clients.Directory
	build := func() (float64, error) {
		begin := time.Now()
		next, err := builder.Build(delivered)
		directory = next
		return milliseconds(time.Since(begin)), err
	}
	var first, again []float64
	for range repeats {
		builder = new(clients.Builder)
		directory = nil
		runtime.GC()
		took, err := build()
		if err != nil {
			return result, err
		}
		first = append(first, took)
	}
	each := func(bytes uint64) float64 { return float64(bytes) / float64(count) }
	result.BytesPerClient = each(liveHeap() - before)
	for range 3 { // until both pieces of memory are there
		if _, err := build(); err != nil {
			return result, err
		}
	}
	allocated := totalAllocated()
	for range repeats {
		took, err := build()
		if err != nil {
			return result, err
		}
		again = append(again, took)
	}
	result.Garbage = each(totalAllocated()-allocated) / repeats
	result.BytesOfAll = each(liveHeap() - before)
	result.Build, result.Rebuild = statistics.Of(first), statistics.Of(again)
	runtime.KeepAlive(delivered)
	delivered = nil

	result.Hot, result.Cold = lookUps(directory, count)
	var collections []float64
	for range repeats {
		begin := time.Now()
		runtime.GC()
		collections = append(collections, milliseconds(time.Since(begin)))
	}
	result.Collection = statistics.Of(collections)
	runtime.KeepAlive(directory)
	builder, directory = nil, nil

	var err error
	result.File, err = measureFile(ctx, folder, count)
	return result, err
}

// lookUps looks clients up in the same order every time, as a decision does: in room that it lends.
func lookUps(directory *clients.Directory, count int) (hot, cold statistics.Spread) {
	ids := make([]string, drawn)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range ids {
		ids[i] = clientID(random.IntN(count))
	}
	var room rule.Room
	find := func(ids []string) statistics.Spread {
		var all []float64
		for range repeats {
			begin := time.Now()
			for i := range drawn {
				if _, standing := directory.FindIn(ids[i%len(ids)], &room); standing != rule.Known {
					panic(fmt.Sprintf("client %s is not known", ids[i%len(ids)]))
				}
			}
			all = append(all, float64(time.Since(begin).Nanoseconds())/drawn)
		}
		return statistics.Of(all)
	}
	return find(ids[:1]), find(ids)
}

// measureFile loads a file that changes each time.
func measureFile(ctx context.Context, folder string, count int) (statistics.Spread, error) {
	file, err := os.CreateTemp(folder, "clients-*.json")
	if err != nil {
		return statistics.Spread{}, err
	}
	defer os.Remove(file.Name())
	if err := file.Close(); err != nil {
		return statistics.Spread{}, err
	}
	feed := clients.NewFeed("file", &clients.File{Path: file.Name()}, 0)
	var all []float64
	for i := range 4 {
		if err := writeClients(file.Name(), count+i); err != nil {
			return statistics.Spread{}, err
		}
		begin := time.Now()
		if err := feed.Load(ctx); err != nil {
			return statistics.Spread{}, err
		}
		all = append(all, milliseconds(time.Since(begin)))
		if got := feed.Directory().Len(); got != count+i {
			return statistics.Spread{}, fmt.Errorf("%d clients were loaded of %d", got, count+i)
		}
	}
	return statistics.Of(all), nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}

func totalAllocated() uint64 {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.TotalAlloc
}
