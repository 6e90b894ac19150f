package channel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

const patience = 10 * time.Second

// peer is a server's end that does what a test wants.
type peer struct {
	net.Conn
	ch *secure.Channel
}

// connect makes a connection over loopback TCP, and the peer at its other end.
func connect(t testing.TB, o channel.Options) (*channel.Conn, *peer) {
	t.Helper()
	key, err := secure.NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan *peer, 1)
	go func() { accepted <- accept(l, key) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := channel.Dial(ctx, l.Addr().String(), key.Public(), o)
	if err != nil {
		t.Fatal(err)
	}
	p := <-accepted
	t.Cleanup(func() {
		_ = c.Close()
		_ = p.Close()
	})
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return c, p
}

// accept makes the server's side of a handshake; its channel is nil when that fails.
func accept(l net.Listener, key *secure.ServerKey) *peer {
	nc, err := l.Accept()
	if err != nil {
		return nil
	}
	p := &peer{Conn: nc}
	var hello []byte
	for {
		b := make([]byte, 256)
		n, err := nc.Read(b)
		if err != nil {
			return p
		}
		hello = append(hello, b[:n]...)
		n, reply, ch, err := key.Accept(hello)
		if err != nil {
			return p
		}
		if n > 0 {
			_, _ = nc.Write(reply)
			p.ch = ch
			return p
		}
	}
}

// frames reads n frames.
func (p *peer) frames(t testing.TB, n int) []wire.Frame {
	t.Helper()
	var frames []wire.Frame
	var in, plain []byte
	b := make([]byte, 64<<10)
	for len(frames) < n {
		f, used, err := wire.ParseFrame(plain, wire.MaxFrame)
		if err != nil {
			t.Fatal(err)
		}
		if used > 0 {
			frames = append(frames, f)
			plain = plain[used:]
			continue
		}
		opened, used, err := p.ch.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		plain = append(plain, opened...)
		in = in[used:]
		if used == 0 {
			n, err := p.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			in = append(in, b[:n]...)
		}
	}
	return frames
}

func TestFramesArriveHoweverTheyAreCut(t *testing.T) {
	for _, readBuffer := range []int{1, 512, 64 << 10} {
		t.Run(fmt.Sprint("buffer=", readBuffer), func(t *testing.T) {
			c, p := connect(t, channel.Options{ReadBuffer: readBuffer})
			random := rand.New(rand.NewPCG(1, 2))
			var stream []byte
			sizes := []int{0, 1, 100, 5000, 16 << 10, 40 << 10, 1 << 19, 3, 0, 300}
			for i, size := range sizes {
				stream = wire.AppendFrame(stream, &wire.Frame{Kind: wire.KindPush, Command: wire.Command(i), Payload: bytes.Repeat([]byte{byte(i)}, size)})
			}
			sent := make(chan error, 1)
			go func() {
				for len(stream) > 0 { // in records, and writes, of any length
					n := min(1+random.IntN(9000), len(stream))
					record := p.ch.Seal(nil, stream[:n])
					stream = stream[n:]
					cut := random.IntN(len(record))
					for _, piece := range [][]byte{record[:cut], record[cut:]} {
						if _, err := p.Write(piece); err != nil {
							sent <- err
							return
						}
					}
				}
				sent <- p.Conn.(*net.TCPConn).CloseWrite()
			}()
			for i, size := range sizes {
				f, err := c.ReadFrame()
				if err != nil {
					t.Fatal(err)
				}
				if f.Command != wire.Command(i) || !bytes.Equal(f.Payload, bytes.Repeat([]byte{byte(i)}, size)) {
					t.Fatalf("frame %d is %v with %d bytes, want %d", i, f.Command, len(f.Payload), size)
				}
			}
			if _, err := c.ReadFrame(); err != io.EOF {
				t.Errorf("at the end: %v, want io.EOF", err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPayloadsAreCompressedAsAgreedButNeverALogin(t *testing.T) {
	c, p := connect(t, channel.Options{Codecs: secure.AllCodecs})
	text := bytes.Repeat([]byte("the same again and again. "), 40)
	for _, cmd := range []wire.Command{wire.CmdLogin, wire.CmdSend} {
		if err := c.Append(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Payload: text}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	frames := p.frames(t, 2)
	if f := frames[0]; f.Compression != wire.CompressionNone || !bytes.Equal(f.Payload, text) {
		t.Errorf("the login is compressed with %d", f.Compression)
	}
	if f := frames[1]; f.Compression == wire.CompressionNone || len(f.Payload) >= len(text) {
		t.Errorf("a text of %d bytes that repeats itself travels as %d bytes", len(text), len(f.Payload))
	}

	// What comes back compressed is given decompressed.
	if _, err := p.Write(p.ch.Seal(nil, wire.AppendFrame(nil, &frames[1]))); err != nil {
		t.Fatal(err)
	}
	f, err := c.ReadFrame()
	if err != nil || f.Compression != wire.CompressionNone || !bytes.Equal(f.Payload, text) {
		t.Errorf("compression %d, %d bytes, error %v", f.Compression, len(f.Payload), err)
	}
}

func TestACompressionThatWasNotOfferedIsRefused(t *testing.T) {
	c, p := connect(t, channel.Options{})
	packed, compression := secure.Compress(nil, bytes.Repeat([]byte("text "), 100), secure.AllCodecs)
	frame := wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPush, Command: 64, Payload: packed, Compression: compression})
	if _, err := p.Write(p.ch.Seal(nil, frame)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadFrame(); err == nil {
		t.Error("it is accepted")
	}
}

func TestAnyGoroutineMayWrite(t *testing.T) {
	c, p := connect(t, channel.Options{})
	const writers, each = 8, 200
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				f := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: uint64(w*each + i)}
				if err := c.WriteFrame(&f, &wire.SendRequest{Body: "hello"}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	next := make([]int, writers)
	for _, f := range p.frames(t, writers*each) {
		w, i := int(f.Serial)/each, int(f.Serial)%each
		if i != next[w] {
			t.Fatalf("writer %d: frame %d came when %d was next", w, i, next[w])
		}
		next[w]++
	}
	all.Wait()
}

func TestAppendDoesNotQueueWithoutBound(t *testing.T) {
	c, p := connect(t, channel.Options{})
	_ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	f := wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Payload: make([]byte, 32<<10)}
	for i := range 1 << 12 { // 128 MiB, which nobody reads
		err := c.Append(&f, nil)
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %d frames: %v", i, err)
		}
		if again := c.Flush(); again == nil {
			t.Error("a stream that broke in the middle of a record is written to again")
		}
		return
	}
	t.Error("everything was queued")
	_ = p
}

func TestAFrameThatIsTooLargeIsRefusedAndTheStreamLives(t *testing.T) {
	c, p := connect(t, channel.Options{})
	err := c.Append(&wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Payload: make([]byte, wire.MaxFrame)}, nil)
	if !errors.Is(err, wire.ErrFrameTooLarge) {
		t.Errorf("got %v", err)
	}
	if err := c.WriteFrame(&wire.Frame{Kind: wire.KindPing}, nil); err != nil {
		t.Fatal(err)
	}
	if f := p.frames(t, 1)[0]; f.Kind != wire.KindPing {
		t.Errorf("got kind %d", f.Kind)
	}
}

func TestAReadMayGoOnAfterItsDeadline(t *testing.T) {
	c, p := connect(t, channel.Options{})
	record := p.ch.Seal(nil, wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPong}))
	if _, err := p.Write(record[:3]); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.ReadFrame(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := p.Write(record[3:]); err != nil {
		t.Fatal(err)
	}
	if f, err := c.ReadFrame(); err != nil || f.Kind != wire.KindPong {
		t.Errorf("kind %d, error %v", f.Kind, err)
	}
}

func TestAStreamThatIsCutInARecord(t *testing.T) {
	c, p := connect(t, channel.Options{})
	record := p.ch.Seal(nil, wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPong}))
	_, _ = p.Write(record[:len(record)-1])
	_ = p.Close()
	if _, err := c.ReadFrame(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestATamperedRecordEndsTheConnection(t *testing.T) {
	c, p := connect(t, channel.Options{})
	record := p.ch.Seal(nil, wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPong}))
	record[5] ^= 1
	_, _ = p.Write(record)
	if _, err := c.ReadFrame(); !errors.Is(err, secure.ErrTampered) {
		t.Errorf("got %v", err)
	}
}

func TestDialFailsWhenItsContextEnds(t *testing.T) {
	key, err := secure.NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // connects, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(nil) })
	if _, err := channel.Dial(ctx, l.Addr().String(), key.Public(), channel.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := channel.Dial(t.Context(), l.Addr().String(), key.Public(), channel.Options{HandshakeTimeout: 20 * time.Millisecond}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("handshake timeout: %v", err)
	}
}

func TestARefusalIsPassedOn(t *testing.T) {
	key, err := secure.NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	go func() {
		_, _ = far.Read(make([]byte, secure.MaxHello))
		_, _ = far.Write(secure.Refusal(wire.CodeBusy))
		_ = far.Close()
	}()
	_, err = channel.Client(t.Context(), near, key.Public(), channel.Options{})
	var refused *secure.RefusedError
	if !errors.As(err, &refused) || refused.Code != wire.CodeBusy {
		t.Errorf("got %v", err)
	}
}

// FuzzReadFrame gives a client arbitrary bytes, sealed or not, from its server.
func FuzzReadFrame(f *testing.F) {
	f.Add(true, uint16(3), wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPush, Command: 64, Payload: []byte("hello")}))
	f.Add(true, uint16(0), []byte{0x81, 0x80, 0x40, 1})
	f.Add(false, uint16(1), []byte{0, 17, 1})
	packed, compression := secure.Compress(nil, bytes.Repeat([]byte("text "), 100), secure.AllCodecs)
	f.Add(true, uint16(9), wire.AppendFrame(nil, &wire.Frame{Kind: wire.KindPush, Command: 64, Payload: packed, Compression: compression}))
	key, err := secure.NewServerKey()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sealed bool, cut uint16, input []byte) {
		near, far := net.Pipe()
		defer far.Close()
		go func() {
			defer far.Close()
			hello := make([]byte, secure.MaxHello)
			n, _ := io.ReadAtLeast(far, hello, 55)
			_, reply, ch, err := key.Accept(hello[:n])
			if err != nil {
				return
			}
			_, _ = far.Write(reply)
			at := min(int(cut), len(input))
			for _, piece := range [][]byte{input[:at], input[at:]} {
				if sealed {
					piece = ch.Seal(nil, piece)
				}
				if _, err := far.Write(piece); err != nil {
					return
				}
			}
		}()
		c, err := channel.Client(context.Background(), near, key.Public(), channel.Options{Codecs: secure.AllCodecs, ReadBuffer: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for {
			got, err := c.ReadFrame()
			if err != nil {
				return
			}
			if got.Compression != wire.CompressionNone || len(got.Payload) > wire.MaxFrame {
				t.Fatalf("compression %d, %d bytes", got.Compression, len(got.Payload))
			}
		}
	})
}
