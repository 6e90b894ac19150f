package socket

import (
	"sync"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// events are Events for the time of a call. An interface is called with one, so
// it would be allocated for each event else.
var events = sync.Pool{New: func() any { return new(Event) }}

// event calls the receiver with the event p.
func (s *Socket) event(p *socketio.Packet) error {
	name, args, err := p.Event()
	if err != nil {
		return err
	}
	e := events.Get().(*Event)
	*e = Event{Name: name, Args: args, Attachments: p.Attachments, HasID: p.HasID, ID: p.ID}
	err = s.receiver.Event(e)
	*e = Event{} // holds on to nothing
	events.Put(e)
	return err
}
