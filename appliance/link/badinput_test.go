package link_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestStrangersAreDroppedWithoutAWord(t *testing.T) {
	for name, first := range map[string][]byte{
		"HTTP":  []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
		"TLS":   {0x16, 0x03, 0x01, 0x02, 0x00, 0x01},
		"zeros": make([]byte, 1000),
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, newHandler(), link.Options{})
			r := g.dialRaw(t)
			r.write(first)
			r.wantDropped()
			g.wantCount(t, "yizhan_link_handshakes_total", "foreign", 1)
		})
	}
}

func TestAnUnknownVersionIsRefusedWithACode(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	r := g.dialRaw(t)
	r.write([]byte{'Y', 'Z', 'L', 99})
	reply, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(reply, secure.Refusal(wire.CodeClientTooOld)) {
		t.Errorf("answered with %x, error %v", reply, err)
	}
	g.wantCount(t, "yizhan_link_handshakes_total", "version", 1)
}

func TestAHelloForAnotherServerIsRefused(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	other, err := secure.NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	hs, err := secure.NewClientHandshake(other.Public(), 0)
	if err != nil {
		t.Fatal(err)
	}
	r := g.dialRaw(t)
	r.write(hs.Hello())
	reply, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var refused *secure.RefusedError
	if _, _, err := hs.Finish(reply); !errors.As(err, &refused) || refused.Code != wire.CodeMalformedFrame {
		t.Errorf("refused with %v", err)
	}
	g.wantCount(t, "yizhan_link_handshakes_total", "invalid", 1)
}

func TestAHelloThatIsCutOffIsForgotten(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	r := g.dialRaw(t)
	r.write([]byte("YZL\x01"))
	_ = r.Close()
	g.wantCount(t, "yizhan_link_handshakes_total", "left", 1)
	if len(h.ended) != 0 {
		t.Error("the handler was told of a connection that it did not know")
	}
}

// What a client may do wrong before and after its login, and what it is told.
func TestBadInputIsAnsweredWithACode(t *testing.T) {
	request := func(cmd wire.Command, payload []byte, c wire.Compression) []byte {
		return wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: 5, Payload: payload, Compression: c})
	}
	frame := func(k wire.Kind) []byte { return wire.AppendFrame(nil, &wire.Frame{Kind: k}) }
	packed, compression := secure.Compress(nil, bytes.Repeat([]byte("text "), 100), secure.AllCodecs)
	if compression == wire.CompressionNone {
		t.Fatal("the text was not compressed")
	}

	for _, test := range []struct {
		name     string
		loggedIn bool
		sealed   []byte
		code     wire.Code
	}{
		{"request instead of login", false, request(wire.CmdSend, nil, 0), wire.CodeForbidden},
		{"ping instead of login", false, frame(wire.KindPing), wire.CodeForbidden},
		{"compressed login", false, request(wire.CmdLogin, packed, compression), wire.CodeBadProtocol},
		{"garbage instead of login", false, []byte{0x05, 0xff, 0xff, 0xff, 0xff, 0xff}, wire.CodeMalformedFrame},
		{"login of 5,000 bytes", false, request(wire.CmdLogin, make([]byte, 5000), 0), wire.CodeMalformedFrame},
		{"empty frame", true, []byte{0}, wire.CodeMalformedFrame},
		{"unknown kind", true, []byte{1, 9}, wire.CodeMalformedFrame},
		{"frame over the limit", true, []byte{0x81, 0x80, 0x40, 1}, wire.CodeMalformedFrame},
		{"length that never ends", true, bytes.Repeat([]byte{0xff}, 10), wire.CodeMalformedFrame},
		{"ping with content", true, []byte{2, byte(wire.KindPing), 0}, wire.CodeMalformedFrame},
		{"response", true, frame(wire.KindResponse), wire.CodeBadProtocol},
		{"push", true, frame(wire.KindPush), wire.CodeBadProtocol},
		{"pong", true, frame(wire.KindPong), wire.CodeBadProtocol},
		{"second login, compressed", true, request(wire.CmdLogin, packed, compression), wire.CodeBadProtocol},
		{"broken compression", true, request(wire.CmdSend, []byte("not compressed"), compression), wire.CodeMalformedFrame},
		{"unknown compression", true, request(wire.CmdSend, packed, 7), wire.CodeMalformedFrame},
		{"flood of pings", true, bytes.Repeat(frame(wire.KindPing), 1000), wire.CodeRateLimited},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHandler()
			g := serve(t, h, link.Options{})
			bystander := g.login(t, secure.AllCodecs)
			r := g.raw(t, secure.AllCodecs)
			if test.loggedIn {
				r.login()
			}
			r.seal(test.sealed)
			r.wantClosed(test.code)
			h.wantEnded(t, test.code)
			g.wantCount(t, "yizhan_link_closes_total", test.code.String(), 1)
			bystander.send("still here")
		})
	}
}

func TestACompressionThatWasNotAgreedOnIsRefused(t *testing.T) {
	g := serve(t, newHandler(), link.Options{})
	r := g.raw(t, 0)
	r.login()
	packed, compression := secure.Compress(nil, bytes.Repeat([]byte("text "), 100), secure.AllCodecs)
	r.seal(wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Payload: packed, Compression: compression}))
	r.wantClosed(wire.CodeMalformedFrame)
}

func TestRecordsThatWereTamperedWithEndTheConnection(t *testing.T) {
	ping := wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPing})
	for name, tamper := range map[string]func(r *rawClient) []byte{
		"a flipped bit": func(r *rawClient) []byte {
			b := r.ch.Seal(nil, ping)
			b[len(b)-1] ^= 1
			return b
		},
		"repeated": func(r *rawClient) []byte {
			b := r.ch.Seal(nil, ping)
			return append(b, b...)
		},
		"reordered": func(r *rawClient) []byte {
			first := r.ch.Seal(nil, ping)
			return append(r.ch.Seal(nil, ping), first...)
		},
		"one is missing": func(r *rawClient) []byte {
			r.ch.Seal(nil, ping)
			return r.ch.Seal(nil, ping)
		},
		"never sealed":   func(*rawClient) []byte { return bytes.Repeat([]byte{0, 40}, 40) },
		"length of zero": func(*rawClient) []byte { return make([]byte, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHandler()
			g := serve(t, h, link.Options{})
			r := g.raw(t, 0)
			r.login()
			r.write(tamper(r))
			r.wantClosed(wire.CodeMalformedFrame)
			h.wantEnded(t, wire.CodeMalformedFrame)
		})
	}
}

func TestAStreamThatIsCutOffEndsTheSession(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	r := g.raw(t, 0)
	r.login()
	record := r.ch.Seal(nil, make([]byte, 100))
	r.write(record[:len(record)/2])
	_ = r.Close()
	h.wantEnded(t, wire.CodeOK)
}

// Whatever a client still sends after it was told to go does no harm, and does
// not keep it connected.
func TestAClientThatGoesOnSendingIsCutOff(t *testing.T) {
	h := newHandler()
	g := serve(t, h, link.Options{})
	r := g.raw(t, 0)
	r.login()
	r.seal([]byte{1, 9})
	noise := make([]byte, 64<<10)
	for {
		if _, err := r.Write(noise); err != nil {
			break // the server has closed the socket
		}
	}
	h.wantEnded(t, wire.CodeMalformedFrame)
}
