package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/sdk"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestADeletionGoesOnAfterKills: an account is deleted with what it has written, and
// the node is killed with SIGKILL three times meanwhile. Once the deletion was
// answered the account never comes back, and in the end nothing of it is left that
// was to go.
func TestADeletionGoesOnAfterKills(t *testing.T) {
	n := newNode(t).start()
	alice, bob := n.device("alice").connect(), n.device("bob").connect()
	const senders, each, secret = 8, 100, "nobody shall read this"
	var work sync.WaitGroup
	for s := range senders {
		work.Go(func() {
			for i := range each {
				bob.send("alice", fmt.Sprintf("%s %d/%d", secret, s, i))
			}
		})
	}
	work.Wait()
	alice.send("bob", "mine stays")
	alice.waitFor("every message", func() bool { return len(alice.got) > senders*each })

	if got := n.call("user/delete.action", url.Values{"accid": {"bob"}, "eraseMessages": {"true"}}); got["code"] != 200.0 {
		t.Fatalf("deleting answers %v", got)
	}
	state := func() map[string]any {
		got := n.call("user/deleteState.action", url.Values{"accid": {"bob"}})
		data, ok := got["data"].(map[string]any)
		if !ok {
			t.Fatalf("the deletion is not known: %v", got)
		}
		return data
	}
	for kill := range 3 {
		n.kill()
		n.start()
		t.Logf("after kill %d: %v", kill+1, state()["stage"])
		if got := n.call("msg/sendMsg.action", url.Values{
			"from": {"alice"}, "ope": {"0"}, "to": {"bob"}, "type": {"0"}, "body": {`{"msg":"are you there?"}`},
		}); got["code"] != 410.0 {
			t.Fatalf("a message to a deleted account answers %v", got)
		}
	}
	for deadline := time.Now().Add(patience); state()["done"] != true; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not end: %v", state())
		}
	}

	again := n.device("alice")
	again.o.DeviceID = "a new one"
	again.connect()
	var entries []*wire.Message
	for more, from := true, uint64(1); more; from = entries[len(entries)-1].Seq + 1 {
		var page []*wire.Message
		var err error
		page, more, err = again.client.History(again.context(), "bob", sdk.Page{FromSeq: from, ToSeq: 2 * senders * each})
		if err != nil || len(page) == 0 {
			t.Fatalf("history from %d: %d entries, %v", from, len(page), err)
		}
		entries = append(entries, page...)
	}
	if len(entries) < senders*each {
		t.Errorf("alice has lost the conversation: %d entries", len(entries))
	}
	kept := false
	for _, m := range entries {
		kept = kept || m.Body == "mine stays"
		if strings.Contains(m.Body, secret) {
			t.Fatalf("seq %d is still %q", m.Seq, m.Body)
		}
	}
	if !kept {
		t.Error("what alice has written is gone")
	}
}
