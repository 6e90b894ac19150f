package sdk_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance"
	"github.com/yizhan-im/yizhan/appliance/sdk"
)

// TestAwayForLongerThanRetention: a device that was away while messages came and
// went is told which it has missed for good, and goes on behind them; a new device
// begins where the server does, and has missed nothing.
func TestAwayForLongerThanRetention(t *testing.T) {
	n := startNode(t)
	if _, err := n.node.UpdateTenant(t.Context(), appliance.TenantRequest{AppKey: "app", RetentionMessages: 3}); err != nil {
		t.Fatal(err)
	}
	alice := n.app("alice", nil)
	store := filepath.Join(t.TempDir(), "bob")
	open := func() (*sdk.FileStore, *app) {
		s, err := sdk.OpenFileStore(store)
		if err != nil {
			t.Fatal(err)
		}
		return s, n.app("bob", func(o *sdk.Options) { o.Store, o.DeviceID = s, "phone" })
	}
	kept, bob := open()
	alice.send("bob", "1")
	alice.send("bob", "2")
	bob.texts("2")
	bob.close()
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	for i := 3; i <= 10; i++ {
		alice.send("bob", fmt.Sprint(i))
	}
	if err := n.node.RemoveOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, bob = open()
	defer kept.Close()
	events := bob.until("message 10", isText("10"))
	var got []string
	for _, event := range events {
		switch e := event.(type) {
		case sdk.Message:
			got = append(got, e.Body)
		case sdk.Missing:
			got = append(got, fmt.Sprintf("missing %s %d-%d", e.Peer, e.FromSeq, e.ToSeq))
		}
	}
	if want := []string{"missing alice 3-7", "8", "9", "10"}; !slices.Equal(got, want) {
		t.Errorf("the device that was away got %v, want %v", got, want)
	}

	fresh := n.app("bob", func(o *sdk.Options) { o.DeviceID, o.Backlog = "new", 100 })
	events = fresh.until("message 10", isText("10"))
	got = nil
	for _, event := range events {
		switch e := event.(type) {
		case sdk.Message:
			got = append(got, e.Body)
		case sdk.Missing:
			got = append(got, fmt.Sprintf("missing %d-%d", e.FromSeq, e.ToSeq))
		}
	}
	if want := []string{"8", "9", "10"}; !slices.Equal(got, want) {
		t.Errorf("the new device got %v, want %v", got, want)
	}
}

func isText(text string) func(sdk.Event) bool {
	return func(event sdk.Event) bool {
		m, ok := event.(sdk.Message)
		return ok && m.Body == text
	}
}
