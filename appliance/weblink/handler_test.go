package weblink_test

import (
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// request is what a handler is asked.
type request struct {
	cmd     wire.Command
	payload string
}

// ended is what a handler learns about the end of a connection.
type ended struct {
	session *session.Session
	reason  wire.Code
}

// handler is a small application: whoever gives the token "secret" is in, and
// every request is answered with code 200.
type handler struct {
	hub   *session.Hub
	ended chan ended
	quiet bool // remembers nothing, for benchmarks

	// login and serve take the place of what the handler does with logins and with
	// other requests. They are set before the gateway starts.
	login func(s *session.Session, serial uint64, in *wire.LoginRequest)
	serve func(s *session.Session, cmd wire.Command, serial uint64, payload []byte)

	mu       sync.Mutex
	requests []request
	active   map[*session.Session]bool // in Request
	gone     map[*session.Session]bool
	faults   []string
}

func newHandler() *handler {
	return &handler{
		hub: session.NewHub(), ended: make(chan ended, 4096),
		active: make(map[*session.Session]bool), gone: make(map[*session.Session]bool),
	}
}

func (h *handler) Connected(c session.Conn) *session.Session { return session.NewSession(c) }

func (h *handler) Disconnected(s *session.Session, reason wire.Code) {
	h.mu.Lock()
	if h.active[s] || h.gone[s] {
		h.faults = append(h.faults, "Disconnected during a request, or twice")
	}
	if !h.quiet {
		h.gone[s] = true
	}
	h.mu.Unlock()
	h.hub.Remove(s)
	if !h.quiet {
		h.ended <- ended{s, reason}
	}
}

func (h *handler) Request(s *session.Session, cmd wire.Command, serial uint64, payload []byte) {
	h.mu.Lock()
	if h.active[s] || h.gone[s] {
		h.faults = append(h.faults, "a request during another one, or after Disconnected")
	}
	h.active[s] = true
	if !h.quiet {
		h.requests = append(h.requests, request{cmd, string(payload)})
	}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.active, s)
	}()

	switch {
	case cmd == wire.CmdLogin && s.Identity() == nil:
		var in wire.LoginRequest
		if err := in.UnmarshalVT(payload); err != nil {
			s.Conn().Reply(serial, wire.CodeBadParameter, nil)
			return
		}
		if h.login != nil {
			h.login(s, serial, &in)
			return
		}
		h.logIn(s, serial, &in)
	case h.serve != nil:
		h.serve(s, cmd, serial, payload)
	case cmd == wire.CmdLogin:
		s.Conn().Reply(serial, wire.CodeRepeated, &wire.ErrorBody{Note: "logged in already"})
	case cmd == 0:
		s.Conn().Reply(serial, wire.CodeBadProtocol, &wire.ErrorBody{Note: "unknown"})
	default:
		s.Conn().Reply(serial, wire.CodeOK, nil)
	}
}

// logIn answers a login by its token.
func (h *handler) logIn(s *session.Session, serial uint64, in *wire.LoginRequest) {
	if in.Token != "secret" {
		s.Conn().Reply(serial, wire.CodeWrongToken, &wire.ErrorBody{Note: "who are you?", RetryAfterMs: 1234})
		s.Conn().Close(wire.CodeWrongToken, nil)
		return
	}
	h.admit(s, in)
	s.Conn().Reply(serial, wire.CodeOK, &wire.LoginResponse{SessionId: 7})
}

// admit makes the session known and lifts the login's timeout.
func (h *handler) admit(s *session.Session, in *wire.LoginRequest) {
	id := &session.Identity{SessionID: 7, Tenant: 1, Account: in.Account, DeviceID: in.DeviceId, Platform: in.Platform}
	if _, _, err := h.hub.Login(s, id, session.PolicyAll); err == nil {
		s.Conn().SetIdleTimeout(time.Minute)
	}
}

// conn waits for the connection of account and returns it.
func (h *handler) conn(t testing.TB, account string) session.Conn {
	t.Helper()
	var found []*session.Session
	eventually(t, account+" is logged in", func() bool {
		found = h.hub.Sessions(nil, 1, account)
		return len(found) > 0
	})
	return found[0].Conn()
}

// wantEnded expects a connection to end for this reason.
func (h *handler) wantEnded(t testing.TB, reason wire.Code) {
	t.Helper()
	select {
	case e := <-h.ended:
		if e.reason != reason {
			t.Errorf("the connection ended for %v, want %v", e.reason, reason)
		}
	case <-time.After(patience):
		t.Fatalf("the handler did not learn of the end, want %v", reason)
	}
}

// seen are the requests so far.
func (h *handler) seen() []request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]request(nil), h.requests...)
}

func (h *handler) wantNoFaults(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fault := range h.faults {
		t.Error(fault)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("it never happened that %s", what)
		}
		time.Sleep(5 * time.Millisecond) // the pace of the polling
	}
}
