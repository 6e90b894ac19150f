package app

import (
	"fmt"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestManySendersKeepTheOrderOfEachConversation(t *testing.T) {
	w := shared.newTenant(t, state.Limits{})
	const senders, each = 8, 50
	bob := w.login("bob")
	var done sync.WaitGroup
	for i := range senders {
		p := w.login(fmt.Sprint("sender", i))
		done.Go(func() {
			for m := range each {
				p.start(wire.CmdSend, text("bob", fmt.Sprint("m", m), fmt.Sprint(m)))
			}
		})
	}
	done.Wait()
	next := map[string]int{}
	for range senders * each {
		var push wire.MessagePush
		bob.push(wire.PushMessage, &push)
		m := push.Message
		if m.Body != fmt.Sprint(next[m.From]) || m.Seq != uint64(next[m.From]+1) {
			t.Fatalf("after %d messages of %s comes seq %d, %q", next[m.From], m.From, m.Seq, m.Body)
		}
		next[m.From]++
	}
	w.settle(t)
	bob.quiet()
}

func TestLoginsAtOnceLeaveTheDevicesThatThePolicyAllows(t *testing.T) {
	w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(session.PolicySingle)})
	const devices = 16
	peers := make([]*peer, devices)
	for i := range peers {
		peers[i] = connect(t, w.app)
	}
	var done sync.WaitGroup
	for i, p := range peers {
		in := w.credentials("alice")
		in.DeviceId = fmt.Sprint("device", i)
		done.Go(func() {
			p.start(wire.CmdLogin, in)
			p.start(wire.CmdSend, text("alice", in.DeviceId, "hello"))
			if i%4 == 0 {
				w.app.Disconnected(p.session, wire.CodeTimeout)
			}
		})
	}
	done.Wait()
	left := w.hub.Sessions(nil, w.tenant.ID, "alice")
	if len(left) > 1 {
		t.Fatalf("%d sessions are left", len(left))
	}
	for i, p := range peers {
		if p.session.Identity() == nil {
			t.Errorf("device %d was not let in", i)
		}
		if i%4 != 0 && (len(left) == 0 || p.session != left[0]) {
			p.isClosed(wire.CodeRepeated, wire.PushKicked, new(wire.KickedPush))
		}
	}
}

func TestTokenChangesAmongLoginsLeaveNoSessionWithAnOldToken(t *testing.T) {
	w := shared.newTenant(t, state.Limits{DevicePolicy: uint8(session.PolicyAll)})
	old := w.credentials("alice")
	var done sync.WaitGroup
	for i := range 16 {
		p := connect(t, w.app)
		in := w.credentials("alice")
		in.DeviceId = fmt.Sprint("device", i)
		done.Go(func() { p.start(wire.CmdLogin, in) })
	}
	if _, err := w.app.RefreshToken(t.Context(), w.tenant.AppKey, "alice"); err != nil {
		t.Fatal(err)
	}
	done.Wait()
	w.settle(t)
	w.settle(t) // kicks follow the deliveries of their batch
	if left := w.hub.Sessions(nil, w.tenant.ID, "alice"); len(left) != 0 {
		t.Errorf("%d sessions that logged in with token %q are left", len(left), old.Token[:4]+"…")
	}
}
