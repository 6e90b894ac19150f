package files

import (
	"sync"
	"syscall"
	"time"
)

// disk tells how much space is free, without asking at every request.
type disk struct {
	dir string
	ask func(dir string) (int64, error)
	now func() time.Time

	mu   sync.Mutex
	at   time.Time // guarded by mu
	free int64     // guarded by mu
	err  error     // guarded by mu
}

// diskFresh is how long an answer is good.
const diskFresh = time.Second

func (d *disk) freeBytes() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.now(); d.at.IsZero() || now.Sub(d.at) >= diskFresh || now.Before(d.at) {
		d.free, d.err = d.ask(d.dir)
		d.at = now
	}
	return d.free, d.err
}

// statfsFree are the bytes that this process can still write to dir's disk.
func statfsFree(dir string) (int64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
