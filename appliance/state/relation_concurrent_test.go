package state

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relationMirror is what a device keeps of Relations.
type relationMirror struct {
	version uint64
	held    map[string]*wire.Relation
}

// catchUp reads what has changed, in pages of limit.
func (d *relationMirror) catchUp(q *Queries, tenant uint32, account string, limit uint32) error {
	req := &wire.RelationsRequest{Version: d.version, Limit: limit}
	for {
		res, err := q.Relations(tenant, account, req)
		if err != nil {
			return err
		}
		if res.StartOver || req.Version == 0 {
			d.held = map[string]*wire.Relation{}
		}
		for _, r := range res.Relations {
			if before := d.held[r.Account]; before == nil || before.Version < r.Version {
				d.held[r.Account] = r
			}
		}
		if !res.More {
			d.version = res.Version
			return nil
		}
		req.Version, req.Floor = res.Version, res.Floor
	}
}

// TestRelationsAreReadWhileTheyChange: a device that reads page by page while
// the relations change, again and again from where it was, ends up with what is
// stored: nothing slips through between pages or between readings.
func TestRelationsAreReadWhileTheyChange(t *testing.T) {
	n := newNode(t)
	names := []string{"a"}
	for i := range 20 {
		names = append(names, fmt.Sprint("b", i))
	}
	tenant := n.setup("app", names...)
	done := make(chan struct{})
	failed := make(chan error, 1)
	var device relationMirror
	go func() {
		defer close(failed)
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := device.catchUp(n.q, tenant, "a", 3); err != nil {
				failed <- err
				return
			}
		}
	}()
	for range 300 {
		var batch []command
		for range 1 + rand.IntN(8) {
			c := &RelationChange{
				Op: RelationOp(rand.IntN(relationOps)), TimeMs: testTime, Tenant: tenant, Account: "a", Peer: names[1+rand.IntN(len(names)-1)],
				On: rand.IntN(2) == 0, Forget: rand.IntN(2) == 0, Alias: proto.String(fmt.Sprint(rand.Uint32())), Limit: 100,
			}
			if rand.IntN(2) == 0 {
				c.Account, c.Peer = c.Peer, c.Account
			}
			batch = append(batch, c)
		}
		n.apply(batch...)
	}
	close(done)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if err := device.catchUp(n.q, tenant, "a", 3); err != nil {
		t.Fatal(err)
	}
	var whole relationMirror
	if err := whole.catchUp(n.q, tenant, "a", 200); err != nil {
		t.Fatal(err)
	}
	if device.version != whole.version {
		t.Errorf("the device has reached %d of %d", device.version, whole.version)
	}
	for _, name := range names[1:] {
		want, err := n.q.Relation(tenant, "a", name)
		if err != nil {
			t.Fatal(err)
		}
		got := device.held[name]
		if want == nil {
			if got != nil && !isBlankRelation(got) {
				t.Errorf("the device holds %v, which is no more", got)
			}
			continue
		}
		if !proto.Equal(got, want) || !proto.Equal(whole.held[name], want) {
			t.Errorf("the device holds %v, a new one %v, stored is %v", got, whole.held[name], want)
		}
	}
}
