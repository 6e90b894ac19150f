package appliance

import (
	"fmt"
	"time"
)

// Status is what a node is doing at one moment, for operators.
type Status struct {
	NodeID         string      `json:"node_id"`
	Uptime         string      `json:"uptime"` // as time.Duration writes it
	StartedMs      int64       `json:"started_ms"`
	Store          StoreStatus `json:"store"`
	DiskFreeBytes  uint64      `json:"disk_free_bytes"` // at the data folder
	Connections    int         `json:"connections"`     // of both gateways
	WebConnections int         `json:"web_connections"` // of them those of browsers
	Sessions       int         `json:"sessions"`        // connections that have logged in
	LinkKey        string      `json:"link_key"`        // the Link public key, as LBS gives it
}

// StoreStatus is the state of the replicated store on this node.
type StoreStatus struct {
	// State is this node's place in the group: "Leader", "Follower", ….
	State string `json:"state"`
	// Leader is the id of the leading node, "" when there is none.
	Leader string `json:"leader,omitempty"`
	// AppliedIndex and LastIndex are positions in the Raft log: what the state
	// holds, and what the log holds.
	AppliedIndex  uint64 `json:"applied_index"`
	LastIndex     uint64 `json:"last_index"`
	SnapshotIndex uint64 `json:"snapshot_index"`
	// Format is that of the stored data: builds that know only older ones refuse it.
	Format uint32 `json:"format"`
	// RefusingWrites is set while the disk is too full.
	RefusingWrites bool `json:"refusing_writes"`
	// Error is why the store has failed; the node must be restarted.
	Error string `json:"error,omitempty"`
}

// String is the status in one line for people.
func (s StoreStatus) String() string {
	switch {
	case s.Error != "":
		return "FAILED, restart the node: " + s.Error
	case s.RefusingWrites:
		return fmt.Sprintf("%s, refusing writes because the disk is full, log at %d", s.State, s.AppliedIndex)
	default:
		return fmt.Sprintf("%s, log at %d", s.State, s.AppliedIndex)
	}
}

// Status is what the node is doing now.
func (n *Node) Status() Status {
	store := n.store.Status()
	status := Status{
		NodeID:    n.id,
		Uptime:    time.Since(n.started).Round(time.Second).String(),
		StartedMs: n.started.UnixMilli(),
		Store: StoreStatus{
			State:          store.State,
			Leader:         store.LeaderID,
			AppliedIndex:   store.Applied,
			LastIndex:      store.Last,
			SnapshotIndex:  store.SnapshotIndex,
			RefusingWrites: store.RefusingWrites,
			Format:         n.format,
		},
		DiskFreeBytes:  store.DiskFree,
		Connections:    n.link.Connections() + n.web.Connections(),
		WebConnections: n.web.Connections(),
		Sessions:       n.hub.Len(),
		LinkKey:        n.linkKey,
	}
	if err := n.healthy(); err != nil {
		status.Store.Error = err.Error()
	}
	return status
}
