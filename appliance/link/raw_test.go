package link_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// rawClient is a client that can send what no honest client does.
type rawClient struct {
	net.Conn
	t  testing.TB
	ch *secure.Channel
	in []byte // read, not opened
	// begun is the beginning of a frame whose rest is in a later record.
	begun []byte
}

// dialRaw connects without a handshake.
func (g *gateway) dialRaw(t testing.TB) *rawClient {
	t.Helper()
	nc, err := net.Dial(g.listener.Addr().Network(), g.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return &rawClient{Conn: nc, t: t}
}

// handshake makes the handshake.
func (r *rawClient) handshake(key *secure.ServerKey, offer secure.Codecs) {
	r.t.Helper()
	hs, err := secure.NewClientHandshake(key.Public(), offer)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(hs.Hello())
	for {
		n, ch, err := hs.Finish(r.in)
		if err != nil {
			r.t.Fatal(err)
		}
		if n > 0 {
			r.in, r.ch = r.in[n:], ch
			return
		}
		if err := r.fill(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// raw is a client after its handshake.
func (g *gateway) raw(t testing.TB, offer secure.Codecs) *rawClient {
	r := g.dialRaw(t)
	r.handshake(g.key, offer)
	return r
}

func (r *rawClient) write(b []byte) {
	r.t.Helper()
	if _, err := r.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

// seal sends plain in records.
func (r *rawClient) seal(plain []byte) {
	r.t.Helper()
	r.write(r.ch.Seal(nil, plain))
}

func (r *rawClient) login() {
	r.t.Helper()
	r.loginAs("alice")
}

func (r *rawClient) loginAs(account string) {
	r.t.Helper()
	r.seal(loginFrame(account))
	if f := r.next(); f.Kind != wire.KindResponse || f.Code != wire.CodeOK {
		r.t.Fatalf("login was answered with %+v", f)
	}
}

func loginFrame(account string) []byte {
	return wire.AppendBody(nil, &wire.Frame{Kind: wire.KindRequest, Command: wire.CmdLogin, Serial: 1},
		&wire.LoginRequest{Account: account, Token: "secret", DeviceId: deviceID()})
}

func (r *rawClient) fill() error {
	b := make([]byte, 32<<10)
	n, err := r.Read(b)
	r.in = append(r.in, b[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// next returns the only frame of the next record.
func (r *rawClient) next() wire.Frame {
	r.t.Helper()
	frames, err := r.record()
	if err != nil || len(frames) != 1 {
		r.t.Fatalf("%d frames, error %v, want one frame", len(frames), err)
	}
	return frames[0]
}

// record returns the frames that end in the next record.
func (r *rawClient) record() ([]wire.Frame, error) {
	for {
		opened, n, err := r.ch.Open(r.in)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			if err := r.fill(); err != nil {
				return nil, err
			}
			continue
		}
		r.in = r.in[n:]
		plain := append(r.begun, opened...)
		var frames []wire.Frame
		for {
			f, n, err := wire.ParseFrame(plain, wire.MaxFrame)
			if err != nil {
				return nil, err
			}
			if n == 0 {
				break
			}
			plain = plain[n:]
			frames = append(frames, f)
		}
		r.begun = bytes.Clone(plain)
		if len(frames) > 0 {
			return frames, nil
		}
	}
}

// wantClosed expects the server to say why and to end the stream.
func (r *rawClient) wantClosed(code wire.Code) {
	r.t.Helper()
	var last wire.Frame
	for {
		frames, err := r.record()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.t.Errorf("the connection ended with %v, want the end of the stream", err)
			}
			break
		}
		last = frames[len(frames)-1]
	}
	if len(r.begun) > 0 {
		r.t.Errorf("the stream ends %d bytes into a frame", len(r.begun))
	}
	_ = r.Close()
	var told wire.ClosePush
	if last.Kind != wire.KindPush || last.Command != wire.PushClose || told.UnmarshalVT(last.Payload) != nil {
		r.t.Errorf("the last frame is %v %v of %d bytes, want a close push", last.Kind, last.Command, len(last.Payload))
	}
	if wire.Code(told.Code) != code {
		r.t.Errorf("closed with code %d (%s), want %d", told.Code, told.Note, code)
	}
}

// wantDropped expects the server to close without a word.
func (r *rawClient) wantDropped() {
	r.t.Helper()
	b, err := io.ReadAll(r)
	if len(b) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		r.t.Errorf("the server said %q, then %v, want silence and the end", b, err)
	}
}
