package weblink_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/weblink"
	"github.com/yizhan-im/yizhan/appliance/weblink/weblinktest"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestALoginReachesTheHandlerAsARequest(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	in := credentials("alice")
	in.HeartbeatSeconds, in.CustomTag = 30, "tag"
	c, err := dial(t, g.url, in, weblinktest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Login().SessionId; got != 7 {
		t.Errorf("the client got session %d", got)
	}
	seen := h.seen()
	var got wire.LoginRequest
	if len(seen) != 1 || seen[0].cmd != wire.CmdLogin || got.UnmarshalVT([]byte(seen[0].payload)) != nil || !proto.Equal(&got, in) {
		t.Errorf("the handler was asked %v", seen)
	}
	conn := h.conn(t, "alice")
	if conn.Transport() != "weblink" || conn.RemoteAddr().Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("transport %q, address %v", conn.Transport(), conn.RemoteAddr())
	}
}

func TestTheLoginsAnswerComesBeforeEveryPush(t *testing.T) {
	h := newHandler()
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
		h.admit(s, in)
		s.Conn().Push(messagePush("1"))
		s.Conn().Push(messagePush("2"))
		s.Conn().Reply(serial, wire.CodeOK, &wire.LoginResponse{SessionId: 7})
		s.Conn().Push(messagePush("3"))
	}
	g := start(t, h, weblink.Options{})
	c := g.enter(t, "alice") // fails when another event comes first
	for _, want := range []string{"1", "2", "3"} {
		var push wire.MessagePush
		if c.next(wire.PushMessage, &push); push.Message.Body != want {
			t.Errorf("got message %q, want %q", push.Message.Body, want)
		}
	}
}

func TestPushesBeforeTheLoginsAnswerAreBounded(t *testing.T) {
	h := newHandler()
	ev := messagePush(strings.Repeat("x", 1000))
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
		h.admit(s, in)
		for range 12 {
			s.Conn().Push(ev)
		}
		s.Conn().Reply(serial, wire.CodeOK, &wire.LoginResponse{SessionId: 7})
	}
	g := start(t, h, weblink.Options{QueueBytes: 10_000})
	if refused := g.refused(t, credentials("alice")); refused.Code != wire.CodeSlowClient {
		t.Errorf("got %v", refused)
	}
	h.wantEnded(t, wire.CodeSlowClient)
}

func TestARefusedLogin(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	in := credentials("alice")
	in.Token = "wr0ng"
	want := weblinktest.RefusedError{Message: "wrong_token", Code: wire.CodeWrongToken, Note: "who are you?", RetryAfterMs: 1234}
	for _, o := range []weblinktest.Options{{}, {Polling: true}} {
		_, err := dial(t, g.url, in, o)
		var refused *weblinktest.RefusedError
		if !errors.As(err, &refused) || *refused != want {
			t.Errorf("%+v: refused with %v, want %v", o, err, &want)
		}
		h.wantEnded(t, wire.CodeWrongToken)
	}
	eventually(t, "the sessions are closed", func() bool { return g.Connections() == 0 })
	if log := g.log.String(); strings.Contains(log, "wr0ng") {
		t.Errorf("the log tells the token: %s", log)
	}
}

func TestAuthThatIsNoLogin(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	for name, test := range map[string]struct{ auth, note string }{
		"a wrong type": {`{"token":{"s3cret":1}}`, "auth is not the JSON form of LoginRequest: invalid value for string field token"},
		"too long":     {`{"token":"s3cret` + strings.Repeat("x", 9000) + `"}`, "auth is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			refused := g.refused(t, json.RawMessage(test.auth))
			if refused.Code != wire.CodeBadParameter || !strings.HasPrefix(refused.Note, test.note) || strings.Contains(refused.Note, "s3cret") {
				t.Errorf("got %v", refused)
			}
			eventually(t, "the session is closed", func() bool { return g.Connections() == 0 })
		})
	}
	g.wantCount(t, "yizhan_weblink_bad_requests_total", "login", 2)
	if seen := h.seen(); len(seen) != 0 {
		t.Errorf("the handler was asked %v", seen)
	}
	if log := g.log.String(); strings.Contains(log, "s3cret") || !strings.Contains(log, "a login that cannot be read") {
		t.Errorf("log: %s", log)
	}
}

func TestALoginWithoutAuthIsTheHandlersBusiness(t *testing.T) {
	h := newHandler()
	g := start(t, h, weblink.Options{})
	if refused := g.refused(t, nil); refused.Code != wire.CodeWrongToken {
		t.Errorf("got %v", refused)
	}
	if seen := h.seen(); len(seen) != 1 || seen[0].payload != "" {
		t.Errorf("the handler was asked %v", seen)
	}
}

func TestALoginMayBeAnsweredLater(t *testing.T) {
	h := newHandler()
	answers := make(chan func(), 1)
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
		answers <- func() { h.logIn(s, serial, proto.CloneOf(in)) }
	}
	g := start(t, h, weblink.Options{})
	go func() { (<-answers)() }()
	c := g.enter(t, "alice")
	c.ok(wire.CmdAck, &wire.AckRequest{Version: 1}, nil)
}

func TestAClientLeavesBeforeItsLoginIsAnswered(t *testing.T) {
	h := newHandler()
	answers := make(chan func(), 1)
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
		answers <- func() {
			s.Conn().Push(messagePush("nobody reads this"))
			s.Conn().Reply(serial, wire.CodeOK, &wire.LoginResponse{SessionId: 7})
			s.Conn().Close(wire.CodeOK, nil)
		}
	}
	g := start(t, h, weblink.Options{LoginTimeout: 100 * time.Millisecond})
	if _, err := dial(t, g.url, credentials("alice"), weblinktest.Options{}); err == nil {
		t.Fatal("a login without an answer succeeds")
	}
	h.wantEnded(t, wire.CodeTimeout)
	(<-answers)()
	g.wantCount(t, "yizhan_weblink_logged_in", "", 0)
}

func TestWhoDoesNotLogInIsClosed(t *testing.T) {
	h := newHandler()
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {}
	g := start(t, h, weblink.Options{LoginTimeout: 100 * time.Millisecond})
	begin := time.Now()
	if _, err := dial(t, g.url, credentials("alice"), weblinktest.Options{}); err == nil {
		t.Error("a login without an answer succeeds")
	}
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
	eventually(t, "the session is gone", func() bool { return g.Connections()+g.Left() == 0 })
}

func TestACloseDuringTheLoginIsARefusal(t *testing.T) {
	for name, test := range map[string]struct {
		reason wire.Code
		last   *session.Event
		want   weblinktest.RefusedError
	}{
		"kicked": {wire.CodeRepeated, session.NewEvent(wire.PushKicked, &wire.KickedPush{Reason: wire.KickReason_KICK_REASON_REPLACED}),
			weblinktest.RefusedError{Message: "repeated", Code: wire.CodeRepeated, Note: "ended by the server: KICK_REASON_REPLACED"}},
		"closed": {wire.CodeBusy, session.NewEvent(wire.PushClose, &wire.ClosePush{Code: 503, Note: "stopping"}),
			weblinktest.RefusedError{Message: "busy", Code: wire.CodeBusy, Note: "stopping"}},
		"go away": {wire.CodeBusy, session.NewEvent(wire.PushGoAway, &wire.GoAwayPush{DelayMs: 50, Note: "elsewhere"}),
			weblinktest.RefusedError{Message: "busy", Code: wire.CodeBusy, Note: "elsewhere", RetryAfterMs: 50}},
		"no words": {wire.CodeServerError, nil,
			weblinktest.RefusedError{Message: "server_error", Code: wire.CodeServerError, Note: wire.CodeServerError.Meaning()}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHandler()
			h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
				h.admit(s, in)
				s.Conn().Close(test.reason, test.last)
				s.Conn().Reply(serial, wire.CodeOK, &wire.LoginResponse{SessionId: 7}) // too late
			}
			g := start(t, h, weblink.Options{})
			if refused := g.refused(t, credentials("alice")); *refused != test.want {
				t.Errorf("refused with %+v, want %+v", *refused, test.want)
			}
			h.wantEnded(t, test.reason)
		})
	}
}

func TestOtherNamespacesDoNotExist(t *testing.T) {
	g := start(t, newHandler(), weblink.Options{})
	c := g.enter(t, "alice")
	if err := c.SendPacket("0/admin,{}"); err != nil {
		t.Fatal(err)
	}
	<-c.Ended() // the client knows no packets of other namespaces
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "Invalid namespace") {
		t.Errorf("joining another namespace: %v", err)
	}
}

func TestSessionsThatAreNotLoggedInAreBounded(t *testing.T) {
	h := newHandler()
	held := make(chan func(), 2)
	h.login = func(s *session.Session, serial uint64, in *wire.LoginRequest) {
		in = proto.CloneOf(in)
		if in.Account != "slow" {
			h.logIn(s, serial, in)
			return
		}
		held <- func() { h.logIn(s, serial, in) }
	}
	g := start(t, h, weblink.Options{MaxPending: 2})
	g.enter(t, "alice")
	g.enter(t, "bob") // who is logged in does not count
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := dial(t, g.url, credentials("slow"), weblinktest.Options{})
			results <- err
		}()
	}
	eventually(t, "two logins wait", func() bool { return len(held) == 2 })
	_, err := dial(t, g.url, credentials("carol"), weblinktest.Options{})
	var refused *weblinktest.RefusedError
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "503") {
		t.Errorf("one more: %v, want HTTP 503", err)
	}
	// A page must be able to read that it is to try again.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+"?EIO=4&transport=polling", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://app.example.com")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if h := response.Header; response.StatusCode != http.StatusServiceUnavailable || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Retry-After") == "" {
		t.Errorf("a page is told %s, %v", response.Status, h)
	}
	g.wantCount(t, "yizhan_weblink_pending_refused_total", "", 2)
	for range 2 {
		(<-held)()
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	g.enter(t, "carol")
	g.wantCount(t, "yizhan_weblink_logged_in", "", 5)
}

// messagePush is a push with this text.
func messagePush(body string) *session.Event {
	return session.NewEvent(wire.PushMessage, &wire.MessagePush{Message: &wire.Message{From: "bob", To: "alice", Body: body}})
}
