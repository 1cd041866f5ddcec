package hubtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

func (c *call) services() {
	if c.kind == List {
		c.list()
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	service := c.find(c.id)
	if c.id == "me" && len(c.Server.services) > 0 {
		service = c.Server.services[0]
	}
	switch {
	case service == nil:
		fail(c.w, http.StatusNotFound, "Service with id "+c.id+" not found")
	case service.Restricted && c.permission == ReadSome:
		fail(c.w, cmp.Or(c.config.HiddenStatus, http.StatusForbidden), "No access to the service "+c.id)
	case c.kind == Single:
		c.object(service.object(c.config.OmitEmpty))
	case c.kind == UntrustedList:
		c.untrustedList(service)
	case c.kind == UntrustedGet:
		c.untrustedGet(service)
	case c.permission != Write:
		fail(c.w, http.StatusForbidden, "Requester may not update the service")
	case c.kind == Delete:
		c.remove(service.ID)
		c.w.WriteHeader(http.StatusOK)
	case c.kind == Update:
		c.update(service)
	case c.kind == UntrustedAdd:
		c.untrustedAdd(service)
	case c.kind == UntrustedVote:
		c.untrustedVote(service)
	}
}

// list sends a page of services.
func (c *call) list() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	services := slices.Clone(c.Server.services)
	counted := len(services)
	if c.permission == ReadSome {
		services = slices.DeleteFunc(services, func(s *Service) bool { return s.Restricted })
	}
	if query := c.query.Get("query"); query != "" {
		var err error
		if services, err = filter(services, query); err != nil {
			fail(c.w, http.StatusBadRequest, err.Error())
			return
		}
	}
	if by := c.query.Get("orderBy"); by != "" {
		if err := order(services, by); err != nil {
			fail(c.w, http.StatusBadRequest, err.Error())
			return
		}
	}
	if _, shuffled := c.faults[Shuffling]; shuffled {
		slices.Reverse(services)
		if turn := c.counts.Pages % max(1, len(services)); turn > 0 {
			services = slices.Concat(services[turn:], services[:turn])
		}
	}
	if !c.config.CountHidden {
		counted = len(services)
	}
	skip, top, err := c.page()
	if err != nil {
		fail(c.w, http.StatusBadRequest, err.Error())
		return
	}
	from := min(skip, len(services))
	to := len(services)
	if top >= 0 {
		to = min(from+top, len(services))
	}
	asked, err := c.fields()
	if err != nil {
		fail(c.w, http.StatusBadRequest, err.Error())
		return
	}
	list := make([]any, 0, to-from)
	for _, service := range services[from:to] {
		list = append(list, choose(service.object(c.config.OmitEmpty), asked))
	}
	page := map[string]any{"type": "ServicesPage", "skip": skip, "top": top, "total": counted, "services": list}
	if _, uncounted := c.faults[NoTotal]; uncounted {
		delete(page, "total")
	} else if _, wrong := c.faults[WrongTotal]; wrong {
		page["total"] = counted + 2
	}
	if c.send(page) {
		c.counts.Pages++
		c.rearrange(c.faults)
	}
}

// page reads how much of the list is asked for; a top of -1 means all.
func (c *call) page() (skip, top int, err error) {
	top = cmp.Or(c.config.DefaultTop, 100)
	for name, value := range map[string]*int{"$skip": &skip, "$top": &top} {
		if text := c.query.Get(name); text != "" {
			if *value, err = strconv.Atoi(text); err != nil || *value < -1 || name == "$skip" && *value < 0 {
				return 0, 0, fmt.Errorf("can't read %s", name)
			}
		}
	}
	if most := c.config.MaxTop; most > 0 && (top < 0 || top > most) {
		top = most
	}
	if _, ignored := c.faults[IgnoreSkip]; ignored {
		skip = 0
	}
	if _, ignored := c.faults[IgnoreTop]; ignored {
		top = -1
	}
	return skip, top, nil
}

func (c *call) fields() (fields, error) {
	if !c.query.Has("fields") {
		return nil, nil
	}
	return parseFields(c.query.Get("fields"))
}

// object sends an object with the fields that were asked for.
func (c *call) object(object map[string]any) {
	asked, err := c.fields()
	if err != nil {
		fail(c.w, http.StatusBadRequest, err.Error())
		return
	}
	c.send(choose(object, asked))
}

// send sends JSON, and reports whether it did: a client that has it already does not get it again.
func (c *call) send(value any) bool {
	text, err := json.Marshal(value)
	if err != nil {
		fail(c.w, http.StatusInternalServerError, err.Error())
		return false
	}
	header := c.w.Header()
	if c.config.ETag {
		sum := sha256.Sum256(text)
		etag := `"` + hex.EncodeToString(sum[:8]) + `"`
		header.Set("ETag", etag)
		if c.r.Header.Get("If-None-Match") == etag {
			c.w.WriteHeader(http.StatusNotModified)
			return false
		}
	}
	if c.config.LastModified {
		modified := c.changed.UTC().Truncate(time.Second)
		header.Set("Last-Modified", modified.Format(http.TimeFormat))
		if since, err := http.ParseTime(c.r.Header.Get("If-Modified-Since")); err == nil && !modified.After(since) {
			c.w.WriteHeader(http.StatusNotModified)
			return false
		}
	}
	write(c.w, http.StatusOK, string(text))
	return true
}

// body reads what was posted.
func (c *call) body(value any) bool {
	if err := json.Unmarshal(c.posted, value); err != nil {
		fail(c.w, http.StatusBadRequest, "can't read the body: "+err.Error())
		return false
	}
	return true
}
