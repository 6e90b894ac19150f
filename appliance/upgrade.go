package appliance

import (
	"context"
	"fmt"
	"time"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// upgrade leads what is stored to the newest format, before anybody is served: a
// site of one node has nobody to agree with. A site of several must not do this
// before all of its nodes run a build that knows the format; see state/DESIGN.md,
// "Upgrading".
func (n *Node) upgrade(ctx context.Context, queries *state.Queries) error {
	before, err := queries.Format()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	n.format = state.Format
	if before == state.Format {
		return nil
	}
	for more := true; more; {
		result, err := n.store.Propose(ctx, (&state.Upgrade{TimeMs: time.Now().UnixMilli(), To: state.Format}).Append(nil))
		if err != nil {
			return fmt.Errorf("store: upgrading it from format %d to %d: %w", before, state.Format, err)
		}
		res, ok := result.(*state.UpgradeResult)
		if !ok || res.Code != wire.CodeOK {
			return fmt.Errorf("store: upgrading it from format %d to %d: %+v", before, state.Format, result)
		}
		more = res.More
	}
	if before == 0 {
		return nil // a new site
	}
	n.logger.Info("the store has been upgraded; older versions refuse it from now on", "node", n.id, "from", before, "to", state.Format)
	// An older build that is started by mistake must meet the new format, not an old
	// state with a log of commands that it does not know.
	if err := n.store.Snapshot(ctx); err != nil {
		return fmt.Errorf("store: a snapshot of what was upgraded: %w", err)
	}
	return nil
}
