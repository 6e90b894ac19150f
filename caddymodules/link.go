package caddymodules

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/yizhan-im/yizhan/appliance"
)

// Link configures the TCP gateway. Zero values take the gateway's defaults.
// After a reload the limits hold for new connections.
type Link struct {
	// Listen are the TCP addresses, as Caddy writes them. Default ":7400".
	Listen []string `json:"listen,omitempty"`

	// MaxConnections refuses clients beyond it.
	MaxConnections int `json:"max_connections,omitempty"`

	// MaxHandshakes is how many handshakes may be in flight.
	MaxHandshakes int `json:"max_handshakes,omitempty"`

	// MaxPendingPerSource refuses clients from a source, an IPv4 address or the
	// first 64 bits of an IPv6 address, that has so many not logged in. Loopback
	// addresses are not counted.
	MaxPendingPerSource int `json:"max_pending_per_source,omitempty"`

	// HandshakeTimeout is how long a handshake may take.
	HandshakeTimeout caddy.Duration `json:"handshake_timeout,omitempty"`

	// LoginTimeout is how long a client may take from accept to an accepted login.
	LoginTimeout caddy.Duration `json:"login_timeout,omitempty"`

	// WriteTimeout is how long a client may read nothing while something waits.
	WriteTimeout caddy.Duration `json:"write_timeout,omitempty"`

	// QueueBytes is how much may wait for one client; then it is cut off.
	QueueBytes int `json:"queue_bytes,omitempty"`
}

// minQueueBytes leaves room for the largest single frame beside the usual ones.
const minQueueBytes = 16 << 10

func (l *Link) validate() error {
	for name, d := range map[string]caddy.Duration{
		"handshake_timeout": l.HandshakeTimeout, "login_timeout": l.LoginTimeout, "write_timeout": l.WriteTimeout,
	} {
		if d != 0 && time.Duration(d) < 100*time.Millisecond {
			return fmt.Errorf("link %s: %s is too short, the least is 100ms", name, time.Duration(d))
		}
	}
	if l.MaxConnections < 0 || l.MaxHandshakes < 0 || l.MaxPendingPerSource < 0 {
		return errors.New("link: limits must not be negative")
	}
	if l.QueueBytes != 0 && l.QueueBytes < minQueueBytes {
		return fmt.Errorf("link queue: %d bytes is too small, the least is %d", l.QueueBytes, minQueueBytes)
	}
	return nil
}

func (l *Link) config() appliance.LinkConfig {
	return appliance.LinkConfig{
		MaxConnections:   l.MaxConnections,
		MaxHandshakes:    l.MaxHandshakes,
		HandshakeTimeout: time.Duration(l.HandshakeTimeout),
		LoginTimeout:     time.Duration(l.LoginTimeout),
		WriteTimeout:     time.Duration(l.WriteTimeout),
		QueueBytes:       l.QueueBytes,
		PerSource:        l.MaxPendingPerSource,
	}
}
