package caddymodules

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
)

func init() {
	caddy.RegisterModule(new(WebLinkHandler))
	httpcaddyfile.RegisterHandlerDirective("weblink", parseHandler[WebLinkHandler])
	httpcaddyfile.RegisterDirectiveOrder("weblink", httpcaddyfile.Before, "respond")
}

// WebLink limits the Socket.IO gateway. Zero values take the gateway's defaults.
// After a reload the limits hold for new sessions.
type WebLink struct {
	// MaxConnections refuses clients beyond it, with HTTP status 503.
	MaxConnections int `json:"max_connections,omitempty"`

	// MaxPending refuses clients while so many have not logged in.
	MaxPending int `json:"max_pending,omitempty"`

	// MaxPendingPerSource refuses clients from a source, an IPv4 address or the
	// first 64 bits of an IPv6 address, that has so many not logged in. Loopback
	// addresses are not counted.
	MaxPendingPerSource int `json:"max_pending_per_source,omitempty"`

	// LoginTimeout is how long a client may take from its first request to an
	// accepted login.
	LoginTimeout caddy.Duration `json:"login_timeout,omitempty"`

	// PingInterval is how often the gateway asks whether a client is there.
	PingInterval caddy.Duration `json:"ping_interval,omitempty"`

	// PingTimeout is how long the answer may take.
	PingTimeout caddy.Duration `json:"ping_timeout,omitempty"`

	// UpgradeTimeout is how long a change from polling to a WebSocket may take.
	UpgradeTimeout caddy.Duration `json:"upgrade_timeout,omitempty"`

	// WriteTimeout is how long a client may read nothing while something waits.
	WriteTimeout caddy.Duration `json:"write_timeout,omitempty"`

	// QueueBytes is how much may wait for one client; then it is cut off.
	QueueBytes int `json:"queue_bytes,omitempty"`

	// MaxPayload is the largest message or polling body that a client may send.
	MaxPayload int `json:"max_payload,omitempty"`

	// Origins are the web origins whose pages may connect, as scheme://host[:port].
	// Default "*", any: a login needs a token that no other page has.
	Origins []string `json:"origins,omitempty"`

	// Compression lets clients negotiate permessage-deflate.
	Compression bool `json:"compression,omitempty"`
}

// minMaxPayload leaves room for the largest request with its base64 and escapes.
const minMaxPayload = 64 << 10

func (l *WebLink) validate() error {
	for name, d := range map[string]caddy.Duration{
		"login_timeout": l.LoginTimeout, "ping_interval": l.PingInterval, "ping_timeout": l.PingTimeout,
		"upgrade_timeout": l.UpgradeTimeout, "write_timeout": l.WriteTimeout,
	} {
		if d != 0 && time.Duration(d) < 100*time.Millisecond {
			return fmt.Errorf("weblink %s: %s is too short, the least is 100ms", name, time.Duration(d))
		}
	}
	if l.MaxConnections < 0 || l.MaxPending < 0 || l.MaxPendingPerSource < 0 {
		return errors.New("weblink: limits must not be negative")
	}
	if l.QueueBytes != 0 && l.QueueBytes < minQueueBytes {
		return fmt.Errorf("weblink queue: %d bytes is too small, the least is %d", l.QueueBytes, minQueueBytes)
	}
	if l.MaxPayload != 0 && l.MaxPayload < minMaxPayload {
		return fmt.Errorf("weblink max_payload: %d bytes is too small, the least is %d", l.MaxPayload, minMaxPayload)
	}
	for _, origin := range l.Origins {
		if !validOrigin(origin) {
			return fmt.Errorf("weblink origins: %q is neither * nor like https://app.example.com", origin)
		}
	}
	return nil
}

// validOrigin reports whether a browser could send s as its Origin header: scheme,
// host and perhaps a port (RFC 6454 §6.2).
func validOrigin(s string) bool {
	if s == "*" {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && s == u.Scheme+"://"+u.Host
}

func (l *WebLink) config() appliance.WebLinkConfig {
	return appliance.WebLinkConfig{
		MaxConnections: l.MaxConnections,
		MaxPending:     l.MaxPending,
		PerSource:      l.MaxPendingPerSource,
		LoginTimeout:   time.Duration(l.LoginTimeout),
		PingInterval:   time.Duration(l.PingInterval),
		PingTimeout:    time.Duration(l.PingTimeout),
		UpgradeTimeout: time.Duration(l.UpgradeTimeout),
		WriteTimeout:   time.Duration(l.WriteTimeout),
		QueueBytes:     l.QueueBytes,
		MaxPayload:     l.MaxPayload,
		Origins:        l.Origins,
		Deflate:        l.Compression,
	}
}

func (l *WebLink) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch d.Val() {
		case "max_connections":
			err = argument(d, &l.MaxConnections, strconv.Atoi)
		case "max_pending":
			err = argument(d, &l.MaxPending, strconv.Atoi)
		case "max_pending_per_source":
			err = argument(d, &l.MaxPendingPerSource, strconv.Atoi)
		case "login_timeout":
			err = argument(d, &l.LoginTimeout, duration)
		case "ping_interval":
			err = argument(d, &l.PingInterval, duration)
		case "ping_timeout":
			err = argument(d, &l.PingTimeout, duration)
		case "upgrade_timeout":
			err = argument(d, &l.UpgradeTimeout, duration)
		case "write_timeout":
			err = argument(d, &l.WriteTimeout, duration)
		case "queue":
			err = argument(d, &l.QueueBytes, sizeInt)
		case "max_payload":
			err = argument(d, &l.MaxPayload, sizeInt)
		case "origins":
			if l.Origins = append(l.Origins, d.RemainingArgs()...); len(l.Origins) == 0 {
				err = d.Err("origins takes one or more, as in: origins https://app.example.com")
			}
		case "compression":
			l.Compression = true
			if d.NextArg() {
				err = d.ArgErr()
			}
		default:
			err = d.Errf("unknown weblink option %q", d.Val())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WebLinkHandler is the HTTP handler "weblink": Socket.IO clients connect to it.
// It takes no options: the limits belong to the yizhan app, and so do the
// sessions, which therefore outlive a reload.
type WebLinkHandler struct {
	nodeHandler

	serving atomic.Int64 // requests, polls that wait among them
}

// releasePeriod is how often a server that shuts down lets its polls go.
const releasePeriod = 250 * time.Millisecond

// CaddyModule implements caddy.Module.
func (*WebLinkHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.weblink", New: func() caddy.Module { return new(WebLinkHandler) }}
}

// Provision implements caddy.Provisioner.
func (h *WebLinkHandler) Provision(ctx caddy.Context) error {
	if err := h.nodeHandler.Provision(ctx); err != nil {
		return err
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return errors.New("weblink works only within an HTTP server")
	}
	h.app.serveWebLink(server)
	server.RegisterOnShutdown(h.releasePolls)
	return nil
}

// releasePolls lets the polls go that the HTTP server would wait for until it has
// shut down: they would not end by themselves for a while. Their clients ask
// again, wherever the next server is; those who reuse a connection that is about to
// be closed come here again.
func (h *WebLinkHandler) releasePolls() {
	select {
	case <-h.app.started:
	default:
		return // no request was ever served
	}
	tick := time.NewTicker(releasePeriod)
	defer tick.Stop()
	for h.serving.Load() > 0 {
		h.app.node.WebLink().ReleasePolls()
		<-tick.C
	}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *WebLinkHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	h.serving.Add(1)
	defer h.serving.Add(-1)
	node, err := h.app.Node(r.Context())
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	node.WebLink().ServeHTTP(w, fromClient(r))
	return nil
}

// fromClient is r with the client's address where it came through a proxy that
// the server's trusted_proxies names: Caddy has found that out.
func fromClient(r *http.Request) *http.Request {
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if client == "" || err != nil || client == peer {
		return r
	}
	behind := *r
	behind.RemoteAddr = net.JoinHostPort(client, "0") // the proxy does not tell the port
	return &behind
}

// serveWebLink notes that server has a weblink handler. Provisioning is
// sequential.
func (a *App) serveWebLink(server *caddyhttp.Server) {
	if a.webServers == nil {
		a.webServers = make(map[*caddyhttp.Server]bool)
	}
	a.webServers[server] = true
}

// webAccessPoint is where a browser that asked LBS by r may connect, if that is
// where it is: on the same server, over TLS.
func (a *App) webAccessPoint(r *http.Request) (p lbs.AccessPoint, ok bool) {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if r.TLS == nil || !a.webServers[server] {
		return p, false
	}
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "443"
	}
	p = lbs.AccessPoint{Transport: lbs.TransportWebLink, Address: net.JoinHostPort("", port)}
	return p, lbs.Validate([]lbs.AccessPoint{p}) == nil // the Host header is the client's
}

// Interface guards
var (
	_ caddy.Provisioner           = (*WebLinkHandler)(nil)
	_ caddyhttp.MiddlewareHandler = (*WebLinkHandler)(nil)
	_ caddyfile.Unmarshaler       = (*WebLinkHandler)(nil)
)
