package raftstore

import (
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// transportPool is how many idle connections are kept to each member:
	// hashicorp/raft uses one for entries, one for heartbeats, one to spare.
	transportPool = 3
	// transportTimeout is for one request; streaming a snapshot gets more, by
	// its size.
	transportTimeout = 10 * time.Second
)

// newTransport makes the way to the other members that o asks for. self tells
// who this node is.
func newTransport(o *Options, self func() identity) (raft.Transport, error) {
	layer := o.StreamLayer
	switch {
	case o.Transport != nil:
		return o.Transport, nil
	case o.alone():
		_, t := raft.NewInmemTransport(raft.ServerAddress(o.NodeID))
		return t, nil
	case layer == nil:
		tcp, err := listenTCP(o.Bind, o.Advertise)
		if err != nil {
			return nil, err
		}
		layer = tcp
	}
	return memberTransport{raft.NewNetworkTransportWithLogger(newMemberLayer(layer, self, o.Logger),
		transportPool, transportTimeout, &raftLogger{log: o.Logger, name: "raft-net"})}, nil
}

// closeTransport closes a transport that Raft was never given.
func closeTransport(t raft.Transport) error {
	if c, ok := t.(raft.WithClose); ok {
		return c.Close()
	}
	return nil
}

// tcpLayer is plain TCP with an advertised address that may be a host name, so
// that a member keeps its place when its IP address changes.
type tcpLayer struct {
	net.Listener
	advertise hostPort
}

var _ raft.StreamLayer = (*tcpLayer)(nil)

// hostPort is a net.Addr that is not resolved.
type hostPort string

// Network implements net.Addr.
func (hostPort) Network() string { return "tcp" }

// String implements net.Addr.
func (a hostPort) String() string { return string(a) }

func listenTCP(bind, advertise string) (*tcpLayer, error) {
	l, err := net.Listen("tcp", bind)
	if err != nil {
		return nil, fmt.Errorf("raftstore: listen for other members: %w", err)
	}
	if advertise == "" {
		advertise = l.Addr().String()
		if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
			_ = l.Close()
			return nil, fmt.Errorf("raftstore: other members cannot dial %s: set Advertise to this node's own host and port", advertise)
		}
	}
	return &tcpLayer{l, hostPort(advertise)}, nil
}

// Addr implements net.Listener: what the others dial.
func (l *tcpLayer) Addr() net.Addr { return l.advertise }

// Dial implements raft.StreamLayer.
func (l *tcpLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", string(address), timeout)
}
