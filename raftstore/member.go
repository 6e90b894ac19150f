package raftstore

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// hashicorp/raft believes whoever speaks to it. A connection to a wrong address
// would mix the logs of two clusters (terms and indexes of young clusters are
// alike), or count one member twice. So each connection begins with whom it is
// from and for:
//
//	magic | length byte, cluster's id | length byte, id of the member called
//
// Changing this breaks compatibility between members of different versions.
const memberMagic = "YZRAFT1\n"

const (
	// maxNodeID is the longest node id, in bytes.
	maxNodeID = 255
	// maxMemberConns bounds accepted connections. A member needs about five, so
	// only strangers get here.
	maxMemberConns = 256
)

func memberPreamble(cluster, node string) []byte {
	b := append([]byte(memberMagic), byte(len(cluster)))
	b = append(b, cluster...)
	b = append(b, byte(len(node)))
	return append(b, node...)
}

var errNotMember = errors.New("raftstore: not a connection of a member")

func readMemberPreamble(r io.Reader) (cluster, node string, err error) {
	var buf [maxNodeID]byte
	text := func(n int) string {
		if err == nil {
			_, err = io.ReadFull(r, buf[:n])
		}
		return string(buf[:n])
	}
	if magic := text(len(memberMagic)); err == nil && magic != memberMagic {
		return "", "", errNotMember
	}
	cluster = text(int(text(1)[0]))
	node = text(int(text(1)[0]))
	return cluster, node, err
}

// memberTransport tells memberLayer, which sees only addresses, whom a request
// is for.
type memberTransport struct {
	*raft.NetworkTransport
}

var (
	_ raft.Transport   = memberTransport{}
	_ raft.WithPreVote = memberTransport{}
	_ raft.WithClose   = memberTransport{}
)

// Close implements raft.WithClose. Raft's own leaves pooled connections open.
func (t memberTransport) Close() error {
	t.CloseStreams()
	return t.NetworkTransport.Close()
}

// forMember joins an id and an address; a node id has no zero byte.
func forMember(id raft.ServerID, at raft.ServerAddress) raft.ServerAddress {
	return raft.ServerAddress(string(id) + "\x00" + string(at))
}

// AppendEntriesPipeline implements raft.Transport.
func (t memberTransport) AppendEntriesPipeline(id raft.ServerID, at raft.ServerAddress) (raft.AppendPipeline, error) {
	return t.NetworkTransport.AppendEntriesPipeline(id, forMember(id, at))
}

// AppendEntries implements raft.Transport.
func (t memberTransport) AppendEntries(id raft.ServerID, at raft.ServerAddress, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	return t.NetworkTransport.AppendEntries(id, forMember(id, at), req, resp)
}

// RequestVote implements raft.Transport.
func (t memberTransport) RequestVote(id raft.ServerID, at raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return t.NetworkTransport.RequestVote(id, forMember(id, at), req, resp)
}

// RequestPreVote implements raft.WithPreVote.
func (t memberTransport) RequestPreVote(id raft.ServerID, at raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.NetworkTransport.RequestPreVote(id, forMember(id, at), req, resp)
}

// InstallSnapshot implements raft.Transport.
func (t memberTransport) InstallSnapshot(id raft.ServerID, at raft.ServerAddress, req *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	return t.NetworkTransport.InstallSnapshot(id, forMember(id, at), req, resp, data)
}

// TimeoutNow implements raft.Transport.
func (t memberTransport) TimeoutNow(id raft.ServerID, at raft.ServerAddress, req *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return t.NetworkTransport.TimeoutNow(id, forMember(id, at), req, resp)
}

// memberLayer begins and checks connections, and closes those it accepted when
// it is closed, which Raft does not.
type memberLayer struct {
	raft.StreamLayer
	self func() identity
	log  *slog.Logger

	mu     sync.Mutex
	conns  map[*memberConn]bool // accepted and open; guarded by mu
	closed bool                 // guarded by mu
}

func newMemberLayer(inner raft.StreamLayer, self func() identity, log *slog.Logger) *memberLayer {
	return &memberLayer{StreamLayer: inner, self: self, log: log, conns: map[*memberConn]bool{}}
}

// Dial implements raft.StreamLayer.
func (l *memberLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	node, at, _ := strings.Cut(string(address), "\x00")
	c, err := l.StreamLayer.Dial(raft.ServerAddress(at), timeout)
	if err != nil {
		return nil, err
	}
	_ = c.SetWriteDeadline(time.Now().Add(timeout)) // a connection without deadlines fails at Write
	_, err = c.Write(memberPreamble(l.self().Cluster, node))
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	_ = c.SetWriteDeadline(time.Time{})
	return c, nil
}

// Accept implements net.Listener. The check is made when Raft first reads, so
// that a silent peer holds up nobody.
func (l *memberLayer) Accept() (net.Conn, error) {
	for {
		c, err := l.StreamLayer.Accept()
		if err != nil {
			return nil, err
		}
		m := &memberConn{Conn: c, layer: l}
		l.mu.Lock()
		take := !l.closed && len(l.conns) < maxMemberConns
		if take {
			l.conns[m] = true
		}
		l.mu.Unlock()
		if take {
			return m, nil
		}
		l.log.Warn("raftstore: connection refused: too many", "from", c.RemoteAddr().String(), "most", maxMemberConns)
		_ = c.Close() // nothing was exchanged
	}
}

// Close implements net.Listener.
func (l *memberLayer) Close() error {
	err := l.StreamLayer.Close()
	l.mu.Lock()
	l.closed = true
	open := slices.Collect(maps.Keys(l.conns))
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close() // Raft closes it too
	}
	return err
}

type memberConn struct {
	net.Conn
	layer *memberLayer
	once  sync.Once
	err   error // of the check
}

// Close implements net.Conn.
func (c *memberConn) Close() error {
	c.layer.mu.Lock()
	delete(c.layer.conns, c)
	c.layer.mu.Unlock()
	return c.Conn.Close()
}

// Read implements net.Conn.
func (c *memberConn) Read(p []byte) (int, error) {
	if c.once.Do(c.check); c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

func (c *memberConn) check() {
	_ = c.SetReadDeadline(time.Now().Add(transportTimeout))
	cluster, node, err := readMemberPreamble(c.Conn)
	self := c.layer.self()
	switch {
	case err != nil:
		c.err = err
	case node != self.Node:
		c.err = fmt.Errorf("%w: it is for member %q, this is %q: correct the member's address", errNotMember, node, self.Node)
	case self.Cluster != "" && cluster != self.Cluster: // a joining node does not know it yet
		c.err = fmt.Errorf("%w: it is from cluster %q, this node belongs to %q", errNotMember, cluster, self.Cluster)
	}
	if c.err != nil {
		c.layer.log.Warn("raftstore: connection refused", "from", c.RemoteAddr().String(), "err", c.err)
		return
	}
	_ = c.SetReadDeadline(time.Time{})
}
