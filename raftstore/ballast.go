package raftstore

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// ballast is a file of reserved space that is given back to a disk that is
// full, because Raft cannot go on without writing its term and vote.
type ballast struct {
	path   string
	size   int64 // 0 or less: none
	log    *slog.Logger
	mu     sync.Mutex
	exists bool // guarded by mu
}

func newBallast(dir string, size int64, log *slog.Logger) *ballast {
	b := &ballast{path: filepath.Join(dir, ballastName), size: size, log: log}
	if st, err := os.Stat(b.path); err == nil {
		b.exists = true
		if st.Size() != size { // another size was configured
			b.release()
		}
	}
	return b
}

// release gives the space back and reports whether there was any.
func (b *ballast) release() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.exists {
		return false
	}
	if err := os.Remove(b.path); err != nil {
		b.log.Error("raftstore: ballast not released", "err", err)
		return false
	}
	b.exists = false
	b.log.Warn("raftstore: disk full, ballast released", "bytes", b.size)
	return true
}

// missing is the space that refill will need.
func (b *ballast) missing() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.exists || b.size <= 0 {
		return 0
	}
	return uint64(b.size)
}

// refill reserves the space again; the caller knows that there is enough.
func (b *ballast) refill() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.exists || b.size <= 0 {
		return nil
	}
	f, err := os.OpenFile(b.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, b.size)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		err = fill(f, b.size)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(b.path))
	}
	b.exists = true
	return nil
}

// fill writes n zero bytes, for file systems without fallocate.
func fill(f *os.File, n int64) error {
	chunk := make([]byte, 256<<10)
	for n > 0 {
		w, err := f.Write(chunk[:min(n, int64(len(chunk)))])
		if err != nil {
			return err
		}
		n -= int64(w)
	}
	return nil
}
