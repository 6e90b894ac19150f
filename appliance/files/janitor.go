package files

import (
	"context"
	"time"
)

// janitorEvery is how often unfinished uploads are looked through.
const janitorEvery = time.Minute

// janitor makes files of the uploads that were left complete, by a former process
// or while the storage of files was away, and removes those that nothing comes for
// any more.
func (s *Server) janitor() {
	defer s.work.Done()
	s.finishLeft()
	s.layGhosts()
	tick := time.NewTicker(janitorEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.finishLeft()
			s.expire()
			s.layGhosts()
			s.thumbs.trim()
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Server) finishLeft() {
	for _, u := range s.staging.all() {
		if s.ctx.Err() != nil {
			return
		}
		if u.written() < u.head.Size || !u.work.TryLock() {
			continue // a request is at it
		}
		u.work.Unlock()
		if _, err := s.finish(context.Background(), s.setup.Load(), u); err != nil {
			s.log.Warn("files: an upload that was complete did not become a file; it is tried again", "id", u.id.String(), "error", err)
		}
	}
}

// expire leaves alone what is being worked on.
func (s *Server) expire() {
	oldest := s.now().Add(-s.setup.Load().UploadExpiry)
	for _, u := range s.staging.all() {
		if !u.idleSince().Before(oldest) || !u.work.TryLock() {
			continue
		}
		if !u.gone && u.idleSince().Before(oldest) {
			if err := u.drop(false); err != nil {
				s.log.Warn("files: cannot remove an expired upload", "id", u.id.String(), "error", err)
			}
			s.metrics.expired.Inc()
		}
		u.work.Unlock()
	}
}
