package raftstore

import (
	"sync/atomic"
	"time"
)

// diskState is what the store knows about its disk.
type diskState struct {
	refusing atomic.Bool   // writes are refused
	minFree  atomic.Uint64 // Options.MinFreeBytes, changeable
	diskFree atomic.Uint64 // when last looked at
	diskLook chan struct{} // asks for a look out of turn
	// wasRefusing is what runDisk saw last, and its own.
	wasRefusing bool
}

// SetMinFreeBytes changes Options.MinFreeBytes of a running store; 0 means the
// default.
func (s *Store) SetMinFreeBytes(n uint64) {
	def(&n, DefaultMinFreeBytes)
	s.minFree.Store(n)
	select {
	case s.diskLook <- struct{}{}:
	default: // asked already
	}
}

// onDiskFull is told of a write that found no room. The next regular look
// decides when to go on.
func (s *Store) onDiskFull() { s.refuse("a write found no room") }

// runDisk looks at the free space again and again, refuses writes while there is
// too little, and takes them again when there is enough.
func (s *Store) runDisk() {
	defer s.loops.Done()
	tick := time.NewTicker(s.o.FreeSpacePeriod)
	defer tick.Stop()
	for {
		if s.checkDisk() {
			s.giveUpLeadership()
		}
		select {
		case <-tick.C:
		case <-s.diskLook:
		case <-s.closing:
			return
		}
	}
}

// checkDisk looks once. It reports whether writes were taken when it last looked
// and are refused now.
func (s *Store) checkDisk() (filled bool) {
	free, err := s.o.FreeSpace(s.o.Dir)
	if err != nil {
		s.log.Error("raftstore: free space not known", "err", err)
		return false
	}
	s.diskFree.Store(free)
	least := s.minFree.Load()
	// Space that the ballast will need again does not count.
	spare := free - min(free, s.ballast.missing())
	switch {
	case free < least:
		s.refuse("free space is below the minimum")
	case spare >= least+least/4:
		if s.refusing.CompareAndSwap(true, false) {
			s.log.Info("raftstore: writes taken again", "free", free)
		}
		if err := s.ballast.refill(); err != nil {
			s.log.Warn("raftstore: ballast not reserved", "err", err)
		}
	}
	was := s.wasRefusing
	s.wasRefusing = s.refusing.Load()
	return s.wasRefusing && !was
}

func (s *Store) refuse(why string) {
	if s.refusing.CompareAndSwap(false, true) {
		s.log.Warn("raftstore: writes refused: "+why+"; free disk space, they are taken again by themselves",
			"dir", s.o.Dir, "free", s.diskFree.Load(), "minimum", s.minFree.Load())
	}
}

// giveUpLeadership lets a member whose disk may have room lead instead.
func (s *Store) giveUpLeadership() {
	if !s.IsLeader() {
		return
	}
	members, err := s.Members()
	if err != nil {
		return
	}
	for _, m := range members {
		if m.Voter && m.ID != s.o.NodeID {
			if err := s.TransferLeadership(s.ctx, ""); err != nil {
				s.log.Warn("raftstore: disk full, but leadership stays here", "err", err)
			}
			return
		}
	}
}
