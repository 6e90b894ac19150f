package link_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FuzzInput sends arbitrary bytes at each stage of a connection. Whatever they
// are, the gateway answers in the protocol or not at all, ends the connection
// when the client has closed its end, and tells the handler exactly once.
func FuzzInput(f *testing.F) {
	const (
		beforeHandshake = iota
		insteadOfRecord
		insteadOfLogin
		afterLogin
		stages
	)
	key, err := secure.NewServerKey()
	if err != nil {
		f.Fatal(err)
	}
	h := newHandler()
	// Over a Unix socket: a million TCP connections would use up the ports.
	l, err := net.Listen("unix", filepath.Join(f.TempDir(), "link"))
	if err != nil {
		f.Fatal(err)
	}
	g := &gateway{key: key, handler: h, address: l.Addr().String(), listener: l}
	g.Server = link.NewServer(key, h, nil, nil, link.Options{})
	go func() { _ = g.Serve(l) }()
	f.Cleanup(func() {
		_ = l.Close()
		_ = g.Close()
	})

	request := func(cmd wire.Command, body wire.Body) []byte {
		return wire.AppendBody(nil, &wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: 1}, body)
	}
	packed, compression := secure.Compress(nil, []byte(longBody), secure.AllCodecs)
	f.Add(uint8(beforeHandshake), uint8(0), []byte("YZL\x01\x00\x31"))
	f.Add(uint8(insteadOfRecord), uint8(1), []byte{0, 20, 1, 2, 3})
	f.Add(uint8(insteadOfLogin), uint8(3), loginFrame("alice"))
	f.Add(uint8(afterLogin), uint8(0), append(request(wire.CmdSend, &wire.SendRequest{Body: "hi"}), pingFrame...))
	f.Add(uint8(afterLogin), uint8(7), wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Payload: packed, Compression: compression}))
	f.Add(uint8(afterLogin), uint8(2), request(wire.CmdHistory, &wire.HistoryRequest{Limit: 3}))
	f.Add(uint8(afterLogin), uint8(0), append(request(wire.CmdLogout, nil), 0xff, 0xff))

	f.Fuzz(func(t *testing.T, stage, cut uint8, input []byte) {
		r := g.dialRaw(t)
		stage %= stages
		if stage > beforeHandshake {
			r.handshake(key, secure.AllCodecs)
		}
		if stage == afterLogin {
			r.loginAs(deviceID())
		}
		// In two pieces, so that a record or frame may be cut anywhere.
		at := min(int(cut), len(input))
		for _, piece := range [][]byte{input[:at], input[at:]} {
			if stage >= insteadOfLogin {
				piece = r.ch.Seal(nil, piece)
			}
			if _, err := r.Write(piece); err != nil {
				break // the gateway has had enough
			}
		}
		_ = r.Conn.(*net.UnixConn).CloseWrite()
		if stage == beforeHandshake {
			_, _ = io.Copy(io.Discard, r)
			return
		}
		r.drain()
		select {
		case <-h.ended:
		case <-time.After(patience):
			t.Fatal("the connection did not end")
		}
		if len(h.ended) != 0 {
			t.Fatal("the handler was told twice")
		}
	})
}

var pingFrame = wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPing})

// drain reads to the end of the stream; everything must be records that open.
func (r *rawClient) drain() {
	r.t.Helper()
	for {
		_, n, err := r.ch.Open(r.in)
		if err != nil {
			r.t.Fatalf("the server's record does not open: %v", err)
		}
		if n > 0 {
			r.in = r.in[n:]
			continue
		}
		if err := r.fill(); err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				r.t.Fatal(err)
			}
			return
		}
	}
}
