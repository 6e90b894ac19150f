package sdk

import (
	"context"
	"errors"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// relationsPage is the most relations in one answer.
const relationsPage = 200

// catchUpRelations reads what has changed of the account's relations, if sync
// says so. It reports whether it came to the end.
func (c *Client) catchUpRelations(ctx context.Context) bool {
	version, behind := c.inbox.relationsBehind()
	if !behind {
		return true
	}
	if version == 0 {
		c.inbox.beginRelations()
	}
	request := &wire.RelationsRequest{Version: version, Limit: relationsPage}
	for {
		var page wire.RelationsResponse
		err := c.request(ctx, wire.CmdRelations, request, page.UnmarshalVT)
		if err == nil && page.More && page.Version <= request.Version && !page.StartOver {
			err = errors.New("the server's pages do not advance")
		}
		if err != nil {
			c.inbox.abandonRelations()
			if ctx.Err() == nil {
				c.o.Logger.Warn("reading relations failed", "error", err)
			}
			return false
		}
		if page.StartOver {
			c.inbox.beginRelations()
		}
		c.inbox.readRelations(&page, !page.More)
		if !page.More {
			return true
		}
		request.Version, request.Floor = page.Version, page.Floor
	}
}

// Relations lists what the account holds of others: friends, friend requests,
// who is blacklisted or muted, and notes on former friends; in the order of the
// names. It is complete from the first StateConnected on. The caller must not
// change what it is given.
func (c *Client) Relations() []*wire.Relation { return c.inbox.listRelations() }

// Relation is what the account holds of another one; nil when that is nothing.
// The caller must not change it.
func (c *Client) Relation(account string) *wire.Relation {
	return c.inbox.relation(strings.ToLower(account))
}

// FriendMode says who may become the account's friend.
func (c *Client) FriendMode() wire.FriendMode { return c.inbox.friendMode() }

// The calls below are repeated like any other until they are answered, and
// return what the account then holds of the other one. Done already, they change
// nothing and are no error.

// AddFriend makes the two accounts friends at once. note is for the other one.
// 403: it must be asked, or takes no friends; 7101: it has blacklisted this
// account; 419: one of the two has as many friends as it may have.
func (c *Client) AddFriend(ctx context.Context, account, note string) (*wire.Relation, error) {
	var answer wire.AddFriendResponse
	return c.relate(ctx, wire.CmdAddFriend, &wire.AddFriendRequest{Account: account, Note: note}, &answer)
}

// AskFriend asks account to become a friend; who has been asked already by it
// accepts that. The codes are those of AddFriend.
func (c *Client) AskFriend(ctx context.Context, account, note string) (*wire.Relation, error) {
	var answer wire.AddFriendResponse
	return c.relate(ctx, wire.CmdAddFriend, &wire.AddFriendRequest{Account: account, Ask: true, Note: note}, &answer)
}

// AnswerFriend accepts or refuses what account has asked. 404: it has not.
func (c *Client) AnswerFriend(ctx context.Context, account string, accept bool, note string) (*wire.Relation, error) {
	var answer wire.AnswerFriendResponse
	return c.relate(ctx, wire.CmdAnswerFriend, &wire.AnswerFriendRequest{Account: account, Accept: accept, Note: note}, &answer)
}

// DeleteFriend ends a friendship for both, or takes back what this account has
// asked. forget also clears the notes on the other one.
func (c *Client) DeleteFriend(ctx context.Context, account string, forget bool) (*wire.Relation, error) {
	var answer wire.DeleteFriendResponse
	return c.relate(ctx, wire.CmdDeleteFriend, &wire.DeleteFriendRequest{Account: account, Forget: forget}, &answer)
}

// UpdateFriend changes the notes on a friend that are not nil: an alias of at
// most 128 characters, and the app's own data, at most 256. 404: not a friend.
func (c *Client) UpdateFriend(ctx context.Context, account string, alias, ex *string) (*wire.Relation, error) {
	var answer wire.UpdateFriendResponse
	return c.relate(ctx, wire.CmdUpdateFriend, &wire.UpdateFriendRequest{Account: account, Alias: alias, Ex: ex}, &answer)
}

// SetBlacklisted puts account on the blacklist or takes it off: what it sends is
// refused with 7101, and it is not told. 419: the list is full.
func (c *Client) SetBlacklisted(ctx context.Context, account string, on bool) (*wire.Relation, error) {
	var answer wire.SetBlacklistResponse
	return c.relate(ctx, wire.CmdSetBlacklist, &wire.SetBlacklistRequest{Account: account, On: on}, &answer)
}

// SetMuted puts account on the mute list or takes it off: what it sends comes as
// ever, but should make no noise. 419: the list is full.
func (c *Client) SetMuted(ctx context.Context, account string, on bool) (*wire.Relation, error) {
	var answer wire.SetMuteResponse
	return c.relate(ctx, wire.CmdSetMute, &wire.SetMuteRequest{Account: account, On: on}, &answer)
}

// SetFriendMode says who may become the account's friend.
func (c *Client) SetFriendMode(ctx context.Context, mode wire.FriendMode) error {
	return c.call(ctx, wire.CmdSetFriendMode, &wire.SetFriendModeRequest{Mode: mode}, func(payload []byte) error {
		var answer wire.SetFriendModeResponse
		if err := answer.UnmarshalVT(payload); err != nil {
			return err
		}
		c.inbox.ownMode(mode, answer.Version)
		return nil
	})
}

// relationAnswer is what the answers to changes of a relation have in common.
type relationAnswer interface {
	UnmarshalVT([]byte) error
	GetRelation() *wire.Relation
}

func (c *Client) relate(ctx context.Context, cmd wire.Command, request wire.Body, answer relationAnswer) (*wire.Relation, error) {
	err := c.call(ctx, cmd, request, func(payload []byte) error {
		if err := answer.UnmarshalVT(payload); err != nil {
			return err
		}
		if answer.GetRelation() == nil {
			return errors.New("no relation")
		}
		c.inbox.ownRelation(answer.GetRelation())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer.GetRelation(), nil
}
