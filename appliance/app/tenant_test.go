package app

import (
	"errors"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// tenantSource is the store of a tenantCache, with a clock.
type tenantSource struct {
	now    time.Time
	name   string
	err    error
	loads  int
	onLoad func()
}

func (s *tenantSource) load(appKey string) (*state.Tenant, error) {
	s.loads++
	t := &state.Tenant{AppKey: appKey, Name: s.name}
	if s.onLoad != nil {
		s.onLoad()
	}
	if s.err != nil {
		return nil, s.err
	}
	return t, nil
}

func (s *tenantSource) cache() *tenantCache {
	return newTenantCache(s.load, func() time.Time { return s.now })
}

func (s *tenantSource) expect(t *testing.T, c *tenantCache, name string, loads int) {
	t.Helper()
	got, err := c.get("k")
	if err != nil || got.Name != name || s.loads != loads {
		t.Errorf("got %+v, %v after %d loads; want %q after %d", got, err, s.loads, name, loads)
	}
}

func TestTenantIsReadOnceUntilItChanges(t *testing.T) {
	s := &tenantSource{name: "old"}
	c := s.cache()
	s.expect(t, c, "old", 1)
	s.expect(t, c, "old", 1)
	s.name = "new"
	c.forget("k")
	s.expect(t, c, "new", 2)
	s.name = "newer"
	s.now = s.now.Add(tenantTTL)
	s.expect(t, c, "newer", 3)
}

func TestTenantReadWhileItChangesIsNotKept(t *testing.T) {
	s := &tenantSource{name: "old"}
	c := s.cache()
	s.onLoad = func() { s.name = "new"; c.forget("k"); s.onLoad = nil }
	s.expect(t, c, "old", 1)
	s.expect(t, c, "new", 2)
}

func TestOldTenantServesWhileTheStoreCannotBeRead(t *testing.T) {
	s := &tenantSource{name: "old"}
	c := s.cache()
	s.expect(t, c, "old", 1)
	s.now = s.now.Add(tenantTTL)
	s.err = errors.New("no disk")
	s.expect(t, c, "old", 2)
	s.err = wire.Errorf(wire.CodeNotFound, "gone")
	if _, err := c.get("k"); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("a tenant that is gone: %v", err)
	}
}

func TestUnknownTenantIsNotKept(t *testing.T) {
	s := &tenantSource{err: wire.Errorf(wire.CodeNotFound, "none")}
	c := s.cache()
	for range 2 {
		if _, err := c.get("k"); wire.CodeOf(err) != wire.CodeNotFound {
			t.Errorf("answered %v", err)
		}
	}
	if len(c.entries) != 0 {
		t.Error("the cache holds what does not exist")
	}
}
