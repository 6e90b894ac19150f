package raftstore

import (
	"errors"
	"time"
)

// closeGrace is how long Close lets queued commands finish, and then how long it
// waits for each part that does not stop at once.
const closeGrace = 5 * time.Second

// Close lets queued commands finish for a few seconds, then stops the node.
// Views still open keep the state open; Close waits for them for a few seconds
// and then returns an error.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	s.halt()
	s.watch.Wait()
	select {
	case <-s.raftDown:
	default: // it still uses everything
		return errors.New("raftstore: close: the machine or the disk does not return; end the process")
	}
	s.m.unregister()
	return errors.Join(s.closeState(), s.logs.Close(), s.lock.Close())
}

// halt ends all activity, once; other calls wait for the first.
func (s *Store) halt() {
	s.haltOnce.Do(func() {
		s.stopped.Store(true)
		s.queue.close()
		piped := make(chan struct{})
		go func() {
			s.pipeline.Wait()
			close(piped)
		}()
		// Raft must run while the pipeline drains: it answers everything that it
		// was handed, as committed, as lost, or as failed.
		select {
		case <-piped:
		case <-time.After(closeGrace):
		}
		s.stopNow.Store(true)
		s.cancel()
		down := s.raft.Shutdown()
		go func() {
			_ = down.Error() // always nil
			close(s.raftDown)
		}()
		select {
		case <-s.raftDown:
			<-piped
			s.loops.Wait()
		case <-time.After(2 * closeGrace):
			s.log.Error("raftstore: raft does not stop")
		}
	})
}

// closeState closes the state after writing it out, so that the next start has
// nothing to replay and can see from it how far the log must reach.
func (s *Store) closeState() error {
	s.stateMu.Lock()
	db := s.state
	s.state = nil
	s.stateMu.Unlock()
	var err error
	if done, flushErr := db.AsyncFlush(); flushErr == nil {
		select {
		case <-done:
		case <-time.After(closeGrace):
			// The disk is full: the log has everything.
			s.log.Warn("raftstore: state not written out; the next start replays more of the log")
		}
	} else {
		err = flushErr
	}
	db.release()
	select {
	case <-db.closed:
		return errors.Join(err, db.err)
	case <-time.After(closeGrace):
		return errors.Join(err, errors.New("raftstore: close: a View is still open"))
	}
}
