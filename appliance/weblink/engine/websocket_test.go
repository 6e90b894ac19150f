package engine_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

func TestWebSocketCarriesTextAndBinaryInOrder(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		a := newApp()
		a.echo = true
		n := serve(t, a, engine.Options{})
		c, p := n.session(t, secure)
		c.write(bytes.Join([][]byte{frameOf(opText, true, "4hello"), frameOf(opBinary, true, "\x01\x02"), frameOf(opText, true, "4你好 👋")}, nil))
		p.wantReceived(t, "hello", "binary:\x01\x02", "你好 👋")
		c.want("4hello")
		if op, data := c.read(); op != opBinary || data != "\x01\x02" {
			t.Errorf("read %d %q", op, data)
		}
		c.want("4你好 👋")
	})
}

// As clients do that are told to (forceBase64).
func TestBinaryMessagesMayComeAsBase64(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	c, p := n.session(t, false)
	c.text("bAQIDBA==", "b", "4after")
	p.wantReceived(t, "binary:\x01\x02\x03\x04", "binary:", "after")
	for _, malformed := range []string{"bAQ", "b!!!!", "bAQID\x1e4more"} {
		c, p := n.session(t, false)
		c.text(malformed)
		c.wantClose(1002)
		p.wantClosed(t, engine.ReasonParse)
		if len(p.received) != 0 {
			t.Errorf("%q: received %q", malformed, <-p.received)
		}
	}
}

func TestFramesBehindTheHandshakeAreTaken(t *testing.T) {
	a := newApp()
	a.echo = true
	n := serve(t, a, engine.Options{})
	c := n.websocket(t, false, "EIO=4&transport=websocket", "", string(frameOf(opText, true, "4early")))
	c.wantOpen()
	c.want("4early")
}

func TestMessagesArriveHoweverTheyAreCut(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		c, p := n.session(t, secure)
		var all []byte
		var want []string
		for i := range 20 {
			text := fmt.Sprint(i, strings.Repeat("你", i*50))
			want = append(want, text)
			cut := len(text) / 2
			all = append(all, frameOf(opText, false, "4"+text[:cut])...)
			all = append(all, frameOf(opPing, true, "between")...)
			all = append(all, frameOf(0, true, text[cut:])...)
		}
		for piece := 1; len(all) > 0; piece = piece*3/2 + 1 {
			n := min(piece, len(all))
			c.write(all[:n])
			all = all[n:]
		}
		p.wantReceived(t, want...)
	})
}

func TestALargeMessageEachWay(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		a := newApp()
		a.echo = true
		n := serve(t, a, engine.Options{})
		c, p := n.session(t, secure)
		text := "4" + strings.Repeat("0123456789", 99_999)
		c.text(text)
		p.wantReceived(t, text[1:])
		c.want(text)
	})
}

// What the client hears, and in which order, when nobody and when everybody
// writes.
func TestManyMessagesOfMixedSizesArriveInOrder(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{QueueBytes: 64 << 20})
		c, p := n.session(t, secure)
		const messages = 3000
		text := func(i int) string {
			size := i % 400
			switch {
			case i%97 == 0:
				size = 20_000 + i
			case i%499 == 0:
				size = 200_000
			}
			return fmt.Sprint(i, ":", strings.Repeat("m", size))
		}
		go func() {
			for i := range messages {
				p.Send(engine.Message([]byte(text(i)), false))
			}
		}()
		for i := range messages {
			c.want("4" + text(i))
		}
	})
}

func TestWhatOneSendBringsStaysTogether(t *testing.T) {
	n := serve(t, newApp(), engine.Options{QueueBytes: 64 << 20})
	c, p := n.session(t, false)
	const senders, rounds = 4, 500
	for s := range senders {
		go func() {
			for range rounds {
				p.Send(engine.Message(fmt.Append(nil, "first of ", s), false), engine.Message(fmt.Append(nil, "second of ", s), false))
			}
		}()
	}
	for range senders * rounds {
		_, first := c.read()
		_, second := c.read()
		if strings.TrimPrefix(first, "4first") != strings.TrimPrefix(second, "4second") {
			t.Fatalf("%q is followed by %q", first, second)
		}
	}
}

func TestPingFramesAreAnswered(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		c, _ := n.session(t, secure)
		c.write(frameOf(opPing, true, "are you there"))
		if op, data := c.read(); op != opPong || data != "are you there" {
			t.Errorf("answered with %d %q", op, data)
		}
		c.write(frameOf(opPong, true, "unasked")) // is allowed
		c.write(frameOf(opPing, true, ""))
		if op, _ := c.read(); op != opPong {
			t.Errorf("answered with %d", op)
		}
	})
}

func deflated(s string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 9)
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(w, s)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

const (
	offerDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n"
	rsv1         = 0x40
)

func TestCompressedMessages(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{Deflate: true})
		c := n.websocket(t, secure, "EIO=4&transport=websocket", offerDeflate, "")
		c.wantOpen()
		p := n.peer(t)
		if !c.deflate || !p.Deflate() {
			t.Fatalf("compression was not agreed on: client %v, server %v", c.deflate, p.Deflate())
		}
		text := strings.Repeat("compress me ", 100)
		c.write(frameOf(opText|rsv1, true, deflated("4"+text)))
		p.wantReceived(t, text)
		p.Send(engine.DeflatedMessage([]byte(text), false))
		op, data := c.read()
		if op != opText|rsv1 || len(data) > 200 {
			t.Fatalf("frame %#x of %d bytes, want a compressed one", op, len(data))
		}
		inflated, err := io.ReadAll(flate.NewReader(strings.NewReader(data + "\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
		if err != nil || string(inflated) != "4"+text {
			t.Errorf("%v: inflated %.100q", err, inflated)
		}
	})
}

func TestCompressionIsOnlyForThoseWhoOfferAndAllowIt(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		n := serve(t, newApp(), engine.Options{Deflate: allowed})
		header := offerDeflate
		if allowed {
			header = ""
		}
		c := n.websocket(t, false, "EIO=4&transport=websocket", header, "")
		c.wantOpen()
		if p := n.peer(t); c.deflate || p.Deflate() {
			t.Errorf("allowed %v: client %v, server %v", allowed, c.deflate, p.Deflate())
		}
		c.write(frameOf(opText|rsv1, true, deflated("4hello")))
		c.wantClose(1002)
	}
}

func TestABombIsNotInflated(t *testing.T) {
	n := serve(t, newApp(), engine.Options{Deflate: true, MaxPayload: 10_000})
	c := n.websocket(t, false, "EIO=4&transport=websocket", offerDeflate, "")
	c.wantOpen()
	p := n.peer(t)
	c.write(frameOf(opText|rsv1, true, deflated("4"+strings.Repeat("0", 1_000_000))))
	c.wantClose(1009)
	p.wantClosed(t, engine.ReasonParse)
}

func TestBadInputEndsTheSessionWithAFittingStatus(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{MaxPayload: 1000})
		for _, c := range []struct {
			name   string
			input  []byte
			status uint16
		}{
			{"no type", frameOf(opText, true, "abc"), 1002},
			{"an empty text", frameOf(opText, true, ""), 1002},
			{"an unknown type", frameOf(opText, true, "7"), 1002},
			{"an open packet", frameOf(opText, true, "0{}"), 1002},
			{"a ping", frameOf(opText, true, "2"), 1002},
			{"a probe", frameOf(opText, true, "2probe"), 1002},
			{"an upgrade", frameOf(opText, true, "5"), 1002},
			{"a noop", frameOf(opText, true, "6"), 1002},
			{"a refused message", frameOf(opText, true, "4refuse"), 1002},
			{"not UTF-8", frameOf(opText, true, "4\xff"), 1007},
			{"a long message", frameOf(opText, true, "4"+strings.Repeat("x", 1000)), 1009},
			{"a long binary message", frameOf(opBinary, true, strings.Repeat("x", 1001)), 1009},
			{"a long fragmented message", append(frameOf(opText, false, "4"+strings.Repeat("x", 600)), frameOf(0, true, strings.Repeat("x", 600))...), 1009},
			{"a long announcement", []byte{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, 1009},
			{"no mask", []byte{0x81, 2, '4', 'x'}, 1002},
			{"a reserved opcode", frameOf(3, true, "x"), 1002},
			{"a reserved bit", frameOf(opText|0x20, true, "4x"), 1002},
			{"a fragmented ping", frameOf(opPing, false, "x"), 1002},
			{"a long ping", frameOf(opPing, true, strings.Repeat("x", 126)), 1002},
			{"a continuation of nothing", frameOf(0, true, "x"), 1002},
			{"a close status that may not be sent", frameOf(opClose, true, "\x03\xed"), 1002},
		} {
			client, p := n.session(t, secure)
			behind := frameOf(opText, true, "4behind") // is dropped
			client.write(bytes.Join([][]byte{frameOf(opText, true, "4before"), c.input, behind}, nil))
			if before := client.wantClose(c.status); len(before) != 1 || before[0] != "1" {
				t.Errorf("%s: %q came before the close frame, want a close packet", c.name, before)
			}
			p.wantReceived(t, "before")
			p.wantClosed(t, engine.ReasonParse)
			if len(p.received) != 0 {
				t.Errorf("%s: %q was received", c.name, <-p.received)
			}
		}
	})
}

func TestFloodsOfNothingEndTheSession(t *testing.T) {
	n := serve(t, newApp(), engine.Options{})
	for name, input := range map[string][]byte{
		"pings":                  frameOf(opPing, true, "x"),
		"pongs":                  frameOf(opPong, true, "x"),
		"pong packets":           frameOf(opText, true, "3"),
		"pong packets with data": frameOf(opText, true, "3x"),
		"empty messages":         frameOf(opText, true, "4"),
		"empty binary messages":  frameOf(opBinary, true, ""),
	} {
		c, p := n.session(t, false)
		go func() { _, _ = io.Copy(io.Discard, c.in) }()
		c.write(bytes.Repeat(input, 90))
		c.text("4alive")
		for got := ""; got != "alive"; got = <-p.received {
		}
		c.write(bytes.Repeat(input, 1000))
		p.wantClosed(t, engine.ReasonFlood)
		_ = c.Close()
		t.Log(name)
	}
	c, p := n.polling(t, false)
	if status, body := c.post(strings.Repeat("3\x1e", 200) + "3"); status != 400 {
		t.Errorf("HTTP %d %s", status, body)
	}
	p.wantClosed(t, engine.ReasonFlood)
}

func TestAWebSocketThatBreaksOffEndsTheSession(t *testing.T) {
	both(t, func(t *testing.T, secure bool) {
		n := serve(t, newApp(), engine.Options{})
		c, p := n.session(t, secure)
		c.write(frameOf(opText, true, "4half a message")[:10])
		_ = c.Close()
		p.wantClosed(t, engine.ReasonTransport)
		p.Send(engine.Message([]byte("x"), false)) // do nothing
		p.Close()
		p.Fail(engine.ReasonParse)
		p.Established()
		if p.RemoteAddr() != addrOf(c) {
			t.Errorf("RemoteAddr is %v, want %v", p.RemoteAddr(), addrOf(c))
		}
	})
}
