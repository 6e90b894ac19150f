package presence

import (
	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Device is one device on which an account is online.
type Device struct {
	Session  uint64
	DeviceID string
	Platform wire.Platform
	LoginMs  int64
	State    uint32 // what the device says of itself
	Text     string
}

// same reports whether a and b are the same device, perhaps of two sessions.
func same(a, b *Device) bool { return a.DeviceID == b.DeviceID && a.Platform == b.Platform }

func deviceOf(s *session.Session) Device {
	id := s.Identity()
	d := Device{Session: id.SessionID, DeviceID: id.DeviceID, Platform: id.Platform, LoginMs: id.LoginMs}
	if p := s.Presence(); p != nil {
		d.State, d.Text = p.State, p.Text
	}
	return d
}

// Remote knows the devices that are online on other nodes. Its methods may be called
// from any goroutine and do not block.
type Remote interface {
	// Devices appends the devices of an account to dst.
	Devices(dst []Device, tenant uint32, account string) []Device
}
