package clients

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The bounds of one list.
const (
	// maxPages is enough for all services that a Hub may have by default, even if it sends twenty at a time.
	maxPages = 5_000
	// maxList bounds the answers of one list together, in bytes.
	maxList = 256 << 20
)

// hubList is what came of reading all pages.
type hubList struct {
	services []hubService
	// at is where the service of an ID is.
	at map[string]int
	// total is what Hub counts; nil if it does not say.
	total *int
	// torn says that services came and went while the pages were read, so that some may be missing.
	torn bool
	// pages are how to ask whether a page has changed; nil for a page about which that cannot be asked.
	pages []*condition
}

// changed asks for each page of a list whether it has changed. If the first one has, that is returned, since it is at hand.
func (s *session) changed(ctx context.Context, pages []*condition) (first *listPage, unchanged bool, err error) {
	for i, page := range pages {
		a, err := s.get(ctx, page.path, page.query, page)
		if err != nil {
			return nil, false, err
		}
		if a.unchanged {
			continue
		}
		if i > 0 {
			return nil, false, nil
		}
		first, err = s.page(a, page.path, page.query)
		return first, false, err
	}
	return nil, len(pages) > 0, nil
}

// listPage is a page with how it was asked for.
type listPage struct {
	hubPage
	condition *condition
	size      int
}

// page reads what a Hub answered.
func (s *session) page(a *answer, path, query string) (*listPage, error) {
	body, err := s.object(a)
	if err != nil {
		return nil, err
	}
	page, err := readPage(body, s.maxServices)
	if err != nil {
		return nil, s.fail(err)
	}
	return &listPage{hubPage: *page, condition: conditionOf(path, query, a.header), size: len(a.body)}, nil
}

// readPage reads a page of services one by one, since many small ones take far more memory than their text.
func readPage(body []byte, most int) (*hubPage, error) {
	page := new(hubPage)
	decoder := json.NewDecoder(bytes.NewReader(body))
	err := members(decoder, func(name string) error {
		switch name {
		case "skip":
			return decoder.Decode(&page.Skip)
		case "total":
			return decoder.Decode(&page.Total)
		case "services":
			return page.readServices(decoder, most)
		}
		return decoder.Decode(new(skipped))
	})
	if err == nil {
		if _, err = decoder.Token(); err == io.EOF {
			return page, nil
		}
		err = errors.New("something follows the object")
	}
	return nil, fmt.Errorf("the answer is not a page of services: %w", describeJSON(err))
}

func (p *hubPage) readServices(decoder *json.Decoder, most int) error {
	token, err := decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return errors.New("services is not an array")
	}
	p.Services = []hubService{}
	for decoder.More() {
		if len(p.Services) == most {
			return tooMany(most)
		}
		var service hubService
		if err := decoder.Decode(&service); err != nil {
			return fmt.Errorf("service %d: %w", len(p.Services)+1, describeJSON(err))
		}
		p.Services = append(p.Services, service)
	}
	_, err = decoder.Token()
	return err
}

// members calls a function for each member of an object, which has to read the value.
func members(decoder *json.Decoder, read func(name string) error) error {
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return cmp.Or(err, errors.New("it is not an object"))
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		if err := read(name.(string)); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}

// skipped is a value that is not of interest.
type skipped struct{}

// UnmarshalJSON keeps nothing.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// describeJSON says in the words of JSON what is wrong.
func describeJSON(err error) error {
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: found %s where %s belongs", cmp.Or(mismatch.Field, "value"), mismatch.Value, describe(mismatch.Type))
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it ends too early")
	}
	return err
}

// list reads all pages, in an order if one is named. It goes by what comes, not by what it asked for, since a Hub may send fewer services at once.
func (s *session) list(ctx context.Context, first *listPage, order string) (*hubList, error) {
	l := &hubList{at: make(map[string]int)}
	top, position, size := s.pageSize, 0, 0
	// Each page begins with the last service of the one before. If it is another one, the list has moved meanwhile, which the counts do not show if as many services
	// came as went.
	overlap := 0
	for len(l.pages) < maxPages {
		page, err := first, error(nil)
		if first = nil; page == nil {
			page, err = s.fetch(ctx, position-overlap, top, order)
		}
		if errors.Is(err, errTooLarge) && top > 1 {
			top = max(1, top/4)
			continue
		}
		if err != nil {
			return nil, err
		}
		if size += page.size; size > maxList {
			return nil, s.fail(fmt.Errorf("the services take more than %d MiB", maxList>>20))
		}
		services, err := l.check(&page.hubPage, position, overlap)
		if err != nil {
			return nil, s.fail(err)
		}
		l.pages = append(l.pages, page.condition)
		grown := l.add(services)
		position = max(position, position-overlap+len(page.Services))
		if len(l.services) > s.maxServices || l.total != nil && *l.total > s.maxServices {
			return nil, s.fail(tooMany(s.maxServices))
		}
		switch {
		case l.total != nil && position >= *l.total, overlap == 0 && len(services) == 0:
			return l, nil
		case len(services) == 0:
			overlap = 0 // nothing but the one that was known; behind it there is nothing, or a Hub that sends one at a time
		case !grown:
			l.torn = true // it sends the same services again and again
			return l, nil
		default:
			overlap = min(1, len(page.Services)-1, top-1)
		}
	}
	return nil, s.fail(fmt.Errorf("the services take more than %d pages", maxPages))
}

// fetch reads one page.
func (s *session) fetch(ctx context.Context, skip, top int, order string) (*listPage, error) {
	const path = "/services"
	query := "fields=" + serviceFields + "&$skip=" + strconv.Itoa(skip) + "&$top=" + strconv.Itoa(top)
	if order != "" {
		query += "&orderBy=" + order
	}
	a, err := s.get(ctx, path, query, nil)
	if err != nil {
		return nil, err
	}
	return s.page(a, path, query)
}

func tooMany(most int) error { return fmt.Errorf("it has more than %d services", most) }

// check compares a page with what came before, and returns what is new on it.
func (l *hubList) check(page *hubPage, position, overlap int) ([]hubService, error) {
	// A negative number counts nothing.
	if page.Total != nil && *page.Total < 0 {
		page.Total = nil
	}
	// Without this check, an error that was sent as a success would be a Hub without services. Behind the last service there may be nothing to send.
	if page.Services == nil && (page.Total == nil || position == 0 && *page.Total > 0) {
		return nil, errors.New(`the answer is not a page of services: it has no member "services"`)
	}
	if len(l.pages) > 0 && (page.Total == nil) != (l.total == nil) || page.Total != nil && l.total != nil && *page.Total != *l.total {
		l.torn = true
	}
	l.total = page.Total
	services := page.Services
	if page.Skip != 0 && page.Skip != position-overlap {
		l.torn = true
	}
	if overlap == 1 {
		if len(services) == 0 || services[0].ID != l.services[len(l.services)-1].ID {
			l.torn = true
			return services, nil
		}
		services = services[1:]
	}
	return services, nil
}

// add takes over services, and reports whether one of them is new. Of two with one ID, which is one that moved, the later one counts.
func (l *hubList) add(services []hubService) (grown bool) {
	for i := range services {
		if at, known := l.at[services[i].ID]; known {
			l.services[at] = services[i]
			l.torn = true
			continue
		}
		grown = true
		l.at[services[i].ID] = len(l.services)
		l.services = append(l.services, services[i])
	}
	return grown
}

// snapshot turns the list into clients.
func (l *hubList) snapshot() (*Snapshot, error) {
	// Hub may count services that the owner of the token may not see. A list without the Hub itself is never the whole one.
	partial := l.torn || len(l.services) == 0 || l.total != nil && *l.total != len(l.services)
	page := hubPage{Services: l.services}
	snapshot, err := page.snapshot(partial)
	if err != nil {
		return nil, err
	}
	snapshot.Revision, err = snapshot.revision()
	return snapshot, err
}
