package jsonwire

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	benchID   = "8f14e45f-ceea-467a-9575-0123456789ab"
	benchText = "Hello Bob, are we still on for lunch today at noon?"
)

// compare measures our way beside that of protojson.
func compare(b *testing.B, ours, protojsons func(buf []byte) ([]byte, error)) {
	for name, f := range map[string]func([]byte) ([]byte, error){"ours": ours, "protojson": protojsons} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			var err error
			for b.Loop() {
				if buf, err = f(buf[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	value := []byte(`{"to":"bob","clientId":"` + benchID + `","body":"` + benchText + `","ext":"{\"k\":1}"}`)
	compare(b, func(buf []byte) ([]byte, error) {
		return AppendRequest(buf, wire.CmdSend, value)
	}, func(buf []byte) ([]byte, error) {
		var m wire.SendRequest
		err := decode.Unmarshal(value, &m)
		return appendMessage(buf, &m), err
	})
}

func BenchmarkAnswer(b *testing.B) {
	body := &wire.SendResponse{Seq: 12, Id: 123456789, TimeMs: 1732455433000}
	compare(b, func(buf []byte) ([]byte, error) {
		return AppendMessage(buf, body)
	}, func(buf []byte) ([]byte, error) {
		return appendAny(buf, body)
	})
}

// BenchmarkPush is the cost of a push once for all connections that it goes to.
func BenchmarkPush(b *testing.B) {
	payload, err := proto.Marshal(&wire.MessagePush{Message: &wire.Message{
		From: "alice", To: "bob", ClientId: benchID, Body: benchText, FromPlatform: wire.Platform_PLATFORM_WEB,
		FromDevice: "web-1", Seq: 12, Id: 123456789, TimeMs: 1732455433000,
	}})
	if err != nil {
		b.Fatal(err)
	}
	compare(b, func(buf []byte) ([]byte, error) {
		return AppendPush(buf, wire.PushMessage, payload)
	}, func(buf []byte) ([]byte, error) {
		var m wire.MessagePush
		if err := m.UnmarshalVT(payload); err != nil {
			return buf, err
		}
		return protojson.MarshalOptions{}.MarshalAppend(buf, &m)
	})
}
