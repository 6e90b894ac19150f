package socketio_test

import (
	"bytes"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// limits are those of the tests that are not about limits.
var limits = socketio.Limits{}

// decode gives a fresh decoder one text message.
func decode(text string) (socketio.Packet, bool, error) {
	return new(socketio.Decoder).Decode(limits, []byte(text), false)
}

func equal(a, b socketio.Packet) bool {
	return a.Type == b.Type && a.HasID == b.HasID && a.ID == b.ID && a.Namespace == b.Namespace && a.Query == b.Query &&
		(a.Data == nil) == (b.Data == nil) && bytes.Equal(a.Data, b.Data) &&
		slices.EqualFunc(a.Attachments, b.Attachments, bytes.Equal)
}

// id is the encoder's argument for p.
func id(p socketio.Packet) uint64 {
	if p.HasID {
		return p.ID
	}
	return socketio.NoID
}
