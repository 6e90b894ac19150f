package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/gobwas/ws"
)

// webFrames are what a node could send: each length of header, and a ping.
func webFrames() []ws.Frame {
	return []ws.Frame{
		ws.NewTextFrame([]byte("2")), ws.NewTextFrame(bytes.Repeat([]byte("a"), 125)),
		ws.NewTextFrame(bytes.Repeat([]byte("b"), 126)), ws.NewBinaryFrame(nil),
		ws.NewTextFrame(bytes.Repeat([]byte("c"), 1<<16)), ws.NewCloseFrame(ws.NewCloseFrameBody(1001, "bye")),
	}
}

func TestTheReaderGivesEveryFrameWhateverThePieces(t *testing.T) {
	var stream []byte
	for _, f := range webFrames() {
		stream = append(stream, ws.MustCompileFrame(f)...)
	}
	for _, piece := range []int{1, 7, 4096, len(stream)} {
		client, node := net.Pipe()
		go func() {
			defer node.Close()
			for rest := stream; len(rest) > 0; {
				n, err := node.Write(rest[:min(piece, len(rest))])
				if err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		waits := 0
		r := webReader{conn: client, buf: make([]byte, 80_000), beforeRead: func() { waits++ }}
		for i, want := range webFrames() {
			op, payload, err := r.next()
			if err != nil || op != want.Header.OpCode || !bytes.Equal(payload, want.Payload) {
				t.Fatalf("pieces of %d: frame %d is %v with %d bytes, error %v", piece, i, op, len(payload), err)
			}
		}
		if _, _, err := r.next(); err != io.EOF {
			t.Errorf("after the last frame: %v, want io.EOF", err)
		}
		if waits == 0 {
			t.Error("beforeRead was never called")
		}
		client.Close()
	}
}

func TestFramesThatNobodyAskedForAreRefused(t *testing.T) {
	for name, frame := range map[string][]byte{
		"a fragment": ws.MustCompileFrame(ws.NewFrame(ws.OpText, false, []byte("a"))),
		"compressed": {0xc1, 1, 'a'},
		"masked":     ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("a")))),
	} {
		if _, _, _, err := parseWebFrame(frame); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r := webReader{conn: nil, buf: make([]byte, 16)}
	r.rest = append(r.buf[:0], ws.MustCompileFrame(ws.NewTextFrame(bytes.Repeat([]byte("a"), 100)))[:16]...)
	if _, _, err := r.next(); err == nil || !strings.Contains(err.Error(), "longer than 16 bytes") {
		t.Errorf("a frame beyond the buffer: %v", err)
	}
}

func TestClientFramesAreWhatAServerReads(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 1<<16 - 1, 1 << 16} {
		text := strings.Repeat("z", size)
		r := bytes.NewReader(appendWebFrame(nil, text))
		header, err := ws.ReadHeader(r)
		if err != nil || !header.Masked || !header.Fin || header.OpCode != ws.OpText || header.Length != int64(size) {
			t.Errorf("%d bytes: %+v, error %v", size, header, err)
			continue
		}
		payload, err := io.ReadAll(r)
		ws.Cipher(payload, header.Mask, 0)
		if err != nil || string(payload) != text {
			t.Errorf("%d bytes: the payload is another", size)
		}
	}
}

func TestTheNumberOfARoomMessage(t *testing.T) {
	for frame, want := range map[string]uint64{
		`42["room_message",{"room":"r","clientId":"17","body":"x"}]`: 17,
		`42["room_message",{"clientId": "3"}]`:                       3,
		`42["room_message",{"clientId":"x1"}]`:                       0,
		`42["room_message",{"body":"17"}]`:                           0,
		`42["room_message",{"clientId":"17`:                          0,
		`42["room_message",{"clientId":""}]`:                         0,
	} {
		if got, ok := clientNumber([]byte(frame)); got != want || ok != (want > 0) {
			if ok || want > 0 {
				t.Errorf("%s: %d, %v", frame, got, ok)
			}
		}
	}
}

func FuzzWebFrames(f *testing.F) {
	for _, frame := range webFrames()[:4] {
		f.Add(ws.MustCompileFrame(frame))
	}
	f.Add([]byte{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		op, payload, n, err := parseWebFrame(b)
		if n > len(b) || len(payload) > n || (n == 0 && payload != nil) {
			t.Fatalf("%d bytes of %d, payload of %d", n, len(b), len(payload))
		}
		if n == 0 || err != nil {
			return
		}
		if again := ws.MustCompileFrame(ws.NewFrame(op, true, payload)); len(again) > n {
			t.Fatalf("%x was read as a frame that is longer, %x", b[:n], again)
		}
	})
}
