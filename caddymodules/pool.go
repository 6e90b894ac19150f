package caddymodules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/yizhan-im/yizhan/appliance"
)

// nodes holds the running nodes by data folder, and linkListeners their
// listeners by address, so that both outlive a reload.
var (
	nodes         = caddy.NewUsagePool()
	linkListeners = caddy.NewUsagePool()
)

// pooledNode is a node and the configurations that it has run with and that have
// not stopped, the newest last. Caddy's load lock guards what is not the node's.
type pooledNode struct {
	*appliance.Node
	log     *logSwitch
	drain   time.Duration
	configs []*App
	left    bool // the clients were sent away
}

// configure makes a the configuration that holds for the node from now on.
func (p *pooledNode) configure(a *App) {
	p.configs = append(p.configs, a)
	p.apply(a)
}

// forget drops a. When a was the newest, something else in its configuration has
// failed to start, and what held before holds again. When it was the only one the
// node sends its clients away: the storage of a's configuration, which is given up
// last, may keep the node open for a while.
func (p *pooledNode) forget(a *App) {
	i := slices.Index(p.configs, a)
	if i < 0 {
		return
	}
	newest := i == len(p.configs)-1
	p.configs = slices.Delete(p.configs, i, i+1)
	switch {
	case len(p.configs) == 0:
		p.sendAway()
	case newest:
		p.apply(p.configs[len(p.configs)-1])
	}
}

func (p *pooledNode) sendAway() {
	if p.left {
		return
	}
	p.left = true
	ctx, cancel := context.WithTimeout(context.Background(), p.drain)
	defer cancel()
	p.Drain(ctx, p.drain/2)
}

func (p *pooledNode) apply(a *App) {
	p.log.set(a.logger.Handler())
	p.Reconfigure(a.Link.config(), a.WebLink.config(), uint64(a.MinFreeBytes))
	if err := p.Files().SetOptions(a.Files.config()); err != nil { // Validate has found nothing
		a.logger.Error("the options of files are refused; the former ones hold", "error", err)
	}
	p.drain = time.Duration(a.Drain)
}

// Destruct implements caddy.Destructor: no configuration wants the node any more.
func (p *pooledNode) Destruct() error {
	p.sendAway() // a configuration that failed to start may have had clients already
	return p.Close()
}

// acquireNode opens a's node, or takes the one that is already running. It does
// not change a running one: the configuration may yet fail to start.
func acquireNode(a *App) (*pooledNode, error) {
	value, running, err := nodes.LoadOrNew(a.DataDir, func() (caddy.Destructor, error) {
		log := newLogSwitch(a.logger.Handler())
		node, err := appliance.Open(a.ctx, appliance.Config{
			NodeID:       a.NodeID,
			DataDir:      a.DataDir,
			MinFreeBytes: uint64(a.MinFreeBytes),
			Link:         a.Link.config(),
			WebLink:      a.WebLink.config(),
			Files:        a.Files.config(),
			SearchOff:    a.SearchOff,

			PresenceGrace: time.Duration(a.PresenceGrace),
			Logger:        slog.New(log.handler()),
		})
		if err != nil {
			return nil, err
		}
		return &pooledNode{Node: node, log: log, drain: time.Duration(a.Drain)}, nil
	})
	if err != nil {
		return nil, err
	}
	p := value.(*pooledNode)
	if running && p.ID() != a.NodeID {
		return nil, errors.Join(
			fmt.Errorf("node_id: the node in %s is %q; it cannot become %q", a.DataDir, p.ID(), a.NodeID),
			releaseNode(a.DataDir))
	}
	return p, nil
}

func releaseNode(dataDir string) error {
	_, err := nodes.Delete(dataDir)
	return err
}

// linkListener is one open Link listener and the goroutine that accepts from it.
type linkListener struct {
	net.Listener
	done chan struct{} // closed when the accept loop has ended
}

// Destruct implements caddy.Destructor. Connections accepted from it live on.
func (l *linkListener) Destruct() error {
	err := l.Close()
	<-l.done
	return err
}

// acquireListener opens a Link listener of node's, or takes the open one: the
// socket is never closed in between, so no client in its backlog is lost.
//
// It does not use Caddy's listeners, which share a port among processes
// (SO_REUSEPORT): a second node started on the same port by mistake would get
// half of the clients instead of an error.
func acquireListener(a *App, node *pooledNode, address caddy.NetworkAddress) (key string, err error) {
	key = node.ID() + " " + address.String()
	_, _, err = linkListeners.LoadOrNew(key, func() (caddy.Destructor, error) {
		var config net.ListenConfig
		opened, err := config.Listen(a.ctx, address.Network, address.JoinHostPort(0))
		if err != nil {
			return nil, fmt.Errorf("link listener %s: %w", address, err)
		}
		l := &linkListener{Listener: opened, done: make(chan struct{})}
		log := slog.New(node.log.handler())
		go func() {
			defer close(l.done)
			if err := node.ServeLink(l); err != nil && !errors.Is(err, net.ErrClosed) {
				log.Error("link listener failed", "address", address.String(), "error", err)
			}
		}()
		return l, nil
	})
	return key, err
}

func releaseListener(key string) error {
	_, err := linkListeners.Delete(key)
	return err
}
