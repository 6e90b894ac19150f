package main_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestTwoAppsChat is the main job: two apps chat, one goes away, comes back and
// misses nothing, also when the node was stopped in between.
func TestTwoAppsChat(t *testing.T) {
	n := newNode(t).start()
	alice, bob := n.device("alice").connect(), n.device("bob").connect()

	alice.send("bob", "hello")
	bob.waitTexts("hello")
	bob.send("alice", "hi")
	alice.waitTexts("hello", "hi")

	bob.leave()
	want := []string{"hello", "hi"}
	for i := range 250 { // more than one page of history
		text := fmt.Sprintf("while you were out %d", i)
		alice.send("bob", text)
		want = append(want, text)
	}
	bob.connect()
	bob.waitTexts(want...)

	bob.leave()
	alice.send("bob", "before the stop")
	n.interrupt()
	n.start()
	alice.send("bob", "after the stop") // alice's app has reconnected by itself
	bob.connect()
	bob.waitTexts(append(want, "before the stop", "after the stop")...)
	alice.waitTexts(append(want, "before the stop", "after the stop")...)
}

// TestKillUnderLoad kills the node with SIGKILL while messages are sent: every
// acknowledged one is there once, in order.
func TestKillUnderLoad(t *testing.T) {
	n := newNode(t).start()
	alice, bob := n.device("alice").connect(), n.device("bob").connect()

	const senders, each, kills = 8, 60, 3
	var (
		mu    sync.Mutex
		acked = map[string]uint64{} // text → seq
		work  sync.WaitGroup
		sent  = make(chan struct{}, senders*each)
	)
	for s := range senders {
		work.Go(func() {
			for i := range each {
				text := fmt.Sprintf("%d/%d", s, i)
				r, err := alice.client.Send(alice.context(), "bob", sdk.Text(text))
				if err != nil {
					t.Errorf("%s: %v", text, err)
					return
				}
				mu.Lock()
				acked[text] = r.Seq
				mu.Unlock()
				sent <- struct{}{}
			}
		})
	}
	for range kills {
		for range senders * each / (kills + 1) {
			<-sent
		}
		n.kill()
		n.start()
	}
	work.Wait()
	if t.Failed() {
		return
	}
	bob.waitFor("every message", func() bool { return len(bob.got) >= len(acked) })
	bob.mu.Lock()
	defer bob.mu.Unlock()
	if len(bob.got) != senders*each {
		t.Errorf("bob has %d messages, want %d", len(bob.got), senders*each)
	}
	last := map[string]int{}
	for _, m := range bob.got {
		if acked[m.Body] != m.Seq {
			t.Errorf("bob has %q at seq %d, it was acknowledged at %d", m.Body, m.Seq, acked[m.Body])
		}
		var s, i int
		if _, err := fmt.Sscanf(m.Body, "%d/%d", &s, &i); err != nil {
			t.Fatal(err)
		}
		if sender := fmt.Sprint(s); i != last[sender] {
			t.Errorf("bob got message %d of sender %d, want %d", i, s, last[sender])
		}
		last[fmt.Sprint(s)]++
	}
}

func TestReloadKeepsConnections(t *testing.T) {
	n := newNode(t).start()
	alice, bob := n.device("alice").connect(), n.device("bob").connect()
	alice.send("bob", "before")
	bob.waitTexts("before")

	if err := n.reload(n.caddyfile("queue 256KiB", "queue 128KiB", "drain 3s", "drain 2s")); err != nil {
		t.Fatal(err)
	}
	alice.send("bob", "after a reload")

	if err := n.reload(n.caddyfile("node_id node1", "node_id node2")); err == nil {
		t.Error("a running node took another name")
	} else if !strings.Contains(err.Error(), "node_id") {
		t.Errorf("the error does not name node_id: %v", err)
	}
	if err := n.reload(n.caddyfile("link {$YIZHAN_LINK:127.0.0.1:7400}", "link {$YIZHAN_LINK} 203.0.113.1:1")); err == nil {
		t.Error("a listener on a foreign address was accepted")
	}
	alice.send("bob", "after two refused reloads")

	other := freeAddresses(t, 1)[0]
	if err := n.reload(n.caddyfile("link {$YIZHAN_LINK:127.0.0.1:7400}", "link "+other)); err != nil {
		t.Fatal(err)
	}
	alice.send("bob", "after the listener moved")
	bob.waitTexts("before", "after a reload", "after two refused reloads", "after the listener moved")

	for _, d := range []*device{alice, bob} {
		d.mu.Lock()
		for _, s := range d.states {
			if s.State == sdk.StateOffline {
				t.Errorf("%s lost its connection: %v", d.o.Account, s.Err)
			}
		}
		d.mu.Unlock()
	}
	// New clients find the new listener.
	carol := n.device("bob")
	carol.o.Store, carol.o.DeviceID, carol.o.Platform = new(sdk.MemoryStore), "phone", wire.Platform_PLATFORM_IOS
	carol.connect()
	if metrics := n.get("http://" + n.admin + "/metrics"); !strings.Contains(metrics, "yizhan_") {
		t.Error("after reloads the metrics of the node are gone")
	}
}

// TestFullDisk has the node believe that its disk is full: it refuses writes
// with 503, serves reads, and recovers by itself.
func TestFullDisk(t *testing.T) {
	n := newNode(t).start()
	alice, bob := n.device("alice").connect(), n.device("bob").connect()
	alice.send("bob", "room")
	bob.waitTexts("room")

	if err := n.reload(n.caddyfile("min_free 256MiB", "min_free 1EiB")); err != nil {
		t.Fatal(err)
	}
	n.waitFor("writes refused", func() bool {
		out, _ := n.yizhan("status", "--address", n.admin)
		return strings.Contains(out, "refusing writes")
	})
	answer := n.call("msg/sendMsg.action", url.Values{"from": {"alice"}, "ope": {"0"}, "to": {"bob"}, "type": {"0"}, "body": {`{"msg":"x"}`}})
	if answer["code"] != 503.0 {
		t.Errorf("the API answers a write with %v, want 503", answer)
	}
	history, _, err := bob.client.History(bob.context(), "alice", sdk.Page{})
	if err != nil || len(history) != 1 {
		t.Errorf("reading on a full disk: %d messages, %v", len(history), err)
	}

	if err := n.reload(n.caddyfile()); err != nil {
		t.Fatal(err)
	}
	alice.send("bob", "room again") // the SDK goes on trying while it gets 503
	bob.waitTexts("room", "room again")
}

func TestABackendTakesPartInAChat(t *testing.T) {
	n := newNode(t).start()
	bob := n.device("bob").connect()

	answer := n.call("user/create.action", url.Values{"accid": {"Support"}, "name": {"Support desk"}})
	n.get("http://" + n.http + "/nimserver/health/liveness.action")
	info, _ := answer["info"].(map[string]any)
	if answer["code"] != 200.0 || info["accid"] != "support" {
		t.Fatalf("user/create: %v", answer)
	}
	support := n.device("support")
	support.o.Token, _ = info["token"].(string)
	support.connect()

	answer = n.call("msg/sendMsg.action", url.Values{"from": {"support"}, "ope": {"0"}, "to": {"bob"}, "type": {"0"}, "body": {`{"msg":"how can we help?"}`}})
	if answer["code"] != 200.0 {
		t.Fatalf("msg/sendMsg: %v", answer)
	}
	bob.waitTexts("how can we help?")
	bob.send("support", "my 🛵 broke 坏了")
	support.waitTexts("how can we help?", "my 🛵 broke 坏了")

	answer = n.call("history/querySessionMsg.action", url.Values{"from": {"support"}, "to": {"bob"},
		"begintime": {"0"}, "endtime": {"9999999999999"}, "limit": {"10"}, "reverse": {"1"}})
	if msgs, _ := answer["msgs"].([]any); answer["code"] != 200.0 || len(msgs) != 2 {
		t.Errorf("history: %v", answer)
	}

	// A refreshed token ends the sessions of the old one.
	answer = n.call("user/refreshToken.action", url.Values{"accid": {"support"}})
	if answer["code"] != 200.0 {
		t.Fatalf("user/refreshToken: %v", answer)
	}
	support.waitFor("the end of its session", func() bool {
		return len(support.states) > 0 && support.states[len(support.states)-1].State == sdk.StateStopped
	})
}

func TestASecondLoginOnThePlatformReplacesTheFirst(t *testing.T) {
	n := newNode(t).start()
	first := n.device("alice")
	first.o.DeviceID = "desk"
	first.connect()
	second := n.device("alice")
	second.o.DeviceID = "laptop"
	second.connect()

	first.waitFor("the kick", func() bool {
		last := first.states[len(first.states)-1]
		var kicked *sdk.KickedError
		return last.State == sdk.StateStopped && errors.As(last.Err, &kicked)
	})
	phone := n.device("alice")
	phone.o.Platform = wire.Platform_PLATFORM_ANDROID
	phone.connect()
	second.send("alice", "a note to myself")
	phone.waitTexts("a note to myself")
}

func TestAFolderHasOneNode(t *testing.T) {
	n := newNode(t).start()
	addresses := freeAddresses(t, 4)
	out, err := n.yizhan("quickstart", "--dir", n.dir, "--https", addresses[3], "--http", addresses[0], "--link", addresses[1], "--admin", addresses[2])
	if exitCode(err) != 1 || !strings.Contains(out, "in use") {
		t.Errorf("a second node in the same folder: %v\n%s", err, out)
	}
	out, err = n.yizhan("quickstart", "--dir", filepath.Join(t.TempDir(), "other"), "--https", addresses[3], "--http", addresses[0], "--link", n.link, "--admin", addresses[2])
	if exitCode(err) != 1 || !strings.Contains(out, "address already in use") {
		t.Errorf("a second node on the same port: %v\n%s", err, out)
	}
}

// TestTheTerminalClient drives `yizhan chat` with the commands that quickstart
// prints.
func TestTheTerminalClient(t *testing.T) {
	n := newNode(t).start()
	bob := n.device("bob").connect()

	command := ""
	for line := range strings.Lines(n.out.String()) {
		if strings.Contains(line, "--account alice") {
			command = strings.TrimSpace(line)
		}
	}
	args := strings.Fields(command)
	if len(args) < 2 {
		t.Fatalf("quickstart prints no command for alice:\n%s", n.out)
	}
	chat := n.chat(args[1:]...)
	chat.enter("hello from the terminal")
	bob.waitTexts("hello from the terminal")
	bob.send("alice", "seen")
	chat.waitFor("seen")
	chat.enter("/quit")
	if err := chat.wait(); err != nil {
		t.Errorf("/quit: %v\n%s", err, chat.out)
	}
}

func TestOperatorsSeeAndChangeTenants(t *testing.T) {
	n := newNode(t).start()
	out, err := n.yizhan("tenant", "create", "shop", "--name", "A shop", "--devices", "all", "--address", n.admin)
	if err != nil || !strings.Contains(out, `"app_secret": "`) {
		t.Fatalf("create: %v\n%s", err, out)
	}
	if out, err = n.yizhan("tenant", "create", "shop", "--address", n.admin); exitCode(err) != 1 {
		t.Errorf("a second tenant with the same appkey: %v\n%s", err, out)
	}
	if out, err = n.yizhan("tenant", "set", "shop", "--requests-per-second", "77", "--address", n.admin); err != nil || strings.Contains(out, "app_secret") {
		t.Errorf("set: %v\n%s", err, out)
	}
	if out, err = n.yizhan("tenant", "set", "shop", "--callback-url", "http://127.0.0.1:1/ask", "--callback-events", "login,team", "--callback-fail", "closed", "--callback-timeout-ms", "100", "--address", n.admin); err != nil || !strings.Contains(out, `"callback_events": "login,team"`) || !strings.Contains(out, `"callback_fail": "closed"`) {
		t.Errorf("callback: %v\n%s", err, out)
	}
	out, err = n.yizhan("tenant", "list", "--address", n.admin)
	if err != nil || !strings.Contains(out, "A shop") || !strings.Contains(out, "77") || !strings.Contains(out, "demo") {
		t.Errorf("list: %v\n%s", err, out)
	}
	if out, err = n.yizhan("tenant", "usage", "demo", "--address", n.admin); err != nil || !strings.Contains(out, "accounts") {
		t.Errorf("usage: %v\n%s", err, out)
	}
	if out, err = n.yizhan("tenant", "usage", "nobody", "--address", n.admin); exitCode(err) != 1 || !strings.Contains(out, "nobody") {
		t.Errorf("usage of nobody: %v\n%s", err, out)
	}
	if out, err = n.yizhan("tenant", "set", "nobody", "--name", "x", "--address", n.admin); exitCode(err) != 1 || !strings.Contains(out, "nobody") {
		t.Errorf("a tenant that does not exist: %v\n%s", err, out)
	}
	if out, err = n.yizhan("status", "--address", n.admin); err != nil || !strings.Contains(out, "Leader") {
		t.Errorf("status: %v\n%s", err, out)
	}
	log, err := os.ReadFile(filepath.Join(n.dir, "yizhan.log"))
	if err != nil {
		t.Fatal(err)
	}
	d := n.demo()
	for _, secret := range []string{d.AppSecret, d.Tokens["alice"], d.Tokens["bob"]} {
		if strings.Contains(string(log), secret) {
			t.Error("the log holds a secret")
		}
	}
}
