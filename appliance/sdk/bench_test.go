package sdk

import (
	"fmt"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// BenchmarkReceive measures a push from its frame to the end of the app's
// handling, with the default store: what a client adds to the decryption.
func BenchmarkReceive(b *testing.B) {
	for _, peers := range []int{1, 1000} {
		b.Run(fmt.Sprint("peers=", peers), func(b *testing.B) {
			o := Options{LBS: "http://lbs", AppKey: "app", Account: "bob", Token: "t", DeviceID: "phone"}
			c, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			l := &link{inbox: c.inbox}
			message := &wire.Message{
				To: "bob", ClientId: "0123456789abcdef0123456789abcdef", FromDevice: "0123456789abcdef",
				Body: "The quick brown fox jumps over the lazy dog, and then once more.", Id: 1 << 40, TimeMs: 1_790_000_000_000,
			}
			names := make([]string, peers)
			for n := range names {
				names[n] = fmt.Sprint("peer", n)
			}
			seq, n := uint64(1), 0
			var frame []byte
			b.ReportAllocs()
			for b.Loop() {
				message.From, message.Seq = names[n], seq
				if n++; n == peers {
					n, seq = 0, seq+1
				}
				frame = wire.AppendBody(frame[:0], &wire.Frame{Kind: wire.KindPush, Command: wire.PushMessage}, &wire.MessagePush{Message: message})
				f, _, err := wire.ParseFrame(frame, wire.MaxFrame)
				if err == nil {
					err = l.push(&f)
				}
				if err != nil {
					b.Fatal(err)
				}
				for c.inbox.queue.len() > 0 {
					i, _ := c.inbox.next(b.Context(), c.ctx)
					c.inbox.handled(i)
				}
			}
		})
	}
}

// BenchmarkSync measures the answer to the first sync of an account with many
// conversations, and the events that follow from it.
func BenchmarkSync(b *testing.B) {
	page := &wire.SyncResponse{Version: 1 << 20}
	for n := range syncPage {
		page.Conversations = append(page.Conversations, &wire.ConversationState{Peer: fmt.Sprint("peer", n), LastSeq: 7, Version: uint64(n)})
	}
	b.ReportAllocs()
	for b.Loop() {
		o := Options{LBS: "http://lbs", AppKey: "app", Account: "bob", Token: "t", DeviceID: "phone"}
		c, err := New(o)
		if err != nil {
			b.Fatal(err)
		}
		c.inbox.synced(page, true)
		_ = c.Close()
	}
}
