package presence

import (
	"slices"
	"sync"
	"time"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Limits of what waits here.
const (
	// maxLingering bounds the lost devices within their grace period, some 200 bytes
	// each. Beyond it a lost device is offline at once.
	maxLingering = 1 << 20
	// maxDevices bounds the devices of one account in an answer: those of a node
	// that are online, and as many that were lost.
	maxDevices = 2 * session.MaxSessionsPerAccount
)

// account names an account of the site.
type account struct {
	tenant uint32
	name   string
}

// Directory is who is online, as this node sees it. Its methods may be called from
// any goroutine.
type Directory struct {
	hub     *session.Hub
	remote  Remote
	grace   time.Duration
	now     func() time.Time
	started time.Time
	changed func(tenant uint32, name string)
	poke    func() // a deadline waits where there was none
	metrics *metrics

	mu        sync.Mutex
	lingering map[account][]lingerer // guarded by mu: lost a moment ago, the oldest first
	total     int                    // guarded by mu: in lingering
	deadlines fifo[deadline]         // guarded by mu: one for each that was ever added, in the order of their time
}

// lingerer is a lost device.
type lingerer struct {
	Device
	deadline time.Time
}

type deadline struct {
	at      time.Time
	account account
}

// Online takes note that s has logged in. A device that was lost a moment ago is
// back, with what it had said of itself; nobody is told of that.
func (d *Directory) Online(s *session.Session) {
	id := s.Identity()
	if back, ok := d.takeBack(id); ok {
		if s.Presence() == nil && (back.State != 0 || back.Text != "") {
			s.SetPresence(&session.Presence{State: back.State, Text: back.Text})
		}
		d.metrics.back.Inc()
		return
	}
	d.changed(id.Tenant, id.Account)
}

// takeBack removes the lost device that id is of.
func (d *Directory) takeBack(id *session.Identity) (back Device, ok bool) {
	key := account{id.Tenant, id.Account}
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.lingering[key]
	i := slices.IndexFunc(list, func(l lingerer) bool {
		return l.DeviceID == id.DeviceID && l.Platform == id.Platform
	})
	if i < 0 {
		return Device{}, false
	}
	back = list[i].Device
	d.setLocked(key, slices.Delete(list, i, i+1))
	return back, true
}

func (d *Directory) setLocked(key account, list []lingerer) {
	d.total += len(list) - len(d.lingering[key])
	if len(list) == 0 {
		delete(d.lingering, key)
		return
	}
	d.lingering[key] = list
}

// Offline takes note that s, which Online was called for, has ended and left the
// hub. left says that its user or somebody else wanted that; otherwise the
// connection was lost, and the device counts as online for the grace period. Calling
// it again is harmless.
func (d *Directory) Offline(s *session.Session, left bool) {
	id := s.Identity()
	if !left && d.linger(account{id.Tenant, id.Account}, deviceOf(s)) {
		return
	}
	d.changed(id.Tenant, id.Account)
}

// linger keeps a lost device, unless there is no room.
func (d *Directory) linger(key account, lost Device) bool {
	if d.grace <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.lingering[key]
	// One place for each device: whoever reconnects all the time has one.
	i := slices.IndexFunc(list, func(l lingerer) bool { return same(&l.Device, &lost) })
	at := d.now().Add(d.grace)
	switch {
	case i >= 0 && list[i].Session == lost.Session:
		return true
	case i >= 0:
		list = slices.Delete(list, i, i+1)
	case d.total >= maxLingering || len(list) >= session.MaxSessionsPerAccount || d.deadlines.len() >= 2*maxLingering:
		d.metrics.hasty.Inc()
		return false
	}
	d.setLocked(key, append(list, lingerer{lost, at}))
	d.deadlines.push(deadline{at, key})
	if d.deadlines.len() == 1 {
		d.poke()
	}
	return true
}

// expire tells of the lost devices whose grace period is over, and when the next one
// is. ok is false when none waits.
func (d *Directory) expire(now time.Time) (next time.Time, ok bool) {
	for {
		d.mu.Lock()
		if d.deadlines.len() == 0 {
			d.mu.Unlock()
			return time.Time{}, false
		}
		first := d.deadlines.first()
		if first.at.After(now) {
			d.mu.Unlock()
			return first.at, true
		}
		d.deadlines.pop()
		list := d.lingering[first.account]
		rest := slices.DeleteFunc(slices.Clone(list), func(l lingerer) bool { return !l.deadline.After(now) })
		gone := len(list) - len(rest)
		d.setLocked(first.account, rest)
		d.mu.Unlock()
		if gone > 0 {
			d.metrics.lost.Add(float64(gone))
			d.changed(first.account.tenant, first.account.name)
		}
	}
}

// Devices appends the devices on which an account is online to dst, the newest login
// first: those of this node, those that were lost a moment ago, and those of other
// nodes.
func (d *Directory) Devices(dst []Device, tenant uint32, name string) []Device {
	start := len(dst)
	var sessions [session.MaxSessionsPerAccount]*session.Session
	for _, s := range d.hub.Sessions(sessions[:0], tenant, name) {
		dst = append(dst, deviceOf(s))
	}
	if d.remote != nil {
		dst = d.remote.Devices(dst, tenant, name)
	}
	d.mu.Lock()
	for _, l := range d.lingering[account{tenant, name}] {
		if !slices.ContainsFunc(dst[start:], func(o Device) bool { return same(&o, &l.Device) }) {
			dst = append(dst, l.Device)
		}
	}
	d.mu.Unlock()
	slices.SortStableFunc(dst[start:], func(a, b Device) int { return int(min(max(b.LoginMs-a.LoginMs, -1), 1)) })
	return dst[:min(len(dst), start+maxDevices)]
}

// Presence is where an account is online now, as others see it.
func (d *Directory) Presence(tenant uint32, name string) *wire.Presence {
	p := &wire.Presence{Account: name, TimeMs: d.now().UnixMilli()}
	var devices [4]Device
	for _, o := range d.Devices(devices[:0], tenant, name) {
		p.Devices = append(p.Devices, &wire.PresenceDevice{Platform: o.Platform, LoginMs: o.LoginMs, State: o.State, Text: o.Text})
	}
	return p
}

// Settling is how long it will take until this node can tell who is offline from who
// has not come back yet; 0 when it can.
func (d *Directory) Settling() time.Duration {
	return max(d.started.Add(d.grace).Sub(d.now()), 0)
}
