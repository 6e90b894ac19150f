package session_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestEventHoldsTheEncodedPush(t *testing.T) {
	ev := session.NewEvent(wire.PushClose, &wire.ClosePush{Code: 408, Note: "silent"})
	var got wire.ClosePush
	if err := got.UnmarshalVT(ev.Payload); err != nil || ev.Command != wire.PushClose || got.Code != 408 || got.Note != "silent" {
		t.Errorf("command %v, push %+v, error %v", ev.Command, &got, err)
	}
}

func TestEventIsEncodedOncePerForm(t *testing.T) {
	ev := session.NewEvent(wire.PushGoAway, &wire.GoAwayPush{DelayMs: 1})
	calls := 0
	encode := func(form byte) func(*session.Event) []byte {
		return func(ev *session.Event) []byte {
			calls++
			return append([]byte{form}, ev.Payload...)
		}
	}
	for range 3 {
		plain := ev.Encoded(session.EncodingLinkPlain, encode('p'))
		web := ev.Encoded(session.EncodingWebLink, encode('w'))
		if plain[0] != 'p' || web[0] != 'w' {
			t.Fatal("one form was given for another")
		}
	}
	if calls != 2 {
		t.Errorf("encoded %d times, want once for each of 2 forms", calls)
	}
}

func TestEventMayBeEncodedByManyConnectionsAtOnce(t *testing.T) {
	ev := session.NewEvent(wire.PushGoAway, &wire.GoAwayPush{DelayMs: 7})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got := ev.Encoded(session.EncodingLinkPlain, func(ev *session.Event) []byte { return bytes.Clone(ev.Payload) })
			if !bytes.Equal(got, ev.Payload) {
				t.Error("another event's bytes")
			}
		})
	}
	all.Wait()
}
