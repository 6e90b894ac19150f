package appliance

import (
	"slices"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// notifyModes are the names of state.Limits.NotifyMode, from 1 on.
var notifyModes = []string{"clients", "backend"}

// NotifyRequest is the part of a TenantRequest about notifications.
type NotifyRequest struct {
	// Notify says who may send notifications: clients and the backend, as it is at
	// first, or only the backend.
	Notify string `json:"notify,omitempty"`
}

// NotifyInfo is the same of a TenantInfo.
type NotifyInfo struct {
	Notify string `json:"notify"`
}

func (r *NotifyRequest) applyNotify(l *state.Limits) error {
	if r.Notify == "" {
		return nil
	}
	mode := 1 + slices.Index(notifyModes, r.Notify)
	if mode == 0 {
		return wire.Errorf(wire.CodeBadParameter, "notify: unknown value %q: use one of %s", r.Notify, strings.Join(notifyModes, ", "))
	}
	l.NotifyMode = mode
	return nil
}

func notifyInfo(l *state.Limits) NotifyInfo { return NotifyInfo{Notify: notifyModes[l.NotifyMode-1]} }
