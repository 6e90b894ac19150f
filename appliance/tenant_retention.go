package appliance

import (
	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// forever is how operators write that nothing is removed.
const forever = -1

// validateRetention says what is wrong with what r asks of retention, as a
// *wire.Error.
func (r *TenantRequest) validateRetention() error {
	for name, n := range map[string]int{"retention_days": r.RetentionDays, "retention_messages": r.RetentionMessages} {
		if n < forever || n >= state.RetentionForever {
			return wire.Errorf(wire.CodeBadParameter, "%s is not 1 to %d, or -1 for ever", name, state.RetentionForever-1)
		}
	}
	return nil
}

// retention is the limit that an operator means by n.
func retention(n int) int {
	if n == forever {
		return state.RetentionForever
	}
	return n
}

// shownRetention is retention the other way round.
func shownRetention(n int) int {
	if n == state.RetentionForever {
		return forever
	}
	return n
}
