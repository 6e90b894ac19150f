package app

import (
	"context"
	"net/url"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// SetCallback replaces a tenant's callback; one without a URL removes it. It holds
// for the next request of every session. CodeNotFound: there is no such tenant.
func (a *App) SetCallback(ctx context.Context, appKey string, c state.Callback) (*state.Tenant, error) {
	if err := CheckCallback(&c); err != nil {
		return nil, err
	}
	return a.proposeTenant(ctx, &state.SetCallback{TimeMs: a.now().UnixMilli(), AppKey: appKey, Callback: c})
}

// maxCallbackURL is the longest URL, in bytes.
const maxCallbackURL = 1024

// CheckCallback says what is wrong with c, as a *wire.Error that repeats nothing of
// the URL. Any host will do: operators set it, and a backend beside the node, on a
// loopback or a private address, is as good as any.
func CheckCallback(c *state.Callback) error {
	if c.URL == "" {
		return nil
	}
	bad := func(what string) error { return wire.Errorf(wire.CodeBadParameter, "callback_url %s", what) }
	u, err := url.Parse(c.URL)
	switch {
	case len(c.URL) > maxCallbackURL:
		return bad("is longer than 1024 bytes")
	case err != nil:
		return bad("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("must begin with http:// or https://")
	case u.Hostname() == "":
		return bad("has no host")
	case u.User != nil:
		return bad("must not hold a password: the checksum of each question tells the backend who asks")
	case u.Fragment != "":
		return bad("must not have a fragment")
	case c.TimeoutMs < 0 || c.TimeoutMs > state.MaxCallbackTimeoutMs:
		return wire.Errorf(wire.CodeBadParameter, "callback_timeout_ms must be 1 to %d", state.MaxCallbackTimeoutMs)
	}
	return nil
}
