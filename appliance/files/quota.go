package files

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// quota counts what tenants have uploaded today, and what accounts and the node
// have under way. What a tenant has announced counts from that moment, and no more
// once the upload is deleted or expires on the same day.
//
// The day's counts are kept in a file, one line for each change, so that a restart
// does not forgive them. It is not synced: a power failure may forgive the last
// seconds.
type quota struct {
	dir string
	now func() time.Time
	log *slog.Logger

	mu         sync.Mutex
	day        string             // guarded by mu: 2006-01-02, UTC
	used       map[uint32]int64   // guarded by mu: bytes of day, by tenant
	unfinished map[accountKey]int // guarded by mu
	total      int                // guarded by mu: of unfinished
	unwritten  int64              // guarded by mu: bytes announced and not yet on disk
	file       *os.File           // guarded by mu: of day; nil when it could not be opened
}

type accountKey struct {
	tenant  uint32
	account string
}

func (p *Principal) key() accountKey { return accountKey{p.Tenant, p.Account} }

// newQuota reads what was used today from dir.
func newQuota(dir string, now func() time.Time, log *slog.Logger) (*quota, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	q := &quota{dir: dir, now: now, log: log, unfinished: map[accountKey]int{}}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	return q, nil
}

const dayFormat = "2006-01-02"

// turn begins another day when it is one. q.mu is held.
func (q *quota) turn() {
	day := q.now().UTC().Format(dayFormat)
	if day == q.day {
		return
	}
	q.close()
	q.day, q.used = day, map[uint32]int64{}
	path := filepath.Join(q.dir, day)
	if err := q.read(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		q.log.Warn("files: cannot read what was uploaded today; counting from zero", "file", path, "error", err)
	}
	var err error
	if q.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		q.file = nil
		q.log.Warn("files: cannot keep what is uploaded today; a restart will forgive it", "file", path, "error", err)
	}
	q.removeOld()
}

// removeOld removes the counts of other days.
func (q *quota) removeOld() {
	entries, err := os.ReadDir(q.dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if _, err := time.Parse(dayFormat, entry.Name()); err == nil && entry.Name() != q.day {
			_ = os.Remove(filepath.Join(q.dir, entry.Name())) // tried again tomorrow
		}
	}
}

func (q *quota) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		tenant, size, _ := strings.Cut(lines.Text(), " ")
		t, err1 := strconv.ParseUint(tenant, 10, 32)
		n, err2 := strconv.ParseInt(size, 10, 64)
		if err1 == nil && err2 == nil { // a torn line counts nothing
			q.used[uint32(t)] += n
		}
	}
	return lines.Err()
}

// use counts n bytes of a tenant's day. q.mu is held.
func (q *quota) use(tenant uint32, n int64) {
	q.used[tenant] += n
	if q.file != nil {
		if _, err := fmt.Fprintf(q.file, "%d %d\n", tenant, n); err != nil {
			q.log.Warn("files: cannot keep what is uploaded today; a restart will forgive it", "error", err)
			q.close()
		}
	}
}

// close is called with q.mu held.
func (q *quota) close() {
	if q.file != nil {
		_ = q.file.Close() // nothing is buffered
		q.file = nil
	}
}

// reservation is an upload's place in the counts. release ends it.
type reservation struct {
	q        *quota
	owner    Principal
	day      string
	size     int64
	written  int64 // guarded by q.mu
	released bool  // guarded by q.mu
}

// reserve makes place for an upload of size bytes, or says why there is none. free
// is the free disk space.
func (q *quota) reserve(p Principal, size int64, o *Options, free int64) (*reservation, error) {
	l := o.limits(p.AppKey)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turn()
	switch {
	case size > l.MaxSize:
		return nil, errTooLarge.noting("the file has %d bytes; at most %d are taken", size, l.MaxSize)
	case q.unfinished[p.key()] >= o.MaxUploads:
		return nil, errManyUploads.noting("the account has %d unfinished uploads; finish or delete one", o.MaxUploads)
	case q.total >= o.MaxUnfinished:
		return nil, errNodeFull
	case q.used[p.Tenant]+size > l.PerDay:
		return nil, errDailyQuota.noting("the tenant may upload %d bytes a day and %d of them are left", l.PerDay, max(0, l.PerDay-q.used[p.Tenant]))
	case free-q.unwritten-size < o.MinFree:
		return nil, errDiskFull
	}
	q.use(p.Tenant, size)
	return q.add(p, size, 0, q.day), nil
}

// restore counts an upload that was under way before the node started, with
// written bytes on disk. Its day is over: it gives nothing back.
func (q *quota) restore(p Principal, size, written int64) *reservation {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(p, size, written, "")
}

func (q *quota) add(p Principal, size, written int64, day string) *reservation {
	q.unfinished[p.key()]++
	q.total++
	q.unwritten += size - written
	return &reservation{q: q, owner: p, day: day, size: size, written: written}
}

// wrote tells that n more bytes are on disk; n is negative when they were lost.
func (r *reservation) wrote(n int64) {
	r.q.mu.Lock()
	defer r.q.mu.Unlock()
	if !r.released {
		r.written += n
		r.q.unwritten -= n
	}
}

// shrink gives back what was reserved beyond size bytes.
func (r *reservation) shrink(size int64) {
	q := r.q
	q.mu.Lock()
	defer q.mu.Unlock()
	over := r.size - size
	if r.released || over <= 0 {
		return
	}
	r.size = size
	q.unwritten -= over
	q.turn()
	if r.day == q.day {
		q.use(r.owner.Tenant, -over)
	}
}

// release ends the upload. What did not become a file is given back to the day.
func (r *reservation) release(finished bool) {
	q := r.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.released {
		return
	}
	r.released = true
	q.unwritten -= r.size - r.written
	q.total--
	if k := r.owner.key(); q.unfinished[k] > 1 {
		q.unfinished[k]--
	} else {
		delete(q.unfinished, k)
	}
	q.turn()
	if !finished && r.day == q.day && r.size > 0 {
		q.use(r.owner.Tenant, -r.size)
	}
}

// counts are the unfinished uploads and the bytes that they still announce.
func (q *quota) counts() (unfinished int, unwritten int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total, q.unwritten
}

// stop closes the file. Later changes are counted and not kept.
func (q *quota) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.close()
}
