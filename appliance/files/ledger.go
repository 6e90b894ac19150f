package files

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Ledger counts finished files for the whole site, by tenant and account, and
// decides whether there may be another. Errors are *wire.Error.
type Ledger interface {
	// FileRoom says, before content comes, that there would be no room for size
	// bytes: CodeCountLimit. That there is room now is no promise.
	FileRoom(ctx context.Context, appKey, account string, size int64) error
	// StoreFile counts a file before its content gets its place. Repeated, it changes
	// nothing. CodeCountLimit: there is no room.
	StoreFile(ctx context.Context, f StoredFile) error
	// RemoveFiles counts files no more, after their content has gone; at most
	// removeBatch.
	RemoveFiles(ctx context.Context, tenant uint32, ids []string) error
}

// StoredFile is a file as a Ledger sees it.
type StoredFile struct {
	Tenant  uint32
	AppKey  string
	Account string // empty: the tenant's backend
	ID      string // its random part
	Type    string // found in the content
	Tag     string // of the backend's own
	Size    int64  // bytes
	LifeMs  int64  // 0: as long as the tenant's files are kept
}

// uncounted is a Ledger that has room for everything.
type uncounted struct{}

func (uncounted) FileRoom(context.Context, string, string, int64) error { return nil }
func (uncounted) StoreFile(context.Context, StoredFile) error           { return nil }
func (uncounted) RemoveFiles(context.Context, uint32, []string) error   { return nil }

// refused makes a Ledger's refusal one of this package.
func refused(err error) error {
	if coded := new(wire.Error); errors.As(err, &coded) && coded.Code == wire.CodeCountLimit {
		return errQuota.noting("%s", coded.Note)
	}
	return err
}

// removeBatch is how many files one command of a Ledger takes.
const removeBatch = 64

// ghosts are files that may be counted although their content is gone, or was never
// there: those of uploads that broke off at their very end, and those that a Ledger
// could not be told of. They are tried again every minute until it knows.
type ghosts struct {
	mu  sync.Mutex
	ids []fileID // guarded by mu
}

// maxGhosts bounds the list. What does not find a place counts until its retention
// is over.
const maxGhosts = 10_000

func (g *ghosts) add(ids ...fileID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ids = append(g.ids, ids[:min(len(ids), maxGhosts-len(g.ids))]...)
}

func (g *ghosts) take() []fileID {
	g.mu.Lock()
	defer g.mu.Unlock()
	ids := g.ids
	g.ids = nil
	return ids
}

// lay removes whatever there is of the ghosts.
func (s *Server) layGhosts() {
	byTenant := map[uint32][]string{}
	for _, id := range s.staging.ghosts.take() {
		byTenant[id.tenant] = append(byTenant[id.tenant], id.random)
	}
	for tenant, ids := range byTenant {
		for batch := range slices.Chunk(ids, removeBatch) {
			err := s.RemoveContent(s.ctx, tenant, batch)
			if err == nil {
				err = s.ledger.RemoveFiles(s.ctx, tenant, batch)
			}
			if err != nil {
				s.log.Warn("files: broken uploads are still counted; it is tried again", "files", len(batch), "error", err)
				for _, random := range batch {
					s.staging.ghosts.add(fileID{tenant, random})
				}
			}
		}
	}
}

// RemoveContent removes the content of files of a tenant by the random parts of
// their ids, and counts nothing. Those that are not there are passed over.
func (s *Server) RemoveContent(ctx context.Context, tenant uint32, ids []string) error {
	set := s.setup.Load()
	for _, random := range ids {
		id := fileID{tenant, random}
		if _, err := parseID(id.String()); err != nil {
			return err
		}
		if err := set.blobs.remove(ctx, id); err != nil {
			return err
		}
		s.thumbs.forget(id)
	}
	return nil
}

// remove removes one file and counts it no more.
func (s *Server) remove(ctx context.Context, id fileID) error {
	if err := s.RemoveContent(ctx, id.tenant, []string{id.random}); err != nil {
		return err
	}
	s.metrics.removed.Inc()
	if err := s.ledger.RemoveFiles(ctx, id.tenant, []string{id.random}); err != nil {
		s.staging.ghosts.add(id)
	}
	return nil
}

// AbortUploads gives up uploads to an S3 server that broke off before that time, some
// of them, and tells how many.
func (s *Server) AbortUploads(ctx context.Context, before time.Time) (int, error) {
	return s.setup.Load().blobs.abort(ctx, before)
}

// Delete removes those of the files that belong to the tenant, by their ids or
// addresses, as when the message that has them is erased, and tells how many names
// are files of the tenant. Whatever else is named is passed over.
func (s *Server) Delete(ctx context.Context, tenant uint32, names []string) (int, error) {
	if !s.begun() {
		return 0, toWire(errStopping)
	}
	defer s.work.Done()
	removed := 0
	for _, name := range names {
		id, err := idOf(name)
		if err != nil || id.tenant != tenant {
			continue
		}
		if err := s.remove(ctx, id); err != nil {
			return removed, s.fail("delete", err)
		}
		removed++
	}
	return removed, nil
}

// toWire is a refusal as callers inside the process get it.
func toWire(e *Error) error { return wire.Errorf(e.Code, "%s", e.Note) }

// fail makes err a *wire.Error and logs what an operator must hear of.
func (s *Server) fail(operation string, err error) error {
	if err == nil {
		return nil
	}
	e, known := edge(err)
	if !known {
		s.log.Error("files: a request failed", "operation", operation, "error", err)
	}
	s.metrics.requests.WithLabelValues(operation, e.Name).Inc()
	return toWire(e)
}
