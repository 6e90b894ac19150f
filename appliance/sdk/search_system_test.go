package sdk_test

import (
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/sdk"
)

// TestSearchThroughARealNode: words are found a moment after they were sent, and
// history is read by id, type and time.
func TestSearchThroughARealNode(t *testing.T) {
	n := startNode(t)
	alice, bob := n.app("alice", nil), n.app("bob", nil)
	first := alice.send("bob", "今天 hello")
	second := alice.send("bob", "明天 Hello again")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(patience); ; {
		found, err := bob.Search(bob.context(), sdk.Search{Text: "HELLO", Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Messages) == 1 && found.Messages[0].Seq == second.Seq {
			rest, err := bob.Search(bob.context(), sdk.Search{Text: "HELLO", From: "alice", Peer: "alice", Limit: 5, Cursor: found.Cursor})
			if err != nil || len(rest.Messages) != 1 || rest.Messages[0].Seq != first.Seq || rest.Cursor != "" {
				t.Fatalf("the next page: %+v %v", rest, err)
			}
			break
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("not found: %+v", found)
		}
	}
	for _, page := range []sdk.Page{{IDs: []uint64{second.ID}}, {Types: []uint32{0}, Limit: 1}, {BeginMs: 1, EndMs: 1 << 42, Reverse: true, Limit: 1}} {
		if found, _, err := bob.History(bob.context(), "alice", page); err != nil || len(found) != 1 || found[0].Seq != second.Seq {
			t.Errorf("history %+v: %v %v", page, found, err)
		}
	}
	if found, err := bob.Search(bob.context(), sdk.Search{Text: "hello", Begin: time.Now().Add(time.Hour)}); err != nil || len(found.Messages) != 0 {
		t.Errorf("in the future: %+v %v", found, err)
	}
	if found, err := alice.Search(alice.context(), sdk.Search{}); err == nil {
		t.Errorf("without a question: %+v", found)
	}
}
