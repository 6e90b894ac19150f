package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/lbs"
	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// patience is how long a test waits for a real node.
const patience = 30 * time.Second

// realNode is a node in this process, with real sockets.
type realNode struct {
	t      *testing.T
	dir    string
	link   string // address of the gateway: the same after a restart
	lbs    *httptest.Server
	tokens map[string]string

	node     *appliance.Node
	listener net.Listener
	serving  sync.WaitGroup
}

func startNode(t *testing.T) *realNode {
	n := &realNode{t: t, dir: t.TempDir(), link: "127.0.0.1:0", tokens: map[string]string{}}
	n.start()
	t.Cleanup(n.stop)
	n.lbs = httptest.NewServer(n.node.LBS([]lbs.AccessPoint{{Transport: "link", Address: n.link}}))
	t.Cleanup(n.lbs.Close)
	if _, err := n.node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "app", Name: "Test"}); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"alice", "bob"} {
		token, err := n.node.App().CreateAccount(t.Context(), "app", account, "", &wire.Profile{Name: strings.ToUpper(account)})
		if err != nil {
			t.Fatal(err)
		}
		n.tokens[account] = token
	}
	return n
}

func (n *realNode) start() { n.startAfter(func() {}) }

// startAfter lets before use the node when no client can reach it yet.
func (n *realNode) startAfter(before func()) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := appliance.Open(ctx, appliance.Config{NodeID: "node1", DataDir: n.dir})
	if err != nil {
		n.t.Fatal(err)
	}
	n.node = node
	before()
	l, err := net.Listen("tcp", n.link)
	if err != nil {
		n.node = nil
		n.t.Fatal(errors.Join(err, node.Close()))
	}
	n.listener, n.link = l, l.Addr().String()
	n.serving.Go(func() { _ = node.ServeLink(l) })
}

func (n *realNode) stop() {
	if n.node == nil {
		return
	}
	_ = n.listener.Close()
	if err := n.node.Close(); err != nil {
		n.t.Error(err)
	}
	n.serving.Wait()
	n.node = nil
}

// app is an app on one device: it keeps the texts it has got.
type app struct {
	*sdk.Client
	t    *testing.T
	loop sync.WaitGroup
	got  chan sdk.Event
}

func (n *realNode) app(account string, change func(*sdk.Options)) *app {
	n.t.Helper()
	o := sdk.Options{
		LBS: n.lbs.URL, AppKey: "app", Account: account, Token: n.tokens[account],
		MinBackoff: 20 * time.Millisecond, MaxBackoff: 200 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	client, err := sdk.New(o)
	if err != nil {
		n.t.Fatal(err)
	}
	a := &app{Client: client, t: n.t, got: make(chan sdk.Event, 10_000)}
	a.loop.Go(func() {
		for event := range client.Events(context.Background()) {
			a.got <- event
		}
	})
	n.t.Cleanup(a.close)
	if err := client.Connect(a.context()); err != nil {
		n.t.Fatal(err)
	}
	return a
}

func (a *app) close() {
	_ = a.Close()
	a.loop.Wait()
}

func (a *app) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	a.t.Cleanup(cancel)
	return ctx
}

func (a *app) send(to, text string) sdk.SendResult {
	a.t.Helper()
	r, err := a.Send(a.context(), to, sdk.Text(text))
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// until collects events up to the first that satisfies last.
func (a *app) until(what string, last func(sdk.Event) bool) []sdk.Event {
	a.t.Helper()
	var events []sdk.Event
	timeout := time.After(patience)
	for {
		select {
		case event := <-a.got:
			events = append(events, event)
			if last(event) {
				return events
			}
		case <-timeout:
			a.t.Fatalf("no %s; got %v", what, events)
		}
	}
}

// texts are the bodies up to and with last.
func (a *app) texts(last string) []string {
	a.t.Helper()
	events := a.until("message "+last, func(event sdk.Event) bool {
		m, ok := event.(sdk.Message)
		return ok && m.Body == last
	})
	var texts []string
	for _, event := range events {
		if m, ok := event.(sdk.Message); ok {
			texts = append(texts, m.Body)
		}
	}
	return texts
}

func TestChatThroughARealNode(t *testing.T) {
	n := startNode(t)
	alice, bob := n.app("alice", nil), n.app("bob", nil)

	first := alice.send("bob", "hi "+strings.Repeat("long ", 500))
	if texts := bob.texts("hi " + strings.Repeat("long ", 500)); len(texts) != 1 || first.Seq != 1 {
		t.Errorf("bob got %d messages; the first has seq %d", len(texts), first.Seq)
	}
	again, err := alice.Send(alice.context(), "bob", sdk.Content{Body: "hi", ClientID: first.ClientID})
	if err != nil || !again.Duplicate || again.Seq != 1 {
		t.Errorf("sent again: %+v, %v", again, err)
	}
	if err := bob.MarkRead(bob.context(), "alice", 1); err != nil {
		t.Fatal(err)
	}
	alice.until("receipt", func(event sdk.Event) bool { return event == sdk.Event(sdk.Receipt{Peer: "bob", Seq: 1}) })
	if err := alice.Recall(alice.context(), "bob", 1, "typo"); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*app{alice, bob} {
		a.until("recall", func(event sdk.Event) bool {
			r, ok := event.(sdk.Recall)
			return ok && r.Recalled == 1 && r.Body == "typo" && r.Local == (a == alice)
		})
	}
	messages, more, err := bob.History(bob.context(), "alice", sdk.Page{})
	if err != nil || more || len(messages) != 2 || !messages[0].Recalled {
		t.Errorf("history: %v, more %v, %v", messages, more, err)
	}
	sign := "back soon"
	if err := bob.UpdateProfile(bob.context(), &wire.UpdateProfileRequest{Sign: &sign}); err != nil {
		t.Fatal(err)
	}
	profiles, err := alice.Profiles(alice.context(), "bob", "nobody")
	if err != nil || len(profiles) != 1 || profiles[0].Sign != sign || profiles[0].Name != "BOB" {
		t.Errorf("profiles: %v, %v", profiles, err)
	}
	if _, err := alice.Send(alice.context(), "nobody", sdk.Custom("{}")); wire.CodeOf(err) != wire.CodeNotFound {
		t.Errorf("sent to nobody: %v", err)
	}
}

func TestDevicesOfOneAccount(t *testing.T) {
	n := startNode(t)
	desk := n.app("alice", nil)
	phone := n.app("alice", func(o *sdk.Options) { o.Platform = wire.Platform_PLATFORM_IOS })
	others := phone.Login().GetOthers()
	if len(others) != 1 || others[0].DeviceId != desk.DeviceID() {
		t.Fatalf("the phone sees %v", others)
	}
	phone.send("bob", "from the phone")
	desk.texts("from the phone")
	if err := phone.KickOther(phone.context(), others[0].SessionId); err != nil {
		t.Fatal(err)
	}
	var kicked *sdk.KickedError
	desk.until("kick", func(event sdk.Event) bool {
		change, ok := event.(sdk.StateChange)
		return ok && change.State == sdk.StateStopped && errors.As(change.Err, &kicked)
	})
	if kicked.Reason != wire.KickReason_KICK_REASON_OTHER_DEVICE {
		t.Errorf("kicked because of %v", kicked)
	}
}

func TestRefusedByARealNode(t *testing.T) {
	n := startNode(t)
	for name, change := range map[string]func(*sdk.Options){
		"wrong token":    func(o *sdk.Options) { o.Token = "wrong" },
		"unknown appkey": func(o *sdk.Options) { o.AppKey = "other" },
	} {
		o := sdk.Options{LBS: n.lbs.URL, AppKey: "app", Account: "alice", Token: n.tokens["alice"]}
		change(&o)
		c, err := sdk.New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err = c.Connect(ctx)
		cancel()
		var answer *wire.Error
		if !errors.As(err, &answer) || answer.Code.Temporary() {
			t.Errorf("%s: %v", name, err)
		}
		_ = c.Close()
	}
}

// TestNodeRestartsWhileClientsChat closes and reopens the node while messages
// flow, and the receiving app with it: nothing is missing, doubled or out of
// order.
func TestNodeRestartsWhileClientsChat(t *testing.T) {
	n := startNode(t)
	const messages = 300
	store, err := sdk.OpenFileStore(filepath.Join(t.TempDir(), "bob"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	durable := func(o *sdk.Options) { o.Store = store }
	alice, bob := n.app("alice", nil), n.app("bob", durable)

	sent := make(chan error, 1)
	reached := make(chan int, messages)
	go func() {
		for i := range messages {
			if _, err := alice.Send(alice.context(), "bob", sdk.Text(fmt.Sprint(i))); err != nil {
				sent <- fmt.Errorf("message %d: %w", i, err)
				return
			}
			reached <- i
		}
		sent <- nil
	}()
	waitReached := func(i int) {
		for got := range reached {
			if got >= i {
				return
			}
		}
	}
	texts := bob.texts("50")
	waitReached(60)
	n.stop()
	n.start()
	waitReached(120)
	bob.close()
	close(bob.got)
	for event := range bob.got {
		if m, ok := event.(sdk.Message); ok {
			texts = append(texts, m.Body)
		}
	}
	waitReached(200)
	n.stop()
	n.start()
	bob = n.app("bob", durable)
	texts = append(texts, bob.texts(fmt.Sprint(messages-1))...)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	want := make([]string, messages)
	for i := range want {
		want[i] = fmt.Sprint(i)
	}
	if !slices.Equal(texts, want) {
		t.Errorf("bob got %v", texts)
	}
}

func (a *app) enter(room string, members int) {
	a.t.Helper()
	got, err := a.EnterRoom(a.context(), room)
	if err != nil || got != members {
		a.t.Fatalf("%s enters %s: %d members, %v; want %d", a.Account(), room, got, err, members)
	}
}

func (a *app) say(room, text string) sdk.RoomSendResult {
	a.t.Helper()
	r, err := a.SendRoom(a.context(), room, sdk.Text(text))
	if err != nil {
		a.t.Fatalf("%s says %q: %v", a.Account(), text, err)
	}
	return r
}

// heard are the messages of rooms up to and with last, each with its id.
func (a *app) heard(last string) (heard []string) {
	a.t.Helper()
	events := a.until("room message "+last, func(event sdk.Event) bool {
		m, ok := event.(sdk.RoomMessage)
		return ok && m.Body == last
	})
	for _, event := range events {
		switch e := event.(type) {
		case sdk.RoomMessage:
			heard = append(heard, fmt.Sprint(e.Room, " ", e.From, " ", e.Id, " ", e.Body))
		case sdk.RoomMissed:
			a.t.Errorf("%s missed %+v", a.Account(), e)
		}
	}
	return heard
}

// TestRoomsThroughARealNode: everybody hears everything once and in one order,
// those who speak too; the rooms of another tenant are other rooms; and after
// a restart of the node all are in their rooms again.
func TestRoomsThroughARealNode(t *testing.T) {
	n := startNode(t)
	if _, err := n.node.CreateTenant(t.Context(), appliance.TenantRequest{AppKey: "other", Name: "Other"}); err != nil {
		t.Fatal(err)
	}
	token, err := n.node.App().CreateAccount(t.Context(), "other", "alice", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	alice := n.app("alice", func(o *sdk.Options) { o.Queue = 10_000 })
	bob := n.app("bob", func(o *sdk.Options) { o.Queue = 10_000 })
	stranger := n.app("alice", func(o *sdk.Options) { o.AppKey, o.Token = "other", token })
	alice.enter("lobby", 1)
	bob.enter("lobby", 2)
	stranger.enter("lobby", 1)

	const each = 100
	var talk sync.WaitGroup
	for _, a := range []*app{alice, bob} {
		talk.Go(func() {
			for i := range each {
				if _, err := a.SendRoom(a.context(), "lobby", sdk.Text(fmt.Sprint(a.Account(), " ", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	talk.Wait()
	stranger.say("lobby", "does anybody hear me?")
	alice.say("lobby", "end")
	heard := alice.heard("end")
	if len(heard) != 2*each+1 {
		t.Errorf("alice heard %d messages, want %d", len(heard), 2*each+1)
	}
	if got := bob.heard("end"); !slices.Equal(got, heard) {
		t.Errorf("bob heard\n%s\nalice\n%s", strings.Join(got, "\n"), strings.Join(heard, "\n"))
	}
	if got := stranger.heard("does anybody hear me?"); len(got) != 1 {
		t.Errorf("the other tenant heard %q", got)
	}

	n.stop()
	n.start()
	back := func(a *app) {
		t.Helper()
		a.until("re-entry", func(event sdk.Event) bool {
			r, ok := event.(sdk.RoomReentry)
			if ok && (r.Err != nil || r.Room != "lobby") {
				t.Errorf("%s: %+v", a.Account(), r)
			}
			return ok
		})
	}
	back(alice)
	back(bob)
	bob.say("lobby", "here again")
	for _, a := range []*app{alice, bob} {
		if got := a.heard("here again"); len(got) != 1 {
			t.Errorf("%s heard %q", a.Account(), got)
		}
	}
	if err := bob.ExitRoom(bob.context(), "lobby"); err != nil {
		t.Fatal(err)
	}
	alice.enter("lobby", 1)
	_, err = bob.SendRoom(bob.context(), "lobby", sdk.Text("from outside"))
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Code != wire.CodeForbidden {
		t.Errorf("sending from outside: %v", err)
	}
	_, err = alice.EnterRoom(alice.context(), "a room")
	if !errors.As(err, &refused) || refused.Code != wire.CodeBadParameter {
		t.Errorf("entering a bad name: %v", err)
	}
}
