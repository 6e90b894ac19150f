package caddymodules

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(LBS))
	caddy.RegisterModule(new(API))
	httpcaddyfile.RegisterHandlerDirective("yizhan_lbs", parseHandler[LBS])
	httpcaddyfile.RegisterHandlerDirective("yizhan_api", parseHandler[API])
	httpcaddyfile.RegisterDirectiveOrder("yizhan_lbs", httpcaddyfile.Before, "respond")
	httpcaddyfile.RegisterDirectiveOrder("yizhan_api", httpcaddyfile.Before, "respond")
}

// LBS is the HTTP handler that tells clients where to connect. It takes no
// options: the access points belong to the yizhan app.
type LBS struct{ nodeHandler }

// CaddyModule implements caddy.Module.
func (*LBS) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.yizhan_lbs", New: func() caddy.Module { return new(LBS) }}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (l *LBS) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	node, err := l.app.Node(r.Context())
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	node.LBS(l.app.accessPoints(r)).ServeHTTP(w, fromClient(r))
	return nil
}

// API is the HTTP handler of the server API for tenants' backends. It takes no
// options: the access points to which it sends clients are those of LBS.
type API struct{ nodeHandler }

// CaddyModule implements caddy.Module.
func (*API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.yizhan_api", New: func() caddy.Module { return new(API) }}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	node, err := a.app.Node(r.Context())
	if err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	node.API(a.app.accessPoints(r)...).ServeHTTP(w, fromClient(r))
	return nil
}

// nodeHandler finds the app of the same configuration.
type nodeHandler struct{ app *App }

// Provision implements caddy.Provisioner.
func (h *nodeHandler) Provision(ctx caddy.Context) error {
	app, err := ctx.App("yizhan")
	if err != nil {
		return fmt.Errorf("the yizhan app: %w", err)
	}
	h.app = app.(*App)
	return nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler; there are no options.
func (*nodeHandler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("unknown option %q: this directive has none", d.Val())
	}
	return nil
}

// parseHandler makes a directive of H.
func parseHandler[H any, P interface {
	*H
	caddyhttp.MiddlewareHandler
	caddyfile.Unmarshaler
}](h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := P(new(H))
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*LBS)(nil)
	_ caddyhttp.MiddlewareHandler = (*LBS)(nil)
	_ caddyfile.Unmarshaler       = (*LBS)(nil)
	_ caddy.Provisioner           = (*API)(nil)
	_ caddyhttp.MiddlewareHandler = (*API)(nil)
	_ caddyfile.Unmarshaler       = (*API)(nil)
)
