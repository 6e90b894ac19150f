package caddymodules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
)

func init() {
	caddy.RegisterModule(new(App))
}

// Defaults of the app's settings.
const (
	defaultNodeID     = "node1"
	defaultLinkListen = ":7400"
	defaultDrain      = 10 * time.Second
)

// App is the Caddy app "yizhan": one Yizhan node.
//
// Lifecycle: New → JSON → Provision (defaults, parses addresses) → Validate
// (bounds; opens nothing, so that `yizhan validate` can run beside a running
// node) → Start (opens the node or, after a reload, takes the running one;
// opens the listeners that are new) → Stop (gives up what this configuration
// held; the last one closes the node).
type App struct {
	// NodeID names this node within its site. It is written into the data
	// folder at the first start and can never change. Default "node1".
	NodeID string `json:"node_id,omitempty"`

	// DataDir is where this node keeps everything. Default: a folder "yizhan" in
	// Caddy's data folder.
	DataDir string `json:"data_dir,omitempty"`

	// MinFreeBytes is the free disk space below which the node refuses writes
	// with code 503, until there is more again. Default 256 MiB.
	MinFreeBytes int64 `json:"min_free_bytes,omitempty"`

	// Link is the gateway for native clients.
	Link Link `json:"link,omitempty"`

	// WebLink is the gateway for browsers. The handler "weblink" serves it.
	WebLink WebLink `json:"weblink,omitempty"`

	// Files are the files of messages. The handler "yizhan_files" serves them.
	Files Files `json:"files,omitempty"`

	// SearchOff keeps no index of messages: their search is refused. After a reload it
	// holds from the node's next start on. Default: search is on.
	SearchOff bool `json:"search_off,omitempty"`

	// PresenceGrace is how long a device whose connection was lost counts as online,
	// at most 10 min; below 0 it is offline at once. After a reload it holds from the
	// node's next start on. Default 20 s.
	PresenceGrace caddy.Duration `json:"presence_grace,omitempty"`

	// AccessPoints are what LBS tells clients, in order of preference. Default:
	// the Link listener's port at the host by which the client reached LBS, and
	// for browsers the very server that answers for LBS, if it has a weblink
	// handler and TLS.
	AccessPoints []lbs.AccessPoint `json:"access_points,omitempty"`

	// Drain is how long a stopping node gives its clients to leave; they are
	// told at moments spread over half of it. Default 10 s.
	Drain caddy.Duration `json:"drain,omitempty"`

	ctx       caddy.Context
	logger    *slog.Logger
	addresses []caddy.NetworkAddress
	// webServers have a weblink handler; provisioning fills it.
	webServers map[*caddyhttp.Server]bool
	node       *pooledNode // set by Start, before started is closed; then never changes
	held       bool        // whether this configuration holds a reference to the node
	listeners  []string    // keys of linkListeners held by this configuration
	started    chan struct{}
}

// maxPresenceGrace bounds PresenceGrace: nobody is online for longer after the last
// sign of life than that and a heartbeat.
const maxPresenceGrace = caddy.Duration(10 * time.Minute)

// CaddyModule implements caddy.Module.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "yizhan", New: func() caddy.Module { return new(App) }}
}

// Provision implements caddy.Provisioner.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger, a.started = ctx, ctx.Slogger(), make(chan struct{})
	if a.NodeID == "" {
		a.NodeID = defaultNodeID
	}
	if a.DataDir == "" {
		a.DataDir = filepath.Join(caddy.AppDataDir(), "yizhan")
	}
	dir, err := filepath.Abs(a.DataDir)
	if err != nil {
		return fmt.Errorf("data_dir %q: %w", a.DataDir, err)
	}
	a.DataDir = dir
	if a.Drain == 0 {
		a.Drain = caddy.Duration(defaultDrain)
	}
	if len(a.Link.Listen) == 0 {
		a.Link.Listen = []string{defaultLinkListen}
	}
	for _, listen := range a.Link.Listen {
		address, err := caddy.ParseNetworkAddress(listen)
		if err != nil {
			return fmt.Errorf("link listener %q: %w", listen, err)
		}
		if address.Network != "tcp" && address.Network != "tcp4" && address.Network != "tcp6" {
			return fmt.Errorf("link listener %q: network %s is not supported, use tcp", listen, address.Network)
		}
		if address.PortRangeSize() != 1 {
			return fmt.Errorf("link listener %q: needs exactly one port", listen)
		}
		a.addresses = append(a.addresses, address)
	}
	return a.onStopping(ctx)
}

// Validate implements caddy.Validator.
func (a *App) Validate() error {
	if err := appliance.ValidNodeID(a.NodeID); err != nil {
		return fmt.Errorf("node_id: %w", err)
	}
	if a.MinFreeBytes < 0 {
		return errors.New("min_free: must not be negative")
	}
	if a.Drain < 0 {
		return errors.New("drain: must not be negative")
	}
	if a.PresenceGrace > maxPresenceGrace {
		return fmt.Errorf("presence_grace: %s is too long, the most is %s", time.Duration(a.PresenceGrace), time.Duration(maxPresenceGrace))
	}
	if err := lbs.Validate(a.AccessPoints); err != nil {
		return fmt.Errorf("access_point: %w", err)
	}
	return errors.Join(a.Link.validate(), a.WebLink.validate(), a.Files.validate())
}

// Start implements caddy.App.
func (a *App) Start() error {
	node, err := acquireNode(a)
	if err != nil {
		return err
	}
	a.node, a.held = node, true
	for i := range a.addresses {
		key, err := acquireListener(a, node, a.addresses[i])
		if err != nil {
			return errors.Join(err, a.Stop())
		}
		a.listeners = append(a.listeners, key)
	}
	// A new configuration has a new registry; the node's metrics live on.
	if err := a.ctx.GetMetricsRegistry().Register(node.Registry()); err != nil {
		return errors.Join(fmt.Errorf("metrics: %w", err), a.Stop())
	}
	node.configure(a)
	close(a.started)
	return nil
}

// Stop implements caddy.App.
func (a *App) Stop() error {
	var err error
	for _, key := range a.listeners {
		err = errors.Join(err, releaseListener(key))
	}
	a.listeners = nil
	if a.held {
		a.node.forget(a)
		err = errors.Join(err, releaseNode(a.DataDir))
		a.held = false
	}
	return err
}

// Node waits until the app has started and returns its node. HTTP servers may
// start a moment before it.
func (a *App) Node(ctx context.Context) (*appliance.Node, error) {
	select {
	case <-a.started:
		return a.node.Node, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// accessPoints is what LBS answers r with, and where the API sends clients.
func (a *App) accessPoints(r *http.Request) []lbs.AccessPoint {
	if len(a.AccessPoints) > 0 {
		return a.AccessPoints
	}
	points := make([]lbs.AccessPoint, len(a.addresses))
	for i, address := range a.addresses {
		host := address.Host
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			host = "" // the host by which the client reached LBS
		}
		points[i] = lbs.AccessPoint{
			Transport: lbs.TransportLink,
			Address:   net.JoinHostPort(host, strconv.Itoa(int(address.StartPort))),
		}
	}
	if p, ok := a.webAccessPoint(r); ok {
		points = append(points, p)
	}
	return points
}

// Interface guards
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
	_ caddy.Validator   = (*App)(nil)
)

// ActiveNode is the node of the configuration that is running in this process.
func ActiveNode(ctx context.Context) (*appliance.Node, error) {
	app, err := caddy.ActiveContext().AppIfConfigured("yizhan")
	if err != nil {
		return nil, errors.New("this configuration has no yizhan app: add the global option yizhan { … }")
	}
	return app.(*App).Node(ctx)
}
