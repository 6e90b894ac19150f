package weblink_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/app"
	"github.com/yizhan-im/yizhan/appliance/fanout"
	"github.com/yizhan-im/yizhan/appliance/link"
	"github.com/yizhan-im/yizhan/appliance/link/channel"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// site is a node with both gateways: real store, real handlers.
type site struct {
	t       testing.TB
	app     *app.App
	web     *weblink.Server
	key     *secure.ServerKey
	address string // of Link
	url     string // of WebLink
	appKey  string
	log     *lockedBuffer
}

// openSite starts a site that stops at the end of the test.
func openSite(t testing.TB, l state.Limits) *site {
	t.Helper()
	s := &site{t: t, appKey: "app", log: new(lockedBuffer)}
	logger := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	hub := session.NewHub()
	fan := fanout.New(hub, nil)
	var ready atomic.Pointer[app.App]
	dir, err := os.MkdirTemp(t.TempDir(), "store")
	if err != nil {
		t.Fatal(err)
	}
	store, err := raftstore.Open(context.Background(), raftstore.Options{
		Dir: dir, NodeID: "n1", Machine: state.New(), Bootstrap: true, BallastBytes: -1,
		OnApplied: func(results []any) {
			if a := ready.Load(); a != nil {
				a.Applied(results)
				fan.Deliver(results)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.app = app.New(app.Config{Store: store, Queries: state.NewQueries(store.View), Hub: hub, NodeID: "n1", Logger: logger})
	ready.Store(s.app)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := store.WaitLeader(ctx); err != nil {
		t.Fatal(err)
	}
	stopLink := s.serveLink(logger)
	s.web = weblink.NewServer(s.app, logger, prometheus.NewRegistry(), weblink.Options{})
	web := httptest.NewServer(s.web)
	s.url = web.URL + "/socket.io/"
	if _, err := s.app.CreateTenant(ctx, s.appKey, t.Name(), l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := errors.Join(s.web.Close(), stopLink())
		web.Close()
		s.app.Close()
		if err := errors.Join(err, store.Close()); err != nil {
			t.Errorf("stopping: %v", err)
		}
		if t.Failed() {
			t.Log(s.log)
		}
	})
	return s
}

func (s *site) serveLink(logger *slog.Logger) (stop func() error) {
	s.t.Helper()
	key, err := secure.NewServerKey()
	if err != nil {
		s.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	server := link.NewServer(key, s.app, logger, nil, link.Options{})
	s.key, s.address = key, l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	return func() error {
		_ = l.Close()
		serving.Wait()
		return server.Close()
	}
}

// account makes accounts whose token is their name.
func (s *site) account(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if _, err := s.app.CreateAccount(s.t.Context(), s.appKey, name, tokenOf(name), nil); err != nil {
			s.t.Fatal(err)
		}
	}
}

func tokenOf(account string) string { return "t0ken of " + account }

func (s *site) credentials(account, device string, platform wire.Platform) *wire.LoginRequest {
	return &wire.LoginRequest{AppKey: s.appKey, Account: account, Token: tokenOf(account), DeviceId: device, Platform: platform}
}

// user is a device of an account, on either transport.
type user interface {
	// ok sends a request, expects code 200 and decodes the answer.
	ok(cmd wire.Command, in, out proto.Message)
	// code sends a request and returns its code and the note of the refusal.
	code(cmd wire.Command, in proto.Message) (wire.Code, string)
	// next is the next push, which must be this one.
	next(cmd wire.Command, into proto.Message)
	// wantGone expects the connection to end without another push.
	wantGone()
}

const (
	onLink = "link"
	onWeb  = "weblink"
)

// login logs in over a transport.
func (s *site) login(transport, account, device string, platform wire.Platform) (user, *wire.LoginResponse) {
	s.t.Helper()
	in := s.credentials(account, device, platform)
	if transport == onWeb {
		c, err := dial(s.t, s.url, in, weblinktest.Options{})
		if err != nil {
			s.t.Fatal(err)
		}
		return &webUser{c}, c.Login()
	}
	u, out := s.dialLink(), new(wire.LoginResponse)
	u.ok(wire.CmdLogin, in, out)
	return u, out
}

// webUser is a client as a user.
type webUser struct{ *client }

func (u *webUser) code(cmd wire.Command, in proto.Message) (wire.Code, string) {
	u.t.Helper()
	code, text := u.do(cmd, in)
	var e wire.ErrorBody
	if code != wire.CodeOK {
		if err := weblinktest.Decode(text, &e); err != nil {
			u.t.Fatal(err)
		}
	}
	return code, e.Note
}

func (u *webUser) wantGone() {
	u.t.Helper()
	select {
	case e, ok := <-u.Events():
		if ok {
			u.t.Errorf("got %s %s, want the end", e.Name, e.Body)
		}
	case <-time.After(patience):
		u.t.Fatal("the connection does not end")
	}
}

// linkUser is a user on Link.
type linkUser struct {
	t      testing.TB
	conn   *channel.Conn
	serial uint64
	pushes []wire.Frame // that came while an answer was awaited
}

func (s *site) dialLink() *linkUser {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	conn, err := channel.Dial(ctx, s.address, s.key.Public(), channel.Options{Codecs: secure.AllCodecs})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	return &linkUser{t: s.t, conn: conn}
}

func (u *linkUser) ask(cmd wire.Command, in proto.Message) wire.Frame {
	u.t.Helper()
	u.serial++
	var request wire.Body
	if in != nil {
		request = in.(wire.Body)
	}
	if err := u.conn.WriteFrame(&wire.Frame{Kind: wire.KindRequest, Command: cmd, Serial: u.serial}, request); err != nil {
		u.t.Fatal(err)
	}
	for {
		f, err := u.conn.ReadFrame()
		if err != nil {
			u.t.Fatalf("waiting for the answer to %v: %v", cmd, err)
		}
		f.Payload = append([]byte(nil), f.Payload...)
		if f.Kind != wire.KindPush {
			return f
		}
		u.pushes = append(u.pushes, f)
	}
}

func (u *linkUser) ok(cmd wire.Command, in, out proto.Message) {
	u.t.Helper()
	f := u.ask(cmd, in)
	if f.Code != wire.CodeOK {
		u.t.Fatalf("%v %v: code %d", cmd, in, f.Code)
	}
	if out != nil {
		u.decode(f.Payload, out)
	}
}

func (u *linkUser) code(cmd wire.Command, in proto.Message) (wire.Code, string) {
	u.t.Helper()
	f := u.ask(cmd, in)
	var e wire.ErrorBody
	if f.Code != wire.CodeOK {
		u.decode(f.Payload, &e)
	}
	return f.Code, e.Note
}

func (u *linkUser) decode(payload []byte, m proto.Message) {
	u.t.Helper()
	if err := proto.Unmarshal(payload, m); err != nil {
		u.t.Fatal(err)
	}
}

func (u *linkUser) next(cmd wire.Command, into proto.Message) {
	u.t.Helper()
	var f wire.Frame
	if len(u.pushes) > 0 {
		f, u.pushes = u.pushes[0], u.pushes[1:]
	} else {
		var err error
		if f, err = u.conn.ReadFrame(); err != nil {
			u.t.Fatalf("waiting for %v: %v", cmd, err)
		}
	}
	if f.Kind != wire.KindPush || f.Command != cmd {
		u.t.Fatalf("got %v, kind %d, want the push %v", f.Command, f.Kind, cmd)
	}
	u.decode(f.Payload, into)
}

func (u *linkUser) wantGone() {
	u.t.Helper()
	if f, err := u.conn.ReadFrame(); err == nil {
		u.t.Errorf("got %v, want the end", f.Command)
	} else if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		u.t.Fatal("the connection does not end")
	}
}

// wantNoSecrets expects the log to tell no token and no text.
func (s *site) wantNoSecrets() {
	s.t.Helper()
	if log := s.log.String(); strings.Contains(log, "t0ken") || strings.Contains(log, "t3xt") {
		s.t.Errorf("the log tells secrets: %s", log)
	}
}
