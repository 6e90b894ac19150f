package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// slowGate is a backend whose answers the test gives one by one.
type slowGate chan *asked

type asked struct {
	Question
	original *Question // the asker's, until the verdict
	verdict  chan error
}

func (g slowGate) Ask(ctx context.Context, _ *state.Tenant, q *Question) error {
	// What q points to is the asker's after the call.
	a := &asked{Question: *q, original: q, verdict: make(chan error, 1)}
	if q.Message != nil {
		a.Message = proto.CloneOf(q.Message)
	}
	select {
	case g <- a:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-a.verdict:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next is the next question.
func (g slowGate) next(t testing.TB) *asked {
	t.Helper()
	select {
	case a := <-g:
		return a
	case <-time.After(patience):
		t.Fatal("no question")
		return nil
	}
}

// none checks that nobody asks at this moment. Its caller knows that whoever would
// have asked has been answered.
func (g slowGate) none(t testing.TB) {
	t.Helper()
	select {
	case a := <-g:
		t.Errorf("unexpected question %+v", a.Question)
	default:
	}
}

func (a *asked) allow()           { a.verdict <- nil }
func (a *asked) refuse(err error) { a.verdict <- err }

// allowAs allows the message as another one.
func (a *asked) allowAs(c *MessageChange) {
	a.original.Changed = c
	a.verdict <- nil
}

const everything = state.CallbackLogin | state.CallbackMessage | state.CallbackTeamMessage | state.CallbackTeam |
	state.CallbackRecall | state.CallbackFriend | state.CallbackProfile | state.CallbackRoom | state.CallbackRoomEntry

// gated is a node of the test's own and a tenant that is asked about events.
func gated(t testing.TB, events state.CallbackEvents, l state.Limits) (*world, slowGate) {
	t.Helper()
	n := newNode(t)
	gate := make(slowGate)
	n.app.gate = gate
	w := n.newTenant(t, l)
	w.asks(events)
	return w, gate
}

// asks makes events those that the tenant's backend is asked about.
func (w *world) asks(events state.CallbackEvents) {
	w.t.Helper()
	tenant, err := w.app.SetCallback(w.t.Context(), w.tenant.AppKey, state.Callback{URL: "http://backend/", Events: events})
	if err != nil {
		w.t.Fatal(err)
	}
	w.tenant = tenant
}

func TestAllowedMessageIsSentAndRefusedOneIsNot(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	in := &wire.SendRequest{To: "BOB", ClientId: "1", Type: 100, Body: `{"a":1}`, Ext: "ext"}
	serial := alice.start(wire.CmdSend, in)
	q := gate.next(t)
	if q.Event != state.CallbackMessage || q.Account != "alice" || q.DeviceID != "phone" || q.Platform != wire.Platform_PLATFORM_ANDROID ||
		q.Remote != alice.remote || q.TimeMs == 0 || q.Message.To != "bob" || q.Message.Body != in.Body || q.Message.Ext != "ext" || q.Message.ClientId != "1" || q.Message.Type != 100 {
		t.Errorf("question %+v about %+v", q.Question, q.Message)
	}
	q.allow()
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Fatalf("answered %v", r.code)
	}
	var push wire.MessagePush
	bob.push(wire.PushMessage, &push)

	serial = alice.start(wire.CmdSend, text("bob", "2", "bad words"))
	gate.next(t).refuse(&wire.Error{Code: 20042, Note: "mind your words"})
	if note := alice.isRefused(20042, serial); note.Note != "mind your words" {
		t.Errorf("note %q", note.Note)
	}
	if got := w.metric(t, "yizhan_app_requests_total", map[string]string{"command": "send", "code": "other"}); got != 1 {
		t.Errorf("%v refusals counted", got)
	}
	w.settle(t)
	bob.quiet()
	var history wire.HistoryResponse
	alice.ok(wire.CmdHistory, &wire.HistoryRequest{Peer: "bob"}, &history)
	if len(history.Messages) != 1 {
		t.Errorf("%d messages are stored, want 1", len(history.Messages))
	}
	// Refused before: the same message may be sent later.
	serial = alice.start(wire.CmdSend, text("bob", "2", "good words"))
	gate.next(t).allow()
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Errorf("answered %v", r.code)
	}
}

// TestOnlyWhatIsWantedIsAsked: other events, what is malformed, and what the
// tenant's backend does itself.
func TestOnlyWhatIsWantedIsAsked(t *testing.T) {
	w, gate := gated(t, state.CallbackTeamMessage, state.Limits{})
	alice := w.login("alice")
	alice.ok(wire.CmdSend, text("alice", "1", "note"), nil)
	var team wire.CreateTeamResponse
	alice.ok(wire.CmdCreateTeam, &wire.CreateTeamRequest{ClientId: "1", Team: &wire.TeamChanges{Name: proto.String("team")}}, &team)
	w.asks(everything)
	alice.refused(wire.CodeBadParameter, wire.CmdSend, text("bob", "", "no id"))
	alice.isRefused(wire.CodeBadParameter, alice.startRaw(wire.CmdSend, []byte("\xff")))
	alice.isRefused(wire.CodeBadParameter, alice.startRaw(wire.CmdSend, make([]byte, maxRequest+1)))
	w.send(t, "alice", "alice", "by the backend")
	gate.none(t)

	serial := alice.start(wire.CmdSend, &wire.SendRequest{Scene: wire.Scene_SCENE_TEAM, To: team.Team, ClientId: "2", Body: "hello"})
	if q := gate.next(t); q.Event != state.CallbackTeamMessage || q.Message.To != team.Team {
		t.Errorf("question %+v", q)
	} else {
		q.allow()
	}
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Errorf("answered %v", r.code)
	}
	w.app.gate = nil // nobody asks, whatever the tenant wants
	alice.ok(wire.CmdSend, text("alice", "3", "note"), nil)
}

// TestNothingIsChangedUnasked: what is sent right behind a message, and changes or
// forwards it, is either asked about or refused, also when the message is still on
// its way to the store at that moment.
func TestNothingIsChangedUnasked(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{})
	alice := w.login("alice")
	w.login("bob")
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case q := <-gate:
				if strings.HasPrefix(q.Message.ClientId, "s") {
					q.allow()
				} else {
					q.refuse(wire.Errorf(wire.CodeForbidden, "no"))
				}
			case <-done:
				return
			}
		}
	}()
	for i := range 20 {
		seq := uint64(i + 1)
		sent := alice.start(wire.CmdSend, text("bob", fmt.Sprint("s", i), "hello"))
		edit := alice.start(wire.CmdEdit, &wire.EditRequest{Peer: "bob", Seq: seq, ClientId: fmt.Sprint("e", i), Body: "bad"})
		forward := alice.start(wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: fmt.Sprint("f", i), Forward: &wire.Origin{Peer: "bob", Seq: seq}})
		if r := alice.answer(sent); r.code != wire.CodeOK {
			t.Fatalf("sending: %v", r.code)
		}
		for _, serial := range []uint64{edit, forward} {
			if r := alice.answer(serial); r.code != wire.CodeNotFound && r.code != wire.CodeForbidden {
				t.Errorf("message %d: %v, want a refusal", seq, r.code)
			}
		}
	}
}

// TestRequestsOfAConnectionKeepTheirOrder: while one waits for the backend, those
// behind it wait too, also those that are not asked about; other connections, of
// the same account too, are served.
func TestRequestsOfAConnectionKeepTheirOrder(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	desk := w.loginOn("alice", "desk", wire.Platform_PLATFORM_PC)
	const messages = 20
	var serials []uint64
	for i := range messages {
		serials = append(serials, alice.start(wire.CmdSend, text("bob", fmt.Sprint(i), fmt.Sprint(i))))
	}
	exit := alice.start(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "lobby"}) // answered at once, when it is its turn
	for i := range messages {
		q := gate.next(t)
		if q.Message.Body != fmt.Sprint(i) {
			t.Fatalf("question %d is about message %s", i, q.Message.Body)
		}
		desk.ok(wire.CmdExitRoom, &wire.ExitRoomRequest{Room: "lobby"}, nil)
		alice.mu.Lock()
		if _, answered := alice.replies[exit]; answered {
			t.Error("a later request has overtaken a message")
		}
		alice.mu.Unlock()
		if i%5 == 4 {
			q.refuse(wire.Errorf(wire.CodeForbidden, "no"))
			alice.isRefused(wire.CodeForbidden, serials[i])
			continue
		}
		q.allow()
	}
	if r := alice.answer(exit); r.code != wire.CodeOK {
		t.Errorf("answered %v", r.code)
	}
	var seq uint64
	for i := range messages {
		if i%5 == 4 {
			continue
		}
		seq++
		var push wire.MessagePush
		bob.push(wire.PushMessage, &push)
		if push.Message.Seq != seq || push.Message.Body != fmt.Sprint(i) {
			t.Errorf("message %d is %s", push.Message.Seq, push.Message.Body)
		}
	}
}

// TestTheLineIsBounded: in requests and in bytes, and who goes on regardless is cut
// off. What had its place is served.
func TestTheLineIsBounded(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		fit  int
	}{
		"requests": {"x", maxLine},
		"bytes":    {strings.Repeat("語", 5000), maxLineBytes / (15_000 + 20)},
	} {
		t.Run(name, func(t *testing.T) {
			w, gate := gated(t, state.CallbackMessage, state.Limits{RequestBurst: 10_000})
			alice := w.login("alice")
			var serials []uint64
			first := alice.start(wire.CmdSend, text("alice", "first", "x"))
			q := gate.next(t)
			for i := range test.fit {
				serials = append(serials, alice.start(wire.CmdSend, text("alice", fmt.Sprint(i), test.body)))
			}
			more := text("alice", "more", test.body)
			if note := alice.refused(wire.CodeBusy, wire.CmdSend, more); note.RetryAfterMs == 0 {
				t.Error("no advice when to try again")
			}
			q.allow()
			for range serials {
				gate.next(t).allow()
			}
			for _, serial := range append(serials, first) {
				if r := alice.answer(serial); r.code != wire.CodeOK {
					t.Fatalf("answered %v", r.code)
				}
			}
			serial := alice.start(wire.CmdSend, more)
			q = gate.next(t)
			for range test.fit + maxFlood + 1 {
				alice.start(wire.CmdSend, more)
			}
			alice.isClosed(wire.CodeRateLimited, wire.PushClose, new(wire.ClosePush))
			q.allow()
			w.app.lines.Wait()
			alice.mu.Lock()
			defer alice.mu.Unlock()
			if _, answered := alice.replies[serial]; answered {
				t.Error("a connection that was cut off is served")
			}
		})
	}
}

func TestWaitingRequestsAreCountedAgainstTheRate(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{RequestsPerSecond: 1, RequestBurst: 2})
	now := w.app.now()
	w.app.now = func() time.Time { return now }
	alice := w.login("alice")
	first := alice.start(wire.CmdSend, text("alice", "1", "x"))
	q := gate.next(t)
	second := alice.start(wire.CmdSend, text("alice", "2", "x"))
	third := alice.start(wire.CmdSend, text("alice", "3", "x"))
	q.allow()
	gate.next(t).allow()
	for _, serial := range []uint64{first, second} {
		if r := alice.answer(serial); r.code != wire.CodeOK {
			t.Errorf("answered %v", r.code)
		}
	}
	alice.isRefused(wire.CodeRateLimited, third)
}

func TestLoginWaitsForTheBackend(t *testing.T) {
	w, gate := gated(t, state.CallbackLogin, state.Limits{})
	in := w.credentials("alice")
	in.SdkVersion, in.CustomTag = "1.2", "tag"
	p := connect(t, w.app)
	login := p.start(wire.CmdLogin, in)
	send := p.start(wire.CmdSend, text("alice", "1", "x"))
	again := p.start(wire.CmdLogin, in)
	q := gate.next(t)
	if q.Event != state.CallbackLogin || q.Account != "alice" || q.DeviceID != "phone" || q.Platform != in.Platform || q.Remote != p.remote || q.SDKVersion != "1.2" || q.CustomTag != "tag" || q.TimeMs == 0 {
		t.Errorf("question %+v", q.Question)
	}
	if n := w.hub.Len(); n != 0 {
		t.Errorf("%d sessions before the verdict", n)
	}
	q.allow()
	for _, serial := range []uint64{login, send} {
		if r := p.answer(serial); r.code != wire.CodeOK {
			t.Errorf("answered %v", r.code)
		}
	}
	p.isRefused(wire.CodeRepeated, again)
	p.isOpen()
}

func TestRefusedLoginEndsTheConnection(t *testing.T) {
	w, gate := gated(t, state.CallbackLogin, state.Limits{})
	p := connect(t, w.app)
	serial := p.start(wire.CmdLogin, w.credentials("alice"))
	behind := p.start(wire.CmdSend, text("alice", "1", "x"))
	gate.next(t).refuse(wire.Errorf(wire.CodeWrongToken, "not today"))
	if note := p.isRefused(wire.CodeWrongToken, serial); note.Note != "not today" {
		t.Errorf("note %q", note.Note)
	}
	p.isClosed(wire.CodeWrongToken, 0, nil)
	w.app.lines.Wait()
	if _, answered := p.replies[behind]; answered || w.hub.Len() != 0 {
		t.Errorf("who was refused is served")
	}
	if log := w.log.String(); !strings.Contains(log, "code=302") || strings.Contains(log, "not today") || strings.Contains(log, w.tokens["alice"]) {
		t.Errorf("log: %s", log)
	}

	wrong := w.credentials("alice")
	wrong.Token = "wrong"
	stranger := connect(t, w.app)
	stranger.refused(wire.CodeWrongToken, wire.CmdLogin, wrong)
	gate.none(t)
}

// TestWhatEndsMeanwhileIsNotDone: the verdict comes too late.
func TestWhatEndsMeanwhileIsNotDone(t *testing.T) {
	w, gate := gated(t, state.CallbackLogin|state.CallbackMessage, state.Limits{})
	block := func(blocked bool) {
		t.Helper()
		if err := w.app.SetBlocked(t.Context(), w.tenant.AppKey, "alice", blocked, true); err != nil {
			t.Fatal(err)
		}
		w.settle(t) // whoever is to be kicked has been
	}
	// Blocked while logging in.
	p := connect(t, w.app)
	serial := p.start(wire.CmdLogin, w.credentials("alice"))
	q := gate.next(t)
	block(true)
	q.allow()
	p.isRefused(wire.CodeBlocked, serial)
	p.isClosed(wire.CodeBlocked, 0, nil)
	block(false)

	// Gone while logging in.
	p = connect(t, w.app)
	p.start(wire.CmdLogin, w.credentials("alice"))
	q = gate.next(t)
	w.app.Disconnected(p.session, wire.CodeNetwork)
	q.allow()
	w.app.lines.Wait()
	if s := w.hub.Sessions(nil, w.tenant.ID, "alice"); len(s) != 0 {
		t.Errorf("%d sessions of who has gone", len(s))
	}

	// Blocked while sending.
	p = connect(t, w.app)
	serial = p.start(wire.CmdLogin, w.credentials("alice"))
	gate.next(t).allow()
	p.answer(serial)
	p.start(wire.CmdSend, text("alice", "1", "x"))
	q = gate.next(t)
	block(true)
	p.isClosed(wire.CodeForbidden, wire.PushKicked, new(wire.KickedPush))
	q.allow()
	w.app.lines.Wait()
	page, err := w.app.queries.Sync(w.tenant.ID, "alice", 0, 100)
	if err != nil || len(page.Conversations) != 0 {
		t.Errorf("a blocked account has sent: %+v, %v", page, err)
	}
}

func TestTeamIsChangedWhenTheBackendAllows(t *testing.T) {
	w, gate := gated(t, state.CallbackTeam, state.Limits{})
	alice := w.login("alice")
	w.account("bob")
	create := &wire.CreateTeamRequest{ClientId: "1", Members: []string{"bob"}, Team: &wire.TeamChanges{Name: proto.String("team")}}
	serial := alice.start(wire.CmdCreateTeam, create)
	gate.next(t).refuse(wire.Errorf(wire.CodeForbidden, "no teams"))
	alice.isRefused(wire.CodeForbidden, serial)
	conversations := func() int {
		var page wire.SyncResponse
		alice.ok(wire.CmdSync, new(wire.SyncRequest), &page)
		return len(page.Conversations)
	}
	if n := conversations(); n != 0 {
		t.Errorf("%d conversations after a refused team", n)
	}
	serial = alice.start(wire.CmdCreateTeam, create)
	q := gate.next(t)
	if q.Team.Op != state.TeamCreate || q.Team.By != "alice" || q.Team.Info.GetName() != "team" || !slices.Equal(q.Team.Accounts, []string{"bob"}) {
		t.Errorf("question %+v", q.Team)
	}
	q.allow()
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Errorf("answered %v", r.code)
	}
	if n := conversations(); n != 1 {
		t.Errorf("%d conversations after an allowed team", n)
	}
}

func TestClosingGivesUpQuestions(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage, state.Limits{})
	alice := w.login("alice")
	serial := alice.start(wire.CmdSend, text("alice", "1", "x"))
	gate.next(t) // and never answers
	w.app.Close()
	alice.isRefused(wire.CodeBusy, serial)
}

func TestCallbackURLsAreChecked(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	for _, url := range []string{
		"backend", "//backend/", "ftp://backend/", "file:///etc/passwd", "http://", "http:///path", "http://user:secret@backend/",
		"http://backend/#fragment", "http://back end/", "http://backend:port/", "http://backend/" + strings.Repeat("x", 1024), "unix:///socket", "gopher://x",
	} {
		_, err := w.app.SetCallback(t.Context(), w.tenant.AppKey, state.Callback{URL: url})
		if wire.CodeOf(err) != wire.CodeBadParameter || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"http://127.0.0.1:8080", "https://backend.example.com/ask?key=1", "HTTPS://[::1]/x", ""} {
		if _, err := w.app.SetCallback(t.Context(), w.tenant.AppKey, state.Callback{URL: url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := w.app.SetCallback(t.Context(), "nothing", state.Callback{}); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("of nobody: %v", err)
	}
	if _, err := w.app.SetCallback(t.Context(), w.tenant.AppKey, state.Callback{URL: "http://a", TimeoutMs: 6000}); wire.CodeOf(err) != wire.CodeBadParameter {
		t.Errorf("a long timeout: %v", err)
	}
}
