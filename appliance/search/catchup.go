package search

import (
	"encoding/binary"
	"time"

	"github.com/blevesearch/bleve/v2"

	"github.com/yizhan-im/yizhan/appliance/state"
)

const (
	// scanPage is how many logs one look at the store passes.
	scanPage = 500
	// progressEvery is how often a long scan tells how far it is.
	progressEvery = 30 * time.Second
)

// catchUpAll brings the indexes of all tenants up to date; false when one failed.
// An index that cannot be written any more is removed, and made anew by the next
// try.
func (e *Engine) catchUpAll() bool {
	e.caughtUp.Store(false)
	tenants, err := e.queries.Tenants()
	if err != nil {
		e.failed("listing the tenants failed", 0, err)
		return false
	}
	ok := true
	for _, t := range tenants {
		if e.ctx.Err() != nil {
			return true
		}
		if err := e.catchUp(t.ID); err != nil && e.ctx.Err() == nil {
			e.failed("catching up failed; the index is made anew", t.ID, err)
			e.metrics.remade.Inc()
			if err := e.set.remove(t.ID); err != nil {
				e.failed("removing an index failed", t.ID, err)
			}
			ok = false
		}
	}
	e.caughtUp.Store(ok)
	return ok
}

// catchUp looks for logs of a tenant that have changed since the version of its
// index, and indexes what is new in them.
//
// What is applied while this runs is in the dirty set as well, so one scan that was
// begun in this process is enough.
func (e *Engine) catchUp(tenant uint32) error {
	if !e.set.exists(tenant) {
		// Most tenants of a large site are asleep: no index for those without a log.
		found := false
		if _, err := e.queries.Logs(tenant, nil, 1, func(*state.StoredLog) bool { found = true; return true }); err != nil || !found {
			return err
		}
	}
	for {
		s := &scan{e: e, tenant: tenant, began: time.Now(), told: time.Now()}
		resumed, done, err := s.open()
		if err != nil || done {
			return err
		}
		if err := s.run(); err != nil || !resumed {
			return err
		}
	}
}

// scan is one way through a tenant's logs.
type scan struct {
	e             *Engine
	tenant        uint32
	since, target uint64 // versions
	after         []byte
	began, told   time.Time
	logs, changed int
}

// open reads where the index stands: at the target already, in the middle of a scan
// that another process began, or in need of a scan.
func (s *scan) open() (resumed, done bool, err error) {
	now, err := s.e.queries.Counter()
	if err != nil {
		return false, false, err
	}
	var mark []byte
	err = s.e.set.remake(s.tenant, func(idx bleve.Index) error {
		if s.since, err = number(idx, keyVersion); err != nil {
			return err
		}
		mark, err = idx.GetInternal(keyScan)
		return err
	})
	if err != nil {
		return false, false, err
	}
	if s.since > now {
		// The site was restored from a backup: ids mean other messages now.
		s.e.log.Warn("the index for search is ahead of the site and is made anew", "tenant", s.tenant)
		s.since, mark = 0, nil
		if err := s.e.set.remove(s.tenant); err != nil {
			return false, false, err
		}
	}
	if len(mark) >= 8 {
		s.target, s.after = binary.BigEndian.Uint64(mark), mark[8:]
		return true, false, nil
	}
	s.target = now
	return false, s.since == now, nil
}

func (s *scan) run() error {
	b := &batch{e: s.e, tenant: s.tenant, began: time.Now()}
	for end := false; !end; {
		var page []*state.StoredLog
		var err error
		end, err = s.e.queries.Logs(s.tenant, s.after, scanPage, func(l *state.StoredLog) bool {
			page = append(page, l)
			return true
		})
		if err != nil {
			return err
		}
		for _, l := range page {
			if err := s.log(b, l); err != nil {
				return err
			}
		}
		s.progress()
	}
	err := b.flush(func(bb *bleve.Batch) {
		bb.SetInternal(keyVersion, encoded(s.target))
		bb.DeleteInternal(keyScan)
	})
	if err == nil && s.changed > 0 {
		s.e.log.Info("search has caught up", "tenant", s.tenant, "conversations", s.changed, "of", s.logs, "took", time.Since(s.began))
	}
	return err
}

// log indexes what is new in l.
func (s *scan) log(b *batch, l *state.StoredLog) error {
	s.logs++
	s.after = l.After()
	if l.Version <= s.since {
		return nil
	}
	from, err := s.e.queries.After(s.tenant, l, s.since)
	if err != nil {
		return err
	}
	s.changed++
	if err := b.entries(l.Conversation, from, l.LastSeq, from); err != nil {
		return err
	}
	if len(b.changes) < batchSize {
		return nil
	}
	began := time.Now()
	err = b.flush(func(bb *bleve.Batch) { bb.SetInternal(keyScan, append(encoded(s.target), s.after...)) })
	if err == nil && !s.e.pause(time.Since(began)) {
		return s.e.ctx.Err()
	}
	return err
}

func (s *scan) progress() {
	if time.Since(s.told) >= progressEvery {
		s.told = time.Now()
		s.e.log.Info("search is catching up", "tenant", s.tenant, "conversations", s.logs, "changed", s.changed)
	}
}
