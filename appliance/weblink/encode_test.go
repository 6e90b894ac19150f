package weblink

import (
	"fmt"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// BenchmarkEncode is the cost of an event's frame, once for all clients alike.
func BenchmarkEncode(b *testing.B) {
	const sentence = "Hello Bob, are we still on for lunch today at noon? "
	for _, size := range []int{1, 40} {
		payload := session.NewEvent(wire.PushMessage, &wire.MessagePush{Message: &wire.Message{
			From: "alice", To: "bob", ClientId: "8f14e45f-ceea-467a-9575-0123456789ab", Body: strings.Repeat(sentence, size),
			FromPlatform: wire.Platform_PLATFORM_WEB, FromDevice: "web-1", Seq: 12, Id: 123456789, TimeMs: 1732455433000,
		}}).Payload
		for name, encode := range map[string]func(*session.Event) []byte{"plain": encodeEvent, "deflated": encodeDeflated} {
			b.Run(fmt.Sprintf("bytes=%d/%s", len(payload), name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if encode(&session.Event{Command: wire.PushMessage, Payload: payload}) == nil {
						b.Fatal("the event has no frame")
					}
				}
			})
		}
	}
}
