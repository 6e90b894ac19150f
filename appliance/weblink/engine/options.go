package engine

import (
	"math"
	"time"
)

// Defaults of Options.
const (
	DefaultPingInterval   = 25 * time.Second
	DefaultPingTimeout    = 20 * time.Second
	DefaultUpgradeTimeout = 10 * time.Second
	DefaultOpenTimeout    = 10 * time.Second
	DefaultWriteTimeout   = 10 * time.Second
	DefaultMaxPayload     = 1_000_000
	DefaultMaxConnections = 200_000
	DefaultQueueBytes     = 256 << 10
	DefaultPerSource      = 2000
)

// anyOrigin in Options.Origins allows every origin.
const anyOrigin = "*"

// Options limits what clients may cost, and says which may come. A zero or
// negative field takes its default.
type Options struct {
	// PingInterval is the time from a client's last pong, or its start, to the
	// server's next ping. Whole milliseconds; clients learn it in the handshake.
	PingInterval time.Duration

	// PingTimeout is how long the pong may take. A client that hears nothing for
	// PingInterval + PingTimeout closes by itself.
	PingTimeout time.Duration

	// UpgradeTimeout bounds the time from the opening of the WebSocket that a
	// polling client probes to the packet that completes the upgrade.
	UpgradeTimeout time.Duration

	// OpenTimeout is how long a session may go without Conn.Established, which is
	// called when the client is logged in.
	OpenTimeout time.Duration

	// WriteTimeout is how long a client may accept nothing while something waits
	// for it. README.md says what counts as something over TLS.
	WriteTimeout time.Duration

	// MaxPayload is the largest WebSocket message and the largest body of a POST,
	// in bytes; clients learn it in the handshake. It also bounds the answer to a
	// poll, unless that is a single message.
	MaxPayload int

	// MaxConnections is how many sessions may be open. One more gets HTTP 503.
	MaxConnections int

	// PerSource is how many sessions from one source (package source) may be open
	// without Conn.Established. One more gets HTTP 503.
	PerSource int

	// QueueBytes is how much may wait behind what is being written to a client.
	// Messages are queued as long as no more waits already, so a queue may exceed
	// it by what one Send brings.
	QueueBytes int

	// Origins are the values of the Origin header that are let in: exact
	// scheme://host[:port], in lower case as browsers send them, or "*" for any,
	// which is the default. Clients without the header, which browsers always
	// send, are let in. The server's own pages need to be in the list too.
	Origins []string

	// Deflate accepts the permessage-deflate extension from clients that offer it.
	Deflate bool
}

func (o Options) withDefaults() *Options {
	duration := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	number := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	duration(&o.PingInterval, DefaultPingInterval)
	duration(&o.PingTimeout, DefaultPingTimeout)
	duration(&o.UpgradeTimeout, DefaultUpgradeTimeout)
	duration(&o.OpenTimeout, DefaultOpenTimeout)
	duration(&o.WriteTimeout, DefaultWriteTimeout)
	// What the handshake can carry: milliseconds in 31 bits.
	for _, d := range []*time.Duration{&o.PingInterval, &o.PingTimeout} {
		*d = min(max(d.Truncate(time.Millisecond), time.Millisecond), math.MaxInt32*time.Millisecond)
	}
	number(&o.MaxPayload, DefaultMaxPayload)
	number(&o.MaxConnections, DefaultMaxConnections)
	number(&o.QueueBytes, DefaultQueueBytes)
	number(&o.PerSource, DefaultPerSource)
	if len(o.Origins) == 0 {
		o.Origins = []string{anyOrigin}
	}
	return &o
}
