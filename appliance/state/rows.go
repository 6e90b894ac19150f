package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Every row but the messages and profiles, which are protobuf, is a version
// byte and then uvarints and strings. A new version of one row can be read
// beside the old; Format changes only when an older build could not go on.
const rowVersion = 1

// errDamaged is wrapped by errors about rows that are missing or cannot be
// decoded: the disk or this package is at fault.
var errDamaged = errors.New("state: stored data is damaged")

func openRow(b []byte) reader {
	r := reader{b: b}
	if r.byte() != rowVersion {
		r.fail()
	}
	return r
}

func (r *reader) end(what string) error {
	if !r.done() {
		return fmt.Errorf("%w: %s", errDamaged, what)
	}
	return nil
}

// siteRow is what the whole site shares.
type siteRow struct {
	counter uint64 // newest id and version given out
	clockMs int64  // largest TimeMs of any command
	tenants uint32 // newest tenant id, and their number
}

func (s *siteRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, s.counter)
	dst = binary.AppendUvarint(dst, uint64(s.clockMs))
	return binary.AppendUvarint(dst, uint64(s.tenants))
}

func (s *siteRow) decode(b []byte) error {
	r := openRow(b)
	s.counter, s.clockMs, s.tenants = r.uint(), r.time(), r.u32()
	return r.end("site")
}

// convRow is the state of one conversation. a is the smaller account.
type convRow struct {
	id           uint64 // id of its first message
	lastSeq      uint64
	version      uint64 // of its newest change
	timeMs       int64  // of its newest message
	readA, readB uint64 // each account's cursor; of a note to oneself only readA
}

func (c *convRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, c.id)
	dst = binary.AppendUvarint(dst, c.lastSeq)
	dst = binary.AppendUvarint(dst, c.version)
	dst = binary.AppendUvarint(dst, uint64(c.timeMs))
	dst = binary.AppendUvarint(dst, c.readA)
	return binary.AppendUvarint(dst, c.readB)
}

func (c *convRow) decode(b []byte) error {
	r := openRow(b)
	c.id, c.lastSeq, c.version, c.timeMs = r.uint(), r.uint(), r.uint(), r.time()
	c.readA, c.readB = r.uint(), r.uint()
	return r.end("conversation")
}

// cursor is the read cursor of account in its conversation with peer.
func (c *convRow) cursor(account, peer string) *uint64 {
	if account <= peer {
		return &c.readA
	}
	return &c.readB
}

// clientRow is the first result for a (sender, client id).
type clientRow struct {
	seq, id uint64
	timeMs  int64
}

func (c *clientRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, c.seq)
	dst = binary.AppendUvarint(dst, c.id)
	return binary.AppendUvarint(dst, uint64(c.timeMs))
}

func (c *clientRow) decode(b []byte) error {
	r := openRow(b)
	c.seq, c.id, c.timeMs = r.uint(), r.uint(), r.time()
	return r.end("client id")
}

// Versions of a tenant's row. An older build can read those of tenants that use
// nothing newer.
const (
	// tenantRowVersion2 is of a row that has some of the later limits.
	tenantRowVersion2 = 2
	// tenantRowVersion3 is of a row that has a callback, and perhaps these limits.
	tenantRowVersion3 = 3
)

func (t *Tenant) rowVersion() byte {
	switch {
	case t.Callback.URL != "":
		return tenantRowVersion3
	case len(t.Limits.setLater()) > 0:
		return tenantRowVersion2
	default:
		return rowVersion
	}
}

func (t *Tenant) append(dst []byte) []byte {
	version := t.rowVersion()
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, uint64(t.CreatedMs))
	dst = appendString(dst, t.AppKey)
	dst = appendString(dst, t.Secret)
	dst = appendString(dst, t.Name)
	if version == tenantRowVersion3 {
		dst = t.Callback.append(dst)
	}
	return appendLimits(dst, &t.Limits)
}

// decode leaves ID, which is in the key.
func (t *Tenant) decode(b []byte) error {
	r := reader{b: b}
	version := r.byte()
	t.CreatedMs = r.time()
	t.AppKey, t.Secret, t.Name = r.string(), r.string(), r.string()
	if version == tenantRowVersion3 {
		t.Callback.decode(&r)
	}
	t.Limits.decode(&r)
	if version != t.rowVersion() || !t.Callback.valid() {
		r.fail()
	}
	return r.end("tenant")
}

// accountRow is what login needs of an account.
type accountRow struct {
	createdMs int64
	blocked   bool
	tokenHash []byte
}

func (a *accountRow) append(dst []byte) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, uint64(a.createdMs))
	dst = appendBool(dst, a.blocked)
	return appendString(dst, a.tokenHash)
}

func (a *accountRow) decode(b []byte) error {
	r := openRow(b)
	a.createdMs, a.blocked, a.tokenHash = r.time(), r.bool(), slices.Clone(r.bytes())
	return r.end("account")
}

// MaxDevices is how many devices of one account are remembered; the one unused
// for longest makes room.
const MaxDevices = 32

// devicesRow is what is known of an account's devices.
type devicesRow struct {
	lastDevice   string
	lastPlatform wire.Platform
	lastLoginMs  int64
	devices      []device // most recently used first
}

type device struct {
	id      string
	version uint64 // acknowledged
	since   uint64 // newest id when the device came; 0: unknown, it has everything
}

// devicesRowVersion2 is of a row that tells since when a device is known. An older
// build can read the others.
const devicesRowVersion2 = 2

func (d *devicesRow) rowVersion() byte {
	if slices.ContainsFunc(d.devices, func(x device) bool { return x.since != 0 }) {
		return devicesRowVersion2
	}
	return rowVersion
}

func (d *devicesRow) append(dst []byte) []byte {
	version := d.rowVersion()
	dst = append(dst, version)
	dst = appendString(dst, d.lastDevice)
	dst = appendPlatform(dst, d.lastPlatform)
	dst = binary.AppendUvarint(dst, uint64(d.lastLoginMs))
	dst = binary.AppendUvarint(dst, uint64(len(d.devices)))
	for i := range d.devices {
		dst = appendString(dst, d.devices[i].id)
		dst = binary.AppendUvarint(dst, d.devices[i].version)
		if version == devicesRowVersion2 {
			dst = binary.AppendUvarint(dst, d.devices[i].since)
		}
	}
	return dst
}

func (d *devicesRow) decode(b []byte) error {
	r := reader{b: b}
	version := r.byte()
	d.lastDevice, d.lastPlatform, d.lastLoginMs = r.string(), r.platform(), r.time()
	n := r.upTo(MaxDevices)
	d.devices = make([]device, n)
	for i := range d.devices {
		d.devices[i] = device{id: r.string(), version: r.uint()}
		if version == devicesRowVersion2 {
			d.devices[i].since = r.uint()
		}
	}
	if version != d.rowVersion() {
		r.fail()
	}
	return r.end("devices")
}

// touch makes id the most recently used device and returns it.
func (d *devicesRow) touch(id string) *device {
	i := slices.IndexFunc(d.devices, func(x device) bool { return x.id == id })
	var x device
	switch {
	case i >= 0:
		x = d.devices[i]
		d.devices = slices.Delete(d.devices, i, i+1)
	default:
		x = device{id: id}
		if len(d.devices) >= MaxDevices {
			d.devices = d.devices[:MaxDevices-1]
		}
	}
	d.devices = slices.Insert(d.devices, 0, x)
	return &d.devices[0]
}

// rowError is about a stored protobuf message.
func rowError(what string, err error) error { return fmt.Errorf("%w: %s: %w", errDamaged, what, err) }
