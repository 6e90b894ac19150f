package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Options describe one account on one device. LBS, AppKey, Account and Token
// are required; everything else has a default.
type Options struct {
	// LBS is the URL that says where to connect, such as
	// https://im.example.com/lbs. Use https: the answer carries the key that
	// the connection trusts, unless ServerKey pins it.
	LBS string
	// LBSCache is a file that keeps the last answer of LBS for the next start.
	// Empty keeps it in memory only.
	LBSCache string
	// ServerKey pins the gateways' public key (base64url, as LBS and the node's
	// status show it). Empty trusts the key that LBS gives.
	ServerKey string
	// Env selects access points of one environment; empty takes the default ones.
	Env string

	// AppKey names the tenant; Account and Token are the user's credentials.
	AppKey, Account, Token string

	// DeviceID names this installation, at most 64 bytes. Empty makes one and
	// keeps it in Store.
	DeviceID string
	// Platform decides which other devices may be online together with this
	// one. The default is PC.
	Platform wire.Platform
	// CustomTag is shown to the user's other devices and to the tenant.
	CustomTag string

	// Store keeps how far this device is. The default forgets with the process:
	// a restarted client is then a new device.
	Store Store
	// Backlog is how many of the latest messages of each conversation are
	// delivered to a device that the Store does not know yet. 0 is 100, a
	// negative number none. A device that is known gets everything it missed.
	Backlog int
	// Queue is how many events may wait for the app, and beside them as many
	// events of rooms. 0 is 256. Beyond it the client reads messages from the
	// server's history when there is room again, and drops those of rooms.
	Queue int

	// Heartbeat is how often the client shows that it is alive, rounded to
	// seconds. 0 takes the server's default. The server may change it.
	Heartbeat time.Duration
	// MinBackoff and MaxBackoff bound the pause before the client connects
	// again: it doubles from one to the other and is shortened at random. The
	// defaults are 1 s and 60 s.
	MinBackoff, MaxBackoff time.Duration

	// Dial opens TCP connections; the default is that of net.Dialer. It must
	// return soon after its context ends.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// HTTP asks LBS; the default is a client of its own.
	HTTP *http.Client
	// Logger gets what an operator may want to know; never credentials or the
	// text of messages. The default discards it.
	Logger *slog.Logger
}

// Defaults and limits of Options.
const (
	defaultBacklog    = 100
	defaultQueue      = 256
	defaultMinBackoff = time.Second
	defaultMaxBackoff = time.Minute
	maxNameBytes      = 64 // device id, appkey, client id: the server's limit
)

// complete checks o and returns it with defaults filled in.
func (o Options) complete() (Options, error) {
	var problems []error
	require := func(name, value string) {
		if value == "" {
			problems = append(problems, fmt.Errorf("%s is missing", name))
		}
	}
	require("LBS", o.LBS)
	require("AppKey", o.AppKey)
	require("Account", o.Account)
	require("Token", o.Token)
	if u, err := url.Parse(o.LBS); err != nil || o.LBS != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		problems = append(problems, errors.New("LBS must be a URL such as https://im.example.com/lbs"))
	}
	if o.ServerKey != "" {
		if _, err := secure.ParsePublicKey(o.ServerKey); err != nil {
			problems = append(problems, fmt.Errorf("ServerKey: %w", err))
		}
	}
	if len(o.DeviceID) > maxNameBytes {
		problems = append(problems, fmt.Errorf("DeviceID is longer than %d bytes", maxNameBytes))
	}
	if len(problems) > 0 {
		return o, fmt.Errorf("sdk options: %w", errors.Join(problems...))
	}

	o.Account = strings.ToLower(o.Account) // as the server does
	if o.Platform == wire.Platform_PLATFORM_UNKNOWN {
		o.Platform = wire.Platform_PLATFORM_PC
	}
	if o.Store == nil {
		o.Store = new(MemoryStore)
	}
	if o.Backlog == 0 {
		o.Backlog = defaultBacklog
	}
	o.Backlog = max(o.Backlog, 0)
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	if o.MinBackoff <= 0 {
		o.MinBackoff = defaultMinBackoff
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = defaultMaxBackoff
	}
	o.MaxBackoff = max(o.MaxBackoff, o.MinBackoff)
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{
			Proxy:             http.ProxyFromEnvironment,
			DisableKeepAlives: true, // one question now and then
		}}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
