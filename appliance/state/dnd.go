package state

import (
	"encoding/binary"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	minutesOfDay = 24 * 60
	msOfMinute   = 60_000
	daysOfWeek   = 7
	// Offsets of time zones in minutes: from UTC−12 to UTC+14.
	minOffset = -12 * 60
	maxOffset = 14 * 60
)

// doNotDisturb says when an account's sleeping devices are not to be woken. It is
// compared with ==.
type doNotDisturb struct {
	on       bool
	desktop  bool // no push while a desktop or web device is online
	hasQuiet bool
	quiet    quietHours // zero unless hasQuiet
}

// quietHours is a time of the local day: minutes [from, to), of which to is one of
// the next day when it is not after from.
type quietHours struct {
	from, to uint32
	offset   int64 // of local time from UTC, in minutes
	weekdays uint32
}

const (
	dndOn = 1 << iota
	dndDesktop
	dndQuiet
	dndFlags = iota
)

func (d *doNotDisturb) append(dst []byte) []byte {
	var flags byte
	for bit, set := range [...]bool{d.on, d.desktop, d.hasQuiet} {
		if set {
			flags |= 1 << bit
		}
	}
	dst = append(dst, flags)
	if !d.hasQuiet {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(d.quiet.from))
	dst = binary.AppendUvarint(dst, uint64(d.quiet.to))
	dst = binary.AppendUvarint(dst, uint64(d.quiet.offset-minOffset))
	return append(dst, byte(d.quiet.weekdays))
}

func (d *doNotDisturb) decode(r *reader) {
	flags := r.byte()
	if flags >= 1<<dndFlags {
		r.fail()
	}
	d.on, d.desktop, d.hasQuiet = flags&dndOn != 0, flags&dndDesktop != 0, flags&dndQuiet != 0
	d.quiet = quietHours{}
	if !d.hasQuiet {
		return
	}
	d.quiet = quietHours{from: uint32(r.upTo(minutesOfDay - 1)), to: uint32(r.upTo(minutesOfDay - 1))}
	d.quiet.offset = int64(r.upTo(maxOffset-minOffset)) + minOffset
	d.quiet.weekdays = uint32(r.byte())
	if d.quiet.weekdays >= 1<<daysOfWeek {
		r.fail()
	}
}

func (d *doNotDisturb) wire() *wire.DoNotDisturb {
	w := &wire.DoNotDisturb{On: d.on, Desktop: d.desktop}
	if d.hasQuiet {
		w.Quiet = &wire.QuietHours{From: d.quiet.from, To: d.quiet.to, UtcOffset: d.quiet.offset, Weekdays: d.quiet.weekdays}
	}
	return w
}

// ValidQuietHours reports whether q can be stored.
func ValidQuietHours(q *wire.QuietHours) bool {
	return q.From < minutesOfDay && q.To < minutesOfDay && q.UtcOffset >= minOffset && q.UtcOffset <= maxOffset &&
		q.Weekdays < 1<<daysOfWeek
}

// quietAt reports whether d keeps devices asleep at a moment, in Unix
// milliseconds. It depends on nothing else.
func (d *doNotDisturb) quietAt(timeMs int64) bool {
	return d.on && (!d.hasQuiet || d.quiet.contain(timeMs))
}

func (q *quietHours) contain(timeMs int64) bool {
	local := floorDiv(timeMs, msOfMinute) + q.offset
	day := floorDiv(local, minutesOfDay)
	minute := uint32(local - day*minutesOfDay)
	if q.from < q.to {
		return minute >= q.from && minute < q.to && q.beginsOn(day)
	}
	// Over midnight, or a whole day: what began today, or yesterday and goes on.
	return minute >= q.from && q.beginsOn(day) || minute < q.to && q.beginsOn(day-1)
}

// beginsOn reports whether the hours begin on a day, counted from 1970-01-01,
// which was a Thursday.
func (q *quietHours) beginsOn(day int64) bool {
	const thursday = 4
	weekday := (day%daysOfWeek + daysOfWeek + thursday) % daysOfWeek
	return q.weekdays == 0 || q.weekdays&(1<<weekday) != 0
}

// floorDiv rounds down, also before 1970.
func floorDiv(a, b int64) int64 {
	d := a / b
	if a%b < 0 {
		d--
	}
	return d
}
