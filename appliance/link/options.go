package link

import "time"

// Defaults of Options.
const (
	DefaultMaxConnections   = 200_000
	DefaultMaxHandshakes    = 1024
	DefaultHandshakeTimeout = 5 * time.Second
	DefaultLoginTimeout     = 10 * time.Second
	DefaultWriteTimeout     = 10 * time.Second
	DefaultQueueBytes       = 256 << 10
	DefaultPerSource        = 2000
)

// Options limits what clients may cost. A zero or negative field takes its
// default.
type Options struct {
	// MaxConnections is how many connections may be open. One more is refused
	// with wire.CodeBusy.
	MaxConnections int

	// MaxHandshakes is how many connections may be between accept and the end of
	// their handshake. When there are as many, nothing more is accepted until one
	// of them is through, which takes at most HandshakeTimeout: further clients
	// wait in the kernel's backlog.
	MaxHandshakes int

	// HandshakeTimeout bounds the time from accept to the end of the handshake.
	HandshakeTimeout time.Duration

	// LoginTimeout bounds the time from accept to an accepted login, which is
	// when the handler calls Conn.SetIdleTimeout.
	LoginTimeout time.Duration

	// WriteTimeout is how long a client may accept not a single byte while some
	// wait for it.
	WriteTimeout time.Duration

	// PerSource is how many connections from one source (package source) may be
	// open without being logged in. One more is refused with wire.CodeBusy.
	PerSource int

	// QueueBytes is how much may wait behind what is being written to a client.
	// A frame is queued as long as no more waits already, so a queue may exceed
	// it by one frame (wire.MaxFrame).
	QueueBytes int
}

func (o Options) withDefaults() *Options {
	if o.MaxConnections <= 0 {
		o.MaxConnections = DefaultMaxConnections
	}
	if o.MaxHandshakes <= 0 {
		o.MaxHandshakes = DefaultMaxHandshakes
	}
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = DefaultHandshakeTimeout
	}
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = DefaultLoginTimeout
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = DefaultQueueBytes
	}
	if o.PerSource <= 0 {
		o.PerSource = DefaultPerSource
	}
	return &o
}
