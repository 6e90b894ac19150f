package app

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestNotificationsAreAskedAbout: else users could tell each other what the backend
// does not let them say in a message.
func TestNotificationsAreAskedAbout(t *testing.T) {
	w, gate := gated(t, state.CallbackMessage|state.CallbackTeamMessage, state.Limits{})
	alice, bob := w.login("alice"), w.login("bob")
	notify := func(id, attach string) uint64 {
		return alice.start(wire.CmdNotify, &wire.NotifyRequest{To: "bob", ClientId: id, Attach: attach})
	}
	serial := notify("1", "bad")
	asked := gate.next(t)
	if asked.Event != state.CallbackMessage || asked.Message != nil || asked.Notification.To != "bob" || asked.Notification.Attach != "bad" {
		t.Errorf("asked %+v", asked.Question)
	}
	asked.refuse(wire.Errorf(wire.CodeForbidden, "no"))
	alice.isRefused(wire.CodeForbidden, serial)

	serial = notify("2", "rude")
	gate.next(t).allowAs(&MessageChange{Body: proto.String("polite")})
	if r := alice.answer(serial); r.code != wire.CodeOK {
		t.Fatalf("answered %v", r.code)
	}
	var push wire.NotificationPush
	if bob.push(wire.PushNotification, &push); push.Notification.Attach != "polite" {
		t.Errorf("bob got %v", &push)
	}
	for i, change := range []MessageChange{
		{Body: proto.String("")}, {Ext: proto.String("e")}, {Body: proto.String(strings.Repeat("x", maxAttach+1))}, {Body: proto.String("\xff")},
	} {
		serial := notify("bad"+string(rune('a'+i)), "x")
		gate.next(t).allowAs(&change)
		alice.isRefused(wire.CodeForbidden, serial)
	}

	w.asks(state.CallbackTeamMessage) // not about what goes to an account
	if r := alice.answer(notify("3", "free")); r.code != wire.CodeOK {
		t.Fatalf("answered %v", r.code)
	}
	gate.none(t)
}
