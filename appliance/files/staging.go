package files

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	partSuffix    = ".part"
	journalSuffix = ".journal"

	// syncEvery is how many bytes of an upload a power failure may cost.
	syncEvery = 8 << 20
	// copyBuffer is what one running upload holds in memory.
	copyBuffer = 64 << 10
)

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBuffer); return &b }}

// staging holds the unfinished uploads of this node: for each a part file with
// the content so far and, if it can be resumed, a journal.
type staging struct {
	dir   string
	log   *slog.Logger
	now   func() time.Time
	quota *quota
	// tooFull says so when the disk must not be filled further.
	tooFull func() error
	ghosts  ghosts

	mu      sync.Mutex
	uploads map[fileID]*upload // guarded by mu: those with a journal
}

// upload is one unfinished upload.
type upload struct {
	s          *staging
	id         fileID
	head       journalHead
	reserved   *reservation
	resumable  bool         // has a journal
	lastActive atomic.Int64 // Unix ns of the last byte
	at         atomic.Int64 // offset, for those who do not hold work

	// work is held while content is appended, finished or removed.
	work sync.Mutex
	progress
	gone    bool // finished or removed; guarded by work
	checked bool // the type was found to be taken; guarded by work
	counted bool // by the ledger, maybe; guarded by work

	// Of a backend's file, which cannot be resumed: not in the journal.
	tag    string
	lifeMs int64
}

// openStaging reads what a former process has left in dir. What cannot be gone on
// with is removed.
func openStaging(dir string, q *quota, log *slog.Logger, now func() time.Time, tooFull func() error) (*staging, error) {
	s := &staging{dir: dir, log: log, now: now, quota: q, tooFull: tooFull, uploads: map[fileID]*upload{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), journalSuffix)
		if !ok {
			continue
		}
		if id, err := parseID(name); err == nil {
			if err := s.restore(id); err != nil {
				log.Warn("files: an unfinished upload cannot be gone on with", "id", id.String(), "error", err)
				_ = os.Remove(s.path(id, journalSuffix)) // met again at the next start
			}
		}
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), partSuffix)
		if id, err := parseID(name); ok && err == nil && s.uploads[id] == nil {
			s.ghosts.add(id)                      // it may have been counted just before
			_ = os.Remove(s.path(id, partSuffix)) // met again at the next start
		}
	}
	return s, nil
}

// restore reads one journal. A part that is missing although it was complete has
// become a file already: finishing it again finds that out.
func (s *staging) restore(id fileID) error {
	b, err := os.ReadFile(s.path(id, journalSuffix))
	if err != nil {
		return err
	}
	head, p, err := decodeJournal(b)
	if err != nil {
		return err
	}
	info, err := os.Stat(s.path(id, partSuffix))
	complete := p.offset == head.Size
	switch {
	case errors.Is(err, fs.ErrNotExist) && complete:
	case err != nil:
		return err
	case info.Size() < p.offset:
		return fmt.Errorf("the part has %d bytes and the journal says %d", info.Size(), p.offset)
	}
	u := &upload{s: s, id: id, head: *head, resumable: true, progress: p}
	u.at.Store(p.offset)
	u.reserved = s.quota.restore(head.Owner, head.Size, p.offset)
	u.touch()
	s.uploads[id] = u
	return nil
}

func (s *staging) path(id fileID, suffix string) string {
	return filepath.Join(s.dir, id.String()+suffix)
}

// create begins an upload. It takes over the reservation when it returns nil.
func (s *staging) create(p Principal, size int64, d declared, r *reservation, resumable bool) (*upload, error) {
	u := &upload{s: s, id: newID(p.Tenant), reserved: r, resumable: resumable, progress: newProgress()}
	u.head = journalHead{Owner: p, Declared: d, Size: size, Created: s.now().UnixMilli()}
	u.touch()
	part, err := os.OpenFile(u.part(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	err = part.Close()
	if resumable && err == nil {
		var journal []byte
		if journal, err = u.head.encode(); err == nil {
			err = createFile(u.journal(), journal)
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(u.part()))
	}
	if resumable {
		s.mu.Lock()
		s.uploads[u.id] = u
		s.mu.Unlock()
	}
	return u, nil
}

// get finds an upload that can be resumed.
func (s *staging) get(id fileID) (*upload, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[id]
	return u, ok
}

func (s *staging) all() []*upload {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*upload, 0, len(s.uploads))
	for _, u := range s.uploads {
		all = append(all, u)
	}
	return all
}

func (u *upload) part() string    { return u.s.path(u.id, partSuffix) }
func (u *upload) journal() string { return u.s.path(u.id, journalSuffix) }
func (u *upload) touch()          { u.lastActive.Store(u.s.now().UnixNano()) }
func (u *upload) complete() bool  { return u.offset == u.head.Size }

func (u *upload) idleSince() time.Time { return time.Unix(0, u.lastActive.Load()) }

// written is how much of the upload has come. It is on disk when nothing is being
// appended.
func (u *upload) written() int64 { return u.at.Load() }

// append takes what src has, to the upload's end at most, and returns when it is
// on disk. takes is asked about the type as soon as it can be told. An error of src
// that is not io.EOF is returned after everything before it is on disk.
func (u *upload) append(src io.Reader, takes func(mime string) error) (n int64, err error) {
	u.work.Lock()
	defer u.work.Unlock()
	if u.gone {
		return 0, errNotFound
	}
	part, err := os.OpenFile(u.part(), os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, part.Close()) }()
	if err := part.Truncate(u.offset); err != nil { // what a crash left behind the last sync
		return 0, err
	}
	start, synced := u.offset, u.offset
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	for !u.complete() && err == nil {
		var got, put int
		got, err = src.Read((*buffer)[:min(copyBuffer, u.head.Size-u.offset)])
		if got > 0 {
			var failed error
			put, failed = part.WriteAt((*buffer)[:got], u.offset)
			_, _ = u.sha.Write((*buffer)[:put]) // never fail
			_, _ = u.md5.Write((*buffer)[:put])
			u.offset += int64(put)
			u.at.Store(u.offset)
			u.reserved.wrote(int64(put))
			u.touch()
			if failed != nil {
				err = failed
			}
		}
		if err == nil && u.offset-synced >= syncEvery {
			if err = u.s.tooFull(); err == nil {
				err, synced = u.sync(part), u.offset
			}
		}
		if err == nil {
			err = u.check(part, takes)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if u.offset > synced {
		err = errors.Join(err, u.sync(part))
	}
	return u.offset - start, err
}

// sync makes what was appended durable. After a failure nobody knows what is on
// disk, and the upload is over.
func (u *upload) sync(part *os.File) error {
	if !u.resumable {
		return nil // it is synced when it is finished, or lost as a whole
	}
	err := part.Sync()
	if err == nil {
		err = u.save(u.journal())
	}
	if err != nil {
		return errors.Join(err, u.drop(false))
	}
	return nil
}

// check asks about the type once there is enough to find it.
func (u *upload) check(part io.ReaderAt, takes func(string) error) error {
	if u.checked || u.offset < min(sniffLen, u.head.Size) {
		return nil
	}
	mime, err := sniffAt(part, u.offset)
	if err != nil {
		return err
	}
	if err := takes(mime); err != nil {
		return err
	}
	u.checked = true
	return nil
}

// meta describes the complete upload by what its content is.
func (u *upload) meta() (*meta, error) {
	part, err := os.Open(u.part())
	if err != nil {
		return nil, err
	}
	defer part.Close()
	mime, err := sniffAt(part, u.head.Size)
	if err != nil {
		return nil, err
	}
	d := u.head.Declared
	m := &meta{
		ID: u.id.String(), AppKey: u.head.Owner.AppKey, Account: u.head.Owner.Account,
		Name: d.Name, Ext: d.Ext, Type: mime, Size: u.head.Size,
		MD5: hex.EncodeToString(u.md5.Sum(nil)), SHA256: hex.EncodeToString(u.sha.Sum(nil)),
		W: d.W, H: d.H, Dur: d.Dur, Created: u.s.now().UnixMilli(),
	}
	if d.MD5 != "" && d.MD5 != m.MD5 || d.SHA256 != "" && d.SHA256 != m.SHA256 {
		return nil, errDigest
	}
	if w, h, ok := imageSize(part, mime); ok {
		m.W, m.H = w, h
	}
	return m, nil
}

// end makes what has come the whole upload, of which nobody knew the size.
func (u *upload) end() {
	u.work.Lock()
	defer u.work.Unlock()
	u.reserved.shrink(u.offset)
	u.head.Size = u.offset
}

// stored is the file that u becomes, as a Ledger sees it.
func (u *upload) stored(m *meta) StoredFile {
	return StoredFile{
		Tenant: u.id.tenant, AppKey: m.AppKey, Account: m.Account, ID: u.id.random,
		Type: m.Type, Tag: u.tag, Size: m.Size, LifeMs: u.lifeMs,
	}
}

// drop removes the upload, finished or not. u.work is held.
func (u *upload) drop(finished bool) error {
	if u.gone {
		return nil
	}
	u.gone = true
	u.reserved.release(finished)
	if u.counted && !finished {
		u.s.ghosts.add(u.id)
	}
	if u.resumable {
		u.s.mu.Lock()
		delete(u.s.uploads, u.id)
		u.s.mu.Unlock()
		// The journal last: without its part it says that the upload was finished.
		return errors.Join(removeFile(u.part()), removeFile(u.journal()))
	}
	return removeFile(u.part())
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
