package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The tables of login events. Changing a number breaks compatibility with stored
// data.
const (
	tableLoginEvent  = 0x84 // tenant, account+, class, number u64 → wire.LoginEvent
	tableLoginTotals = 0x85 // tenant, account
	tableLoginDay    = 0x86 // tenant, day u32, account
)

// Kinds of the commands on login events.
const (
	kindRecordEvents = 163
	kindSweepEvents  = 164
)

// Classes of login events.
const (
	eventDone    = 0
	eventRefused = 1
	eventClasses = 2
)

func appendLoginEventKey(dst []byte, tenant uint32, account string, class byte, number uint64) []byte {
	return appendU64(append(appendConvPrefix(dst, tableLoginEvent, tenant, account), class), number)
}

func appendLoginDayKey(dst []byte, tenant, day uint32, account string) []byte {
	return append(appendU32(appendU32(appendTable(dst, tableLoginDay), tenant), day), account...)
}

// loginTotals says which events of an account there are: of each class those from
// first up to before next.
type loginTotals struct {
	first, next [eventClasses]uint64
	day         uint32 // the newest in tableLoginDay
}

func (t *loginTotals) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	for class := range eventClasses {
		dst = binary.AppendUvarint(dst, t.first[class])
		dst = binary.AppendUvarint(dst, t.next[class])
	}
	return binary.AppendUvarint(dst, uint64(t.day))
}

func (t *loginTotals) decode(b []byte) error {
	r := openRow(b)
	for class := range eventClasses {
		t.first[class], t.next[class] = r.uint(), r.uint()
		if t.first[class] > t.next[class] {
			r.fail()
		}
	}
	t.day = r.u32()
	return r.end("totals of login events")
}

// Append appends the encoded command to dst.
func (c *RecordEvents) Append(dst []byte) []byte {
	dst = header(dst, kindRecordEvents, c.TimeMs)
	dst = binary.AppendUvarint(dst, uint64(len(c.Events)))
	for i := range c.Events {
		dst = c.Events[i].Append(dst)
	}
	return dst
}

// Append appends the event as RecordEvents has it, for who collects them encoded.
func (e *LoginEvent) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.Tenant))
	dst = appendString(dst, e.Account)
	dst = binary.AppendUvarint(dst, uint64(e.Keep))
	dst = binary.AppendUvarint(dst, uint64(e.Event.SizeVT()))
	return appendBody(dst, e.Event)
}

func (c *RecordEvents) decode(r *reader) bool {
	c.TimeMs = r.time()
	n := r.upTo(MaxEventsAtOnce)
	for range n {
		e := LoginEvent{Tenant: r.u32(), Account: r.string(), Keep: r.u32(), Event: new(wire.LoginEvent)}
		if encoded := r.bytes(); r.bad || e.Event.UnmarshalVT(encoded) != nil {
			return false
		}
		c.Events = append(c.Events, e)
	}
	return r.done()
}

// Append appends the encoded command to dst.
func (c *SweepEvents) Append(dst []byte) []byte {
	dst = target(dst, kindSweepEvents, c.TimeMs, c.Tenant)
	return binary.AppendUvarint(dst, uint64(max(c.BeforeMs, 0)))
}

func (c *SweepEvents) decode(r *reader) bool {
	c.TimeMs, c.Tenant, c.BeforeMs = r.time(), r.u32(), r.time()
	return r.done()
}
