package appliance

import "context"

// TenantUsage is what a tenant uses, as its operator sees it.
type TenantUsage struct {
	AppKey         string `json:"appkey"`
	Accounts       uint64 `json:"accounts"`
	ActiveAccounts uint64 `json:"active_accounts"` // logged in since midnight (UTC), or connected to this node
	Conversations  uint64 `json:"conversations"`
	Teams          uint64 `json:"teams"`
	Messages       uint64 `json:"messages"`
	Rooms          uint64 `json:"rooms"`
	Files          uint64 `json:"files"`
	FileBytes      uint64 `json:"file_bytes"`
	Connections    int    `json:"connections"` // to this node, now
	CountedMs      int64  `json:"counted_ms"`
}

// Usage tells what a tenant uses. CodeNotFound: there is no such tenant; CodeBusy:
// it could not be counted in time.
func (n *Node) Usage(ctx context.Context, appKey string) (TenantUsage, error) {
	if _, err := n.tenant(ctx, appKey); err != nil {
		return TenantUsage{}, err
	}
	u, err := n.app.Usage(ctx, appKey, 0)
	if err != nil {
		return TenantUsage{}, err
	}
	return TenantUsage{
		AppKey: appKey, Accounts: u.Accounts, ActiveAccounts: u.Active, Conversations: u.Conversations, Teams: u.Teams,
		Messages: u.Messages, Rooms: u.Rooms, Files: u.Files, FileBytes: u.FileBytes, Connections: u.Connections, CountedMs: u.CountedMs,
	}, nil
}
