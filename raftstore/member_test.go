package raftstore

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"testing"
)

// dialMember sends raw bytes to a memberLayer and returns what the first Read of
// the accepted connection says.
func dialMember(t *testing.T, self identity, raw []byte) error {
	t.Helper()
	tcp, err := listenTCP("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	l := newMemberLayer(tcp, func() identity { return self }, slog.New(slog.DiscardHandler))
	go func() {
		c, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			return // the test fails at Read
		}
		_, _ = c.Write(raw)
		_ = c.Close()
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Read(make([]byte, 1))
	return err
}

func TestConnectionsOfStrangersAreRefused(t *testing.T) {
	self := identity{Node: "n1", Cluster: "c1"}
	for _, c := range []struct {
		name string
		self identity
		raw  []byte
		ok   bool
	}{
		{"member", self, append(memberPreamble("c1", "n1"), 'x'), true},
		{"any cluster while joining", identity{Node: "n1"}, append(memberPreamble("c9", "n1"), 'x'), true},
		{"other cluster", self, append(memberPreamble("c2", "n1"), 'x'), false},
		{"unknown cluster", self, append(memberPreamble("", "n1"), 'x'), false},
		{"other member", self, append(memberPreamble("c1", "n2"), 'x'), false},
		{"other protocol", self, []byte("GET / HTTP/1.1\r\n\r\n"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := dialMember(t, c.self, c.raw)
			if c.ok && err != nil || !c.ok && !errors.Is(err, errNotMember) {
				t.Errorf("read: %v", err)
			}
		})
	}
	if err := dialMember(t, self, memberPreamble("c1", "n1")[:12]); err == nil {
		t.Error("a preamble cut short was accepted")
	}
}

func TestConnectionsAreLimitedAndClosedWithTheirListener(t *testing.T) {
	tcp, err := listenTCP("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	l := newMemberLayer(tcp, func() identity { return identity{Node: "n1"} }, slog.New(slog.DiscardHandler))
	ended := make(chan error, 2*maxMemberConns)
	refused := make(chan error)
	go func() { // as Raft does
		for {
			c, err := l.Accept()
			if err != nil {
				refused <- err
				return
			}
			go func() {
				_, err := c.Read(make([]byte, 1))
				ended <- errors.Join(err, c.Close())
			}()
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	for range maxMemberConns {
		dial()
	}
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("one too many was accepted")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	<-refused
	for range maxMemberConns {
		if err := <-ended; err == nil {
			t.Error("a connection went on")
		}
	}
}

func FuzzMemberPreamble(f *testing.F) {
	f.Add(memberPreamble("c1", "n1"))
	f.Add([]byte(memberMagic))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		cluster, node, err := readMemberPreamble(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if again := memberPreamble(cluster, node); !bytes.HasPrefix(raw, again) {
			t.Errorf("%q was read as %q, %q", raw, cluster, node)
		}
	})
}
