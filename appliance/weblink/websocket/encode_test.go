package websocket_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// asClient turns a server's frame into the client's: the Decoder takes those.
func asClient(tb interface {
	Helper()
	Fatal(args ...any)
}, f []byte) []byte {
	tb.Helper()
	header := 2
	switch f[1] {
	case 126:
		header = 4
	case 127:
		header = 10
	}
	head := bytes.Clone(f[:header])
	if head[1]&0x80 != 0 {
		tb.Fatal("a server's frame is masked")
	}
	head[1] |= 0x80
	return sealed(head, string(f[header:]))
}

func TestFramesComeBack(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 125, 126, 127, 200, 5000, 65535, 65536, 100_000} {
		for kind, s := range map[string]string{"noise": noise(n), "repetition": strings.Repeat("hello ", n/6+1)[:n]} {
			for name, build := range map[string]func([]byte, websocket.Opcode, []byte) []byte{"AppendMessage": websocket.AppendMessage, "AppendDeflated": websocket.AppendDeflated} {
				front := []byte("in front")
				f := build(front, websocket.OpBinary, []byte(s))
				if !bytes.HasPrefix(f, front) {
					t.Fatalf("%s of %d bytes overwrites what is in front", name, n)
				}
				f = f[len(front):]
				if plain := websocket.AppendMessage(nil, websocket.OpBinary, []byte(s)); len(f) > len(plain) {
					t.Errorf("%s of %d bytes of %s: %d bytes, more than %d", name, n, kind, len(f), len(plain))
				}
				if name == "AppendDeflated" && kind == "repetition" && n >= 126 && len(f) > n/2 {
					t.Errorf("%d bytes of %s became %d", n, kind, len(f))
				}
				exchange{name: fmt.Sprintf("%s of %d bytes of %s", name, n, kind), input: asClient(t, f), events: []string{"binary " + s}}.check(t, max(n, 1), true)

				op, payload := websocket.Split(f)
				if f[0]&rsv1 != 0 {
					if op != 0 || payload != nil {
						t.Errorf("Split takes a compressed frame for %d, %.20q", op, payload)
					}
				} else if op != websocket.OpBinary || string(payload) != s {
					t.Errorf("%s of %d bytes: Split gives %d, %d bytes", name, n, op, len(payload))
				}
			}
		}
	}
}

func TestSplitTakesOnlyWholePlainMessages(t *testing.T) {
	whole := websocket.AppendMessage(nil, websocket.OpText, bytes.Repeat([]byte("x"), 300))
	for i := range whole {
		if op, payload := websocket.Split(whole[:i]); op != 0 || payload != nil {
			t.Errorf("%d bytes of %d: %d, %q", i, len(whole), op, payload)
		}
	}
	for _, f := range [][]byte{
		nil, append(bytes.Clone(whole), 'x'), websocket.AppendPong(nil, []byte("x")), websocket.AppendClose(nil, 1000, ""),
		{text, 1, 'x'}, {fin | continuation, 1, 'x'}, {fin | text, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, frame(fin|text, "x"),
	} {
		if op, payload := websocket.Split(f); op != 0 || payload != nil {
			t.Errorf("%x: %d, %q", f, op, payload)
		}
	}
}

func TestPongCarriesWhatThePingDid(t *testing.T) {
	for _, n := range []int{0, 5, 125, 126, 300} {
		data := bytes.Repeat([]byte("x"), n)
		want := append([]byte{fin | pong, byte(min(n, 125))}, data[:min(n, 125)]...)
		if got := websocket.AppendPong(nil, data); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %x", n, got)
		}
	}
}

func TestCompressorsAreSharedSafely(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 200 {
				s := strings.Repeat(fmt.Sprintf("goroutine %d, message %d; ", g, i), 1+i%40)
				events, err := feed(0, maxMessage, true, asClient(t, websocket.AppendDeflated(nil, websocket.OpText, []byte(s))))
				if err != nil || len(events) != 1 || events[0] != "text "+s {
					t.Errorf("%v, %.100q; want %.100q", err, events, s)
				}
			}
		})
	}
	wg.Wait()
}
