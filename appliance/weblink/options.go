package weblink

import (
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// Defaults of Options; those that are not here are engine's.
const (
	DefaultMaxPending = 20_000
	DefaultQueueBytes = engine.DefaultQueueBytes
)

// Options limits what clients may cost, and says which may come. A zero or
// negative field takes its default.
type Options struct {
	// PingInterval and PingTimeout are the heartbeat: the server asks that often
	// and waits that long for the answer; 25 s and 20 s.
	PingInterval, PingTimeout time.Duration

	// UpgradeTimeout bounds the change from polling to WebSocket; 10 s.
	UpgradeTimeout time.Duration

	// LoginTimeout bounds the time from a session's start to an accepted login,
	// which is when the handler calls Conn.SetIdleTimeout; 10 s.
	LoginTimeout time.Duration

	// WriteTimeout is how long a client may accept not a single byte while some
	// wait for it; 10 s.
	WriteTimeout time.Duration

	// MaxPayload is the largest message or polling body, in bytes; 1,000,000.
	MaxPayload int

	// MaxConnections is how many sessions may be open; 200,000. One more is
	// refused with HTTP 503.
	MaxConnections int

	// MaxPending is how many sessions may be open without being logged in; 20,000.
	// One more is refused with HTTP 503. As the check comes before the session, a
	// burst may exceed it by the requests that are under way at that moment.
	MaxPending int

	// QueueBytes is how much may wait behind what is being written to a client,
	// and of pushes that came before its login was answered; 256 KiB. It may be
	// exceeded by one message.
	QueueBytes int

	// PerSource is how many sessions from one source, which is an IPv4 address or
	// the first 64 bits of an IPv6 address, may be open without being logged in;
	// 2,000. One more is refused with HTTP 503. Loopback addresses are not counted.
	PerSource int

	// Origins are the values of the Origin header that are let in, as exact
	// scheme://host[:port]; "*", the default, is any.
	Origins []string

	// Deflate accepts permessage-deflate from clients that offer it; off.
	Deflate bool
}

func (o Options) withDefaults() *Options {
	if o.MaxPending <= 0 {
		o.MaxPending = DefaultMaxPending
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = DefaultQueueBytes
	}
	return &o
}

// engine is the part that package engine keeps; it fills in its own defaults.
func (o *Options) engine() engine.Options {
	return engine.Options{
		PingInterval:   o.PingInterval,
		PingTimeout:    o.PingTimeout,
		UpgradeTimeout: o.UpgradeTimeout,
		OpenTimeout:    o.LoginTimeout,
		WriteTimeout:   o.WriteTimeout,
		MaxPayload:     o.MaxPayload,
		MaxConnections: o.MaxConnections,
		QueueBytes:     o.QueueBytes,
		PerSource:      o.PerSource,
		Origins:        o.Origins,
		Deflate:        o.Deflate,
	}
}
