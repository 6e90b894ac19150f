package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/yizhan-im/yizhan/appliance/limitlog"
)

// Authenticator checks the credentials of a login (app.App). Errors are
// *wire.Error.
type Authenticator interface {
	CheckCredentials(ctx context.Context, remote netip.AddrPort, appKey, account, token string) (tenant uint32, name string, err error)
}

// Config is what a Server works with. Dir, Keys and Auth are required.
type Config struct {
	// Dir is this node's folder for files, made when it is missing. One process at
	// a time may use it.
	Dir        string
	Keys       KeyStore
	Auth       Authenticator
	Ledger     Ledger                      // nil counts nothing
	Logger     *slog.Logger                // nil discards
	Registerer prometheus.Registerer       // nil does not register
	Now        func() time.Time            // nil is time.Now
	FreeSpace  func(string) (int64, error) // nil asks the file system
}

// What lies in Config.Dir. Changing a name loses the files of nodes that run.
const (
	stagingFolder   = "unfinished"
	objectsFolder   = "objects"
	thumbnailFolder = "thumbnails"
	usageFolder     = "usage"
)

// Server is the service of one node. It outlives reloads of the HTTP server. Its
// methods may be called from any goroutine.
type Server struct {
	dir     string
	keys    KeyStore
	auth    Authenticator
	ledger  Ledger
	log     *slog.Logger
	clients *limitlog.Logger // lines that clients cause
	now     func() time.Time
	metrics *metrics
	disk    *disk
	quota   *quota
	staging *staging
	thumbs  *thumbnails
	locker  *locker
	grace   time.Duration // of bodies; never changes while requests are served

	setup     atomic.Pointer[setup]
	setupMu   sync.Mutex // held while setup changes
	signMu    sync.Mutex
	signed    atomic.Pointer[signer] // nil until the key could be read
	transfers atomic.Int64
	draining  atomic.Bool

	ctx    context.Context // over when Close begins
	cancel context.CancelFunc
	work   sync.WaitGroup // requests and the janitor

	mu     sync.Mutex
	closed bool // guarded by mu: no more work
}

// setup is what changes with the options, as a whole.
type setup struct {
	Options
	blobs blobs
	tus   http.Handler
}

// New opens the service in c.Dir. Uploads that were complete when the former
// process ended become files in the background.
func New(c Config, o Options) (*Server, error) {
	s := &Server{dir: c.Dir, keys: c.Keys, auth: c.Auth, ledger: c.Ledger, log: c.Logger, now: c.Now, locker: newLocker(), grace: rateGrace}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.ledger == nil {
		s.ledger = uncounted{}
	}
	if c.FreeSpace == nil {
		c.FreeSpace = statfsFree
	}
	s.clients = limitlog.New(s.log)
	s.disk = &disk{dir: s.dir, ask: c.FreeSpace, now: s.now}
	var err error
	if s.quota, err = newQuota(filepath.Join(s.dir, usageFolder), s.now, s.log); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	if s.staging, err = openStaging(filepath.Join(s.dir, stagingFolder), s.quota, s.log, s.now, s.tooFull); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	if err := makeDirs(s.dir, filepath.Join(s.dir, objectsFolder)); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	s.metrics = newMetrics(c.Registerer,
		func() float64 { n, _ := s.quota.counts(); return float64(n) },
		func() float64 { _, n := s.quota.counts(); return float64(n) })
	if s.thumbs, err = openThumbnails(filepath.Join(s.dir, thumbnailFolder), s.metrics); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	if err := s.SetOptions(o); err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.work.Add(1)
	go s.janitor()
	return s, nil
}

// SetOptions changes what holds for requests from now on. It fails only for
// options that Validate refuses, and then changes nothing.
func (s *Server) SetOptions(o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	s.setupMu.Lock()
	defer s.setupMu.Unlock()
	next := &setup{Options: o.withDefaults()}
	before := s.setup.Load()
	switch {
	case o.S3 == nil:
		next.blobs = &local{dir: filepath.Join(s.dir, objectsFolder)}
	case before != nil && before.S3 != nil && *before.S3 == *o.S3:
		next.blobs = before.blobs
	default:
		b, err := newBucket(*o.S3)
		if err != nil {
			return err
		}
		next.blobs = b
	}
	var err error
	if next.tus, err = s.newTus(next); err != nil {
		return err
	}
	s.thumbs.setLimit(next.ThumbnailCache)
	s.setup.Store(next)
	return nil
}

// signer has the site's key. It is read at the first use: a node whose disk is
// full must start all the same.
func (s *Server) signer(ctx context.Context) (*signer, error) {
	if k := s.signed.Load(); k != nil {
		return k, nil
	}
	s.signMu.Lock()
	defer s.signMu.Unlock()
	if k := s.signed.Load(); k != nil {
		return k, nil
	}
	key, err := loadKey(ctx, s.keys)
	if err != nil {
		return nil, fmt.Errorf("the key that signs grants and links: %w", err)
	}
	k := newSigner(key)
	s.signed.Store(k)
	return k, nil
}

// tooFull is nil while the disk may be written to.
func (s *Server) tooFull() error {
	free, err := s.disk.freeBytes()
	if err != nil {
		return err
	}
	if free < s.setup.Load().MinFree {
		return errDiskFull
	}
	return nil
}

// begin makes place for an upload.
func (s *Server) begin(ctx context.Context, set *setup, p Principal, size int64, d declared, resumable bool) (*upload, error) {
	if s.draining.Load() {
		return nil, errStopping
	}
	if err := s.ledger.FileRoom(ctx, p.AppKey, p.Account, size); err != nil {
		return nil, refused(err)
	}
	free, err := s.disk.freeBytes()
	if err != nil {
		return nil, err
	}
	r, err := s.quota.reserve(p, size, &set.Options, free)
	if err != nil {
		return nil, err
	}
	u, err := s.staging.create(p, size, d, r, resumable)
	if err != nil {
		r.release(false)
		return nil, err
	}
	return u, nil
}

// storeTimeout bounds how long a finished upload may take to become a file: at an
// S3 server it is sent there.
const storeTimeout = 10 * time.Minute

// finish makes a complete upload a file. It goes on when the client leaves. A
// refusal removes the upload; after a failure of the storage it can be tried again.
func (s *Server) finish(ctx context.Context, set *setup, u *upload) (*meta, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	u.work.Lock()
	defer u.work.Unlock()
	if u.gone {
		return set.blobs.stat(ctx, u.id)
	}
	if !u.complete() {
		return nil, errUnfinished
	}
	start := time.Now()
	m, err := u.meta()
	if err == nil && !takes(set, u.head.Owner, m.Type) {
		err = errType.noting("files of type %s are not taken", m.Type)
	}
	if err != nil {
		return s.unfinishable(ctx, set, u, err)
	}
	// Counted first: content that nobody counts would stay for ever.
	if err := s.ledger.StoreFile(ctx, u.stored(m)); err != nil {
		if known := new(Error); errors.As(refused(err), &known) {
			return s.unfinishable(ctx, set, u, known)
		}
		return nil, err
	}
	u.counted = true
	if err := set.blobs.put(ctx, u.id, m, u.part()); err != nil {
		return nil, err
	}
	s.metrics.putTime.Observe(time.Since(start).Seconds())
	if err := u.drop(true); err != nil {
		s.log.Warn("files: cannot remove what is left of an upload; it is tried again at the next start", "id", u.id.String(), "error", err)
	}
	kind := kindSingle
	if u.resumable {
		kind = kindResumable
	}
	s.metrics.finished.WithLabelValues(kind).Inc()
	return m, nil
}

// unfinishable ends an upload that will never be a file, unless it is one: a
// process may have ended between making the file and forgetting the upload.
func (s *Server) unfinishable(ctx context.Context, set *setup, u *upload, err error) (*meta, error) {
	if known := new(Error); errors.As(err, &known) {
		return nil, errors.Join(err, u.drop(false))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err // it may pass by
	}
	m, statErr := set.blobs.stat(ctx, u.id)
	switch {
	case statErr == nil:
		return m, u.drop(true)
	case errors.Is(statErr, errNotFound):
		return nil, errors.Join(err, u.drop(false))
	}
	return nil, statErr
}

func takes(set *setup, p Principal, mime string) bool {
	l := set.limits(p.AppKey)
	return l.takes(mime)
}

// Drain refuses new uploads. Those under way and downloads go on.
func (s *Server) Drain() { s.draining.Store(true) }

// Close ends every transfer at once, what has come stays for resuming, and
// returns when no request is served any more. Later requests get status 503.
func (s *Server) Close() error {
	s.Drain()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
	s.quota.stop()
	return nil
}

// begun counts a request, unless the server is closed.
func (s *Server) begun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Add(1)
	}
	return !s.closed
}

var _ handler.DataStore = (*tusStore)(nil)
