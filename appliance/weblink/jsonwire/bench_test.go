package jsonwire

import (
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	benchID   = "8f14e45f-ceea-467a-9575-0123456789ab"
	benchText = "Hello Bob, are we still on for lunch today at noon?"
)

func BenchmarkRequest(b *testing.B) {
	value := []byte(`{"to":"bob","clientId":"` + benchID + `","body":"` + benchText + `","ext":"{\"k\":1}"}`)
	b.ReportAllocs()
	var buf []byte
	var err error
	for b.Loop() {
		if buf, err = AppendRequest(buf[:0], wire.CmdSend, value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	body := &wire.SendResponse{Seq: 12, Id: 123456789, TimeMs: 1732455433000}
	b.ReportAllocs()
	var buf []byte
	var err error
	for b.Loop() {
		if buf, err = AppendAnswer(buf[:0], wire.CodeOK, body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPush is the cost of a push once for all connections that it goes to.
func BenchmarkPush(b *testing.B) {
	payload, err := (&wire.MessagePush{Message: &wire.Message{
		From: "alice", To: "bob", ClientId: benchID, Body: benchText, FromPlatform: wire.Platform_PLATFORM_WEB,
		FromDevice: "web-1", Seq: 12, Id: 123456789, TimeMs: 1732455433000,
	}}).MarshalVT()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		if buf, err = AppendPush(buf[:0], wire.PushMessage, payload); err != nil {
			b.Fatal(err)
		}
	}
}
