package sdk

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// PresenceChange says where an account that this one follows is online now: none of
// Devices means nowhere. Several changes may come as one event. While the client is
// not connected nothing is told: read Subscriptions after each StateConnected.
type PresenceChange struct {
	*wire.Presence
}

func (PresenceChange) event() {}

// presences are the events about presence that are not in the queue yet, one for each
// account. The inbox's mu guards it.
type presences struct {
	news   map[string]*wire.Presence
	events int // of the items in the queue, those about presence
}

// pushedPresence takes what the server tells. Of two presences the later counts.
func (in *inbox) pushedPresence(p *wire.Presence) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if before := in.presences.news[p.Account]; before != nil && before.TimeMs > p.TimeMs {
		return
	}
	if in.presences.news == nil {
		in.presences.news = make(map[string]*wire.Presence)
	}
	in.presences.news[p.Account] = p
	in.publishPresences()
}

// publishPresences queues them while there is room.
func (in *inbox) publishPresences() {
	s := &in.presences
	for account, p := range s.news {
		if s.events >= in.limit {
			return
		}
		delete(s.news, account)
		s.events++
		in.enqueue(item{event: PresenceChange{p}})
	}
}

// OnlineStatus asks where at most 200 accounts are online. The answer also says which
// do not exist, which may not be seen, and for how long those that are offline may
// only not be back yet, because the server's node has just been started.
func (c *Client) OnlineStatus(ctx context.Context, accounts ...string) (*wire.OnlineStatusResponse, error) {
	var response wire.OnlineStatusResponse
	err := c.call(ctx, wire.CmdOnlineStatus, &wire.OnlineStatusRequest{Accounts: accounts}, response.UnmarshalVT)
	return &response, err
}

// SetPresence says what others see of this device beside that it is online: the app's
// own number, and a text of at most 64 characters. Set it again after a reconnect that
// took long.
func (c *Client) SetPresence(ctx context.Context, state uint32, text string) error {
	return c.call(ctx, wire.CmdSetPresence, &wire.SetPresenceRequest{State: state, Text: text}, nil)
}

// Subscribe makes the account follow at most 100 others for ttl, 60 s to 30 days; 0 is
// 7 days. Their changes come as PresenceChange, on all its devices; the answer has
// where they are now, and who could not be subscribed to.
func (c *Client) Subscribe(ctx context.Context, ttl time.Duration, accounts ...string) (*wire.SubscribePresenceResponse, error) {
	var response wire.SubscribePresenceResponse
	request := &wire.SubscribePresenceRequest{Accounts: accounts, TtlSeconds: uint32(ttl / time.Second)}
	err := c.call(ctx, wire.CmdSubscribePresence, request, response.UnmarshalVT)
	return &response, err
}

// Unsubscribe ends subscriptions; without accounts all of them. failed are those that
// there was none to.
func (c *Client) Unsubscribe(ctx context.Context, accounts ...string) (failed []string, err error) {
	var response wire.UnsubscribePresenceResponse
	request := &wire.UnsubscribePresenceRequest{Accounts: accounts, All: len(accounts) == 0}
	err = c.call(ctx, wire.CmdUnsubscribePresence, request, response.UnmarshalVT)
	return response.Failed, err
}

// Subscriptions reads whom the account follows, and where they are online now, at most
// 200 of those after an account, in the order of the names; "" begins.
func (c *Client) Subscriptions(ctx context.Context, after string) (list []*wire.PresenceSubscription, more bool, err error) {
	var response wire.PresenceSubscriptionsResponse
	err = c.call(ctx, wire.CmdPresenceSubscriptions, &wire.PresenceSubscriptionsRequest{After: after, Limit: 200}, response.UnmarshalVT)
	return response.Subscriptions, response.More, err
}

// LoginHistory reads the account's own logins and logouts, the newest first, at most
// 100; pass Next of the answer to go on. The first page also has the account's
// sessions that are online, see KickOther.
func (c *Client) LoginHistory(ctx context.Context, after string) (*wire.LoginHistoryResponse, error) {
	var response wire.LoginHistoryResponse
	err := c.call(ctx, wire.CmdLoginHistory, &wire.LoginHistoryRequest{After: after}, response.UnmarshalVT)
	return &response, err
}

// SearchUsers finds accounts, at most 50; pass next to go on. 403: the tenant does not
// allow to search like this.
func (c *Client) SearchUsers(ctx context.Context, by wire.UserSearch, query, after string) (found []*wire.Profile, next string, err error) {
	var response wire.SearchUsersResponse
	request := &wire.SearchUsersRequest{Query: query, By: by, After: after, Limit: 50}
	err = c.call(ctx, wire.CmdSearchUsers, request, response.UnmarshalVT)
	return response.Profiles, response.Next, err
}
