package session

import (
	"sync/atomic"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Encoding names one gateway's way of writing an event: each form is made once
// per event, however many connections it goes to.
type Encoding uint8

// The encodings. A gateway owns its own.
const (
	EncodingLinkPlain Encoding = iota
	EncodingLinkCompressed
	EncodingWebLink
	EncodingWebLinkDeflated
	encodings
)

// Event is one push, shared by all the connections that it goes to.
type Event struct {
	Command wire.Command
	Payload []byte // never changes once the event is made

	encoded [encodings]atomic.Pointer[[]byte]
}

// NewEvent makes a push of m.
func NewEvent(cmd wire.Command, m wire.Body) *Event {
	payload := make([]byte, m.SizeVT())
	if _, err := m.MarshalToSizedBufferVT(payload); err != nil {
		panic("session: message changed while it was encoded")
	}
	return &Event{Command: cmd, Payload: payload}
}

// Encoded is the event in form e; encode makes it when it is first asked for.
// Two connections may race to make it: both results are the same bytes.
func (ev *Event) Encoded(e Encoding, encode func(*Event) []byte) []byte {
	if p := ev.encoded[e].Load(); p != nil {
		return *p
	}
	b := encode(ev)
	ev.encoded[e].Store(&b)
	return b
}
