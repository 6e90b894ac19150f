package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/yizhan-im/yizhan/appliance/api"
	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/callback"
	"github.com/yizhan-im/yizhan/appliance/fanout"
	"github.com/yizhan-im/yizhan/appliance/files"
	"github.com/yizhan-im/yizhan/appliance/janitor"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/search"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/sitestore"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// What a node keeps in its data folder. Changing a name loses the data of
// nodes that run.
const (
	storeFolder = "store"
	linkKeyFile = "link.key"
	filesFolder = "files"
	// searchFolder may be deleted while the node is stopped: it is made anew.
	searchFolder = "search"
)

// Config says how to run a node. Zero values take the defaults of the package
// that each belongs to.
type Config struct {
	// NodeID names the node within its site; see ValidNodeID.
	NodeID string
	// DataDir is where the node keeps everything; made when it is missing.
	DataDir string
	// MinFreeBytes is the free disk space below which writes are refused.
	MinFreeBytes uint64
	Link         LinkConfig
	WebLink      WebLinkConfig
	Files        FilesConfig
	// SearchOff keeps no index of messages; search is then refused. Default: it is on.
	SearchOff bool
	// PresenceGrace is how long a device whose connection was lost counts as online;
	// 0 is 20 s, below 0 it is offline at once.
	PresenceGrace time.Duration
	Logger        *slog.Logger
}

// LinkConfig limits the Link gateway, WebLinkConfig the one for browsers, and
// FilesConfig the files of messages.
type (
	LinkConfig    = link.Options
	WebLinkConfig = weblink.Options
	FilesConfig   = files.Options
)

var nodeIDPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)

// ValidNodeID reports what is wrong with a node's name: it is 1–63 lower-case
// letters, digits, dots and hyphens, as in a host name (RFC 1123).
func ValidNodeID(id string) error {
	if !nodeIDPattern.MatchString(id) {
		return fmt.Errorf("%q is not 1–63 lower-case letters, digits, dots or hyphens", id)
	}
	return nil
}

// Node is one running node. Its methods may be called from any goroutine.
type Node struct {
	id       string
	logger   *slog.Logger
	started  time.Time
	registry *prometheus.Registry
	linkKey  string // the public key, in its text form
	format   uint32 // of what is stored

	// In the order of their start; Close stops them in the reverse order.
	store *raftstore.Store
	fan   *fanout.Fanout
	site  *sitestore.Storage
	hub   *session.Hub
	gate  *callback.Gate
	app   *app.App
	clean *janitor.Janitor
	index *search.Engine // nil when search is switched off
	files *files.Server
	link  *link.Server
	web   *weblink.Server
	api   *api.API
	lbs   *lbs.Server

	// delivery takes what the state machine has applied, once app exists. What
	// the store replays before that concerns nobody: no client is connected yet.
	delivery atomic.Pointer[delivery]
	failure  atomic.Pointer[error] // why the store has failed

	closing   chan struct{} // closed when Close begins
	watched   chan struct{} // closed when watchStore has returned
	trimmed   chan struct{} // closed when runTrimmer has returned
	closeOnce sync.Once
	closeErr  error
}

// delivery is who gets the results of applied commands, in this order: a session
// whose token has changed must not get the messages that follow.
type delivery struct {
	app    *app.App
	fanout *fanout.Fanout
	index  *search.Engine // may be nil
}

// Open starts the node that lives in cfg.DataDir, creating it when the folder
// is empty. It returns when the node accepts writes. Errors say what the
// operator can do.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	if err := ValidNodeID(cfg.NodeID); err != nil {
		return nil, fmt.Errorf("node id: %w", err)
	}
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	key, err := secure.LoadOrCreateServerKey(filepath.Join(cfg.DataDir, linkKeyFile))
	if err != nil {
		return nil, fmt.Errorf("link key: %w", err)
	}
	n := &Node{
		id:       cfg.NodeID,
		logger:   logger,
		started:  time.Now(),
		registry: prometheus.NewRegistry(),
		linkKey:  secure.EncodePublicKey(key.Public()),
		hub:      session.NewHub(),
		closing:  make(chan struct{}),
		watched:  make(chan struct{}),
		trimmed:  make(chan struct{}),
	}
	if err := n.openStore(ctx, cfg); err != nil {
		return nil, err
	}
	queries := state.NewQueries(n.store.View)
	if err := n.upgrade(ctx, queries); err != nil {
		return nil, errors.Join(err, n.store.Close())
	}
	n.site = sitestore.New(sitestore.Config{Store: n.store, Queries: queries, Node: n.id, Logger: logger})
	n.gate = callback.New(callback.Options{Logger: logger, Registerer: n.registry})
	n.fan = fanout.New(n.hub, n.registry)
	if err := n.openSearch(cfg, queries); err != nil {
		n.gate.Close()
		n.site.Close()
		err = errors.Join(err, n.store.Close())
		n.fan.Close()
		return nil, err
	}
	n.app = app.New(app.Config{
		Store:      n.store,
		Queries:    queries,
		Hub:        n.hub,
		Logger:     logger,
		Registerer: n.registry,
		Now:        time.Now,
		NodeID:     n.id,
		Gate:       n.gate,
		MegaTeams:  n.fan,
		Searcher:   n.searcher(),

		PresenceGrace: cfg.PresenceGrace,
	})
	if err := n.openFiles(cfg, queries); err != nil {
		n.app.Close()
		n.gate.Close()
		n.site.Close()
		err = errors.Join(err, n.closeSearch(), n.store.Close())
		n.fan.Close()
		return nil, err
	}
	n.delivery.Store(&delivery{n.app, n.fan, n.index})
	if n.index != nil {
		n.index.Start()
	}
	n.link = link.NewServer(key, n.app, logger, n.registry, cfg.Link)
	n.web = weblink.NewServer(n.app, logger, n.registry, cfg.WebLink)
	n.api = api.New(n.app, api.Options{Files: n.files, Healthy: n.healthy, Logger: logger, Registerer: n.registry})
	n.lbs = lbs.New(lbs.Config{Key: n.linkKey, Tenant: n.tenantExists, Logger: logger, Registerer: n.registry})
	n.clean = janitor.New(janitor.Config{Store: n.store, Queries: queries, Files: n.files, Logger: logger, Registerer: n.registry})
	go n.watchStore()
	go n.runTrimmer()
	return n, nil
}

// openStore opens the store and waits until it leads: a site of one node has
// nobody else to wait for.
func (n *Node) openStore(ctx context.Context, cfg Config) error {
	store, err := raftstore.Open(ctx, raftstore.Options{
		Dir:          filepath.Join(cfg.DataDir, storeFolder),
		NodeID:       cfg.NodeID,
		Machine:      state.New(),
		Bootstrap:    true,
		OnApplied:    n.applied,
		Logger:       n.logger,
		Registerer:   n.registry,
		MinFreeBytes: cfg.MinFreeBytes,
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := store.WaitLeader(ctx); err != nil {
		return errors.Join(fmt.Errorf("store: waiting for a leader: %w", err), store.Close())
	}
	n.store = store
	return nil
}

func (n *Node) applied(results []any) {
	if d := n.delivery.Load(); d != nil {
		results = state.WithParts(results)
		d.app.Applied(results)
		d.fanout.Deliver(results)
		if d.index != nil {
			d.index.Applied(results)
		}
	}
}

// tenantExists is how LBS looks an appkey up. A failed node sends nobody to
// itself.
func (n *Node) tenantExists(ctx context.Context, appKey string) error {
	if n.healthy() != nil {
		return wire.Errorf(wire.CodeBusy, "this node has failed and must be restarted")
	}
	_, err := n.app.Tenant(ctx, appKey)
	return err
}

// watchStore tells when the store fails. A failed store cannot be used again in
// this process. The node then stays up, so that clients get a clear code 503
// and the operator a status, and reports itself unhealthy (liveness and LBS
// answer 503): whatever supervises the process restarts it. Clients stay
// connected: in a site of one node there is nowhere else to send them.
func (n *Node) watchStore() {
	defer close(n.watched)
	select {
	case err := <-n.store.Failed():
		if err != nil {
			n.failure.Store(&err)
			n.logger.Error("the store has failed; restart the node", "node", n.id, "error", err)
		}
	case <-n.closing:
	}
}

// healthy is nil, or why this node must be restarted.
func (n *Node) healthy() error {
	if err := n.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// ID is the node's name within its site.
func (n *Node) ID() string { return n.id }

// App is the application, for calls from inside the process.
func (n *Node) App() *app.App { return n.app }

// Storage holds the site's certificates, until Close.
func (n *Node) Storage() *sitestore.Storage { return n.site }

// Files takes and gives the files of messages, under files.Prefix of any HTTP
// server. The request's RemoteAddr must be the client's.
func (n *Node) Files() *files.Server { return n.files }

// API serves tenants' backends and sends clients that enter chatrooms to points,
// which must be valid (lbs.Validate); see package api. It is cheap enough to be called
// for each request.
func (n *Node) API(points ...lbs.AccessPoint) http.Handler { return n.api.Handler(points) }

// WebLink is the gateway for browsers, to be served under any path of any HTTP
// server. The request's RemoteAddr must be the client's.
func (n *Node) WebLink() *weblink.Server { return n.web }

// LBS tells clients to connect to points, which must be valid
// (lbs.Validate). It is cheap enough to be called for each request.
func (n *Node) LBS(points []lbs.AccessPoint) http.Handler { return n.lbs.Handler(points) }

// Registry holds the node's metrics. It may be registered with any number of
// registries, one after another or together.
func (n *Node) Registry() prometheus.Collector { return n.registry }

// ServeLink accepts clients from l until l is closed, and then returns
// net.ErrClosed. Connections live on until Drain or Close.
func (n *Node) ServeLink(l net.Listener) error { return n.link.Serve(l) }

// Reconfigure changes what can change while the node runs: limits hold for new
// connections, minFreeBytes from the next look at the disk.
func (n *Node) Reconfigure(c LinkConfig, w WebLinkConfig, minFreeBytes uint64) {
	n.link.SetOptions(c)
	n.web.SetOptions(w)
	n.store.SetMinFreeBytes(minFreeBytes)
}

// RemoveOld removes now what is past its tenant's retention, which the leader also
// does by itself every hour.
func (n *Node) RemoveOld(ctx context.Context) error { return n.clean.Pass(ctx) }

// Snapshot takes a snapshot of the store now, and cuts its log.
func (n *Node) Snapshot(ctx context.Context) error { return n.store.Snapshot(ctx) }

// Drain asks the connected clients to leave, at moments spread over spread, and
// returns when all are gone or ctx is over. New uploads are refused. Close the
// listeners first.
func (n *Node) Drain(ctx context.Context, spread time.Duration) {
	n.files.Drain()
	var gateways sync.WaitGroup
	gateways.Go(func() { n.link.Drain(ctx, spread) })
	gateways.Go(func() { n.web.Drain(ctx, spread) })
	gateways.Wait()
}

// Close stops the node: first the gateways with every connection, and the
// transfers of files, then the application, then the locks of the storage, then the store. The data stays. A
// second Close waits for the first and returns the same.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		close(n.closing)
		var linkErr, webErr, filesErr error
		var gateways sync.WaitGroup
		gateways.Go(func() { linkErr = n.link.Close() })
		gateways.Go(func() { webErr = n.web.Close() })
		gateways.Go(func() { filesErr = n.files.Close() })
		gateways.Wait()
		n.clean.Close()
		n.app.Close()
		n.gate.Close()
		n.site.Close()
		n.closeErr = errors.Join(linkErr, webErr, filesErr, n.closeSearch(), n.store.Close())
		n.fan.Close()
		<-n.watched
		<-n.trimmed
	})
	return n.closeErr
}
