package websocket_test

import (
	"bytes"
	stdflate "compress/flate"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// checking checks what a Handler is promised, and records it.
type checking struct {
	recorder
	tb    testing.TB
	limit int
}

func (c *checking) Message(op websocket.Opcode, data []byte) error {
	if len(data) > c.limit || (op == websocket.OpText && !validUTF8(data)) || (op != websocket.OpText && op != websocket.OpBinary) {
		c.tb.Errorf("message of %d bytes with opcode %d", len(data), op)
	}
	return c.recorder.Message(op, data)
}

func (c *checking) Ping(data []byte) error {
	if len(data) > 125 {
		c.tb.Errorf("ping of %d bytes", len(data))
	}
	return c.recorder.Ping(data)
}

func validUTF8(b []byte) bool { return strings.ToValidUTF8(string(b), "") == string(b) }

// FuzzDecode feeds the same bytes whole and chopped: both must see the same
// events and the same error, and hold no more than has arrived.
func FuzzDecode(f *testing.F) {
	for _, seed := range [][]byte{
		join(frame(fin|text, "hello"), frame(fin|ping, "x"), frame(fin|closeOp, closePayload(1000, "bye"))),
		join(frame(text, "你"), frame(fin|pong, ""), frame(continuation, ""), frame(fin|continuation, "好")),
		join(frame(fin|rsv1|text, squeezed(f, 6, strings.Repeat("hello ", 20))), frame(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")),
		join(frame(rsv1|binaryOp, squeezed(f, 9, strings.Repeat("\x00", 5000))), frame(fin|continuation, "")),
		frame(fin|binaryOp, strings.Repeat("x", 200)), frame(fin|text, "\xed\xa0\x80"), {0xff, 0xff}, {fin | text, 0xfe, 0, 5},
	} {
		f.Add(seed, uint8(1), uint16(1000), true)
		f.Add(seed, uint8(7), uint16(100), false)
	}
	f.Fuzz(func(t *testing.T, input []byte, chop uint8, limit uint16, deflate bool) {
		run := func(size int) ([]string, error) {
			var d websocket.Decoder
			d.Init(int(limit), deflate)
			h := &checking{tb: t, limit: int(limit)}
			arrived := 0
			for piece := range slices.Chunk(slices.Clone(input), max(size, 1)) {
				arrived += len(piece)
				err := d.Decode(piece, h)
				clear(piece)
				if d.Held() > 2*arrived+16 || (err != nil && d.Held() != -1) {
					t.Errorf("%d bytes held after %d, %v", d.Held(), arrived, err)
				}
				if err != nil {
					return h.events, err
				}
			}
			return h.events, nil
		}
		whole, wholeErr := run(len(input))
		chopped, choppedErr := run(int(chop))
		if wholeErr != choppedErr || !slices.Equal(whole, chopped) {
			t.Errorf("whole: %.300q, %v; in pieces of %d: %.300q, %v", whole, wholeErr, chop, chopped, choppedErr)
		}
		if wholeErr != nil && status(wholeErr) == 0 {
			t.Errorf("an error without a status: %v", wholeErr)
		}
	})
}

// FuzzInflate compares with the standard library's DEFLATE, which is told where
// a message ends as RFC 7692 §7.2.2 says.
func FuzzInflate(f *testing.F) {
	const limit = 10_000
	f.Add([]byte(squeezed(f, 6, strings.Repeat("hello ", 20))))
	f.Add([]byte(squeezed(f, 9, strings.Repeat("\x00", limit+1))))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"))
	f.Add([]byte(headersOnly(30)))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) == 0 {
			return // taken for an empty message by agreement
		}
		got, err := websocket.Inflated(payload, limit)
		if len(got) > limit+1 || (len(got) > limit) != (status(err) == tooBig) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		source := bytes.NewReader(append(bytes.Clone(payload), 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff))
		want, wantErr := io.ReadAll(io.LimitReader(stdflate.NewReader(source), limit+1))
		switch {
		case len(want) > limit:
			if status(err) != tooBig {
				t.Errorf("%v; want 1009", err)
			}
		case wantErr != nil:
			if err == nil {
				t.Errorf("%.100q; the standard library says %v", got, wantErr)
			}
		case source.Len() > 9: // a final block, behind which ours goes on
		case err != nil || !bytes.Equal(got, want):
			t.Errorf("%.100q, %v; want %.100q", got, err, want)
		}
	})
}

// FuzzEncode: frames come back as what they were made of, and Split never
// fails on what is none.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("hello"), uint16(1000), "why")
	f.Add(bytes.Repeat([]byte("hello "), 100), uint16(1005), "\xff")
	f.Fuzz(func(t *testing.T, data []byte, code uint16, reason string) {
		websocket.Split(data)
		for _, frame := range [][]byte{websocket.AppendMessage(nil, websocket.OpBinary, data), websocket.AppendDeflated(nil, websocket.OpBinary, data)} {
			events, err := feed(0, len(data), true, asClient(t, frame))
			if err != nil || len(events) != 1 || events[0] != "binary "+string(data) {
				t.Errorf("%v, %.200q", err, events)
			}
		}
		if _, err := feed(0, 0, false, asClient(t, websocket.AppendClose(nil, websocket.Status(code), reason))); err != nil {
			t.Errorf("AppendClose(%d, %q): %v", code, reason, err)
		}
	})
}

// FuzzUpgrade: no header makes the handshake panic, and no refused one takes the
// connection.
func FuzzUpgrade(f *testing.F) {
	f.Add("Upgrade", "websocket", "13", key, "permessage-deflate; client_max_window_bits")
	f.Add("keep-alive, upgrade", "a,websocket", "12", "x", "a; b=\"c\\\"\", permessage-deflate; server_max_window_bits=\"15\"")
	f.Fuzz(func(t *testing.T, connection, upgrade, version, key, extensions string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for name, value := range map[string]string{"Connection": connection, "Upgrade": upgrade, "Sec-Websocket-Version": version, "Sec-Websocket-Key": key, "Sec-Websocket-Extensions": extensions} {
			r.Header[name] = []string{value}
		}
		w := httptest.NewRecorder()
		// The recorder cannot be hijacked: a good handshake ends with 501.
		conn, _, _, err := websocket.Upgrade(w, r, websocket.Options{Deflate: true})
		if err == nil || conn != nil || w.Code < 400 || w.Body.Len() == 0 {
			t.Errorf("%v, %v, %d", conn, err, w.Code)
		}
	})
}
