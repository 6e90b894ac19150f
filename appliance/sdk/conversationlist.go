package sdk

import (
	"context"
	"errors"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// settingsPage is the most settings in one answer.
const settingsPage = 200

// ConversationKey names a conversation: with an account, or of a team.
type ConversationKey struct {
	Scene wire.Scene
	Peer  string
}

// WithAccount and InTeam make keys.
func WithAccount(account string) ConversationKey { return ConversationKey{Peer: account} }

// InTeam is the conversation of a team, by its number.
func InTeam(team string) ConversationKey {
	return ConversationKey{Scene: wire.Scene_SCENE_TEAM, Peer: team}
}

func (k ConversationKey) lower() ConversationKey {
	if k.Scene == wire.Scene_SCENE_P2P {
		k.Peer = strings.ToLower(k.Peer)
	}
	return k
}

// ConversationList reads a page of the account's list from the server: top
// conversations first, then the others, each from the newest message to the
// oldest, at most limit (1–100, 0 means 50) of them. Each has what is unread (at
// least, when UnreadMore is set: "200+"), its last message and its setting. cursor is empty at first; next is for the next
// page, empty after the last one. Messages, read cursors and settings that change
// come as events; ConversationStates reads what has become of a conversation.
func (c *Client) ConversationList(ctx context.Context, cursor string, limit int) (list []*wire.ConversationState, next string, err error) {
	var answer wire.ConversationsResponse
	err = c.call(ctx, wire.CmdConversations, &wire.ConversationsRequest{Cursor: cursor, Limit: uint32(max(limit, 0))}, answer.UnmarshalVT)
	return answer.Conversations, answer.Cursor, err
}

// ConversationStates reads those of at most 100 conversations that there are, as
// ConversationList shows them.
func (c *Client) ConversationStates(ctx context.Context, keys ...ConversationKey) ([]*wire.ConversationState, error) {
	request := new(wire.ConversationStatesRequest)
	for _, key := range keys {
		request.Keys = append(request.Keys, &wire.ConversationKey{Scene: key.Scene, Peer: key.Peer})
	}
	var answer wire.ConversationStatesResponse
	err := c.call(ctx, wire.CmdConversationStates, request, answer.UnmarshalVT)
	return answer.Conversations, err
}

// TotalUnread counts what the account has not read in all conversations of its
// list: what a badge shows, of which Muted is in conversations that make no noise.
func (c *Client) TotalUnread(ctx context.Context) (*wire.UnreadResponse, error) {
	answer := new(wire.UnreadResponse)
	err := c.call(ctx, wire.CmdUnread, &wire.UnreadRequest{}, answer.UnmarshalVT)
	return answer, err
}

// MarkAllRead reads all conversations to their end, and returns how many that
// were. It makes a request for each hundred.
func (c *Client) MarkAllRead(ctx context.Context) (read int, err error) {
	ends := c.inbox.readUpTo()
	for {
		var answer wire.ReadAllResponse
		if err := c.call(ctx, wire.CmdReadAll, &wire.ReadAllRequest{}, answer.UnmarshalVT); err != nil {
			return read, err
		}
		read += int(answer.Read)
		if !answer.More {
			break
		}
	}
	for key, seq := range ends {
		c.inbox.ownRead(key, seq)
	}
	return read, nil
}

// ConversationChange is what to change of a conversation's setting: those that are
// not nil.
type ConversationChange struct {
	Top, Muted, MarkedUnread *bool
	Ext                      *string // at most 1024 bytes of the app's own
}

// The calls below return what the setting then is. Done already, they change
// nothing and are no error. 404: there is no such account; 803, 804: the account is
// not in the team; 419: 100 conversations are top, or 5000 have a setting.

// SetConversation changes how the account has arranged a conversation.
func (c *Client) SetConversation(ctx context.Context, key ConversationKey, change ConversationChange) (*wire.ConversationSetting, error) {
	return c.arrange(ctx, wire.CmdSetConversation, &wire.SetConversationRequest{
		Scene: key.Scene, Peer: key.Peer, Top: change.Top, Muted: change.Muted, MarkedUnread: change.MarkedUnread, Ext: change.Ext,
	}, new(wire.SetConversationResponse))
}

// RemoveConversation takes a conversation out of the list until its next message;
// with clear it also does what ClearConversation does.
func (c *Client) RemoveConversation(ctx context.Context, key ConversationKey, clear bool) (*wire.ConversationSetting, error) {
	return c.arrange(ctx, wire.CmdRemoveConversation, &wire.RemoveConversationRequest{
		Scene: key.Scene, Peer: key.Peer, Clear: clear,
	}, new(wire.RemoveConversationResponse))
}

// ClearConversation hides what was written up to seq, 0 for all, from this account,
// on all its devices and for good. The other side keeps it.
func (c *Client) ClearConversation(ctx context.Context, key ConversationKey, seq uint64) (*wire.ConversationSetting, error) {
	return c.arrange(ctx, wire.CmdClearConversation, &wire.ClearConversationRequest{
		Scene: key.Scene, Peer: key.Peer, Seq: seq,
	}, new(wire.ClearConversationResponse))
}

// settingAnswer is what the answers to changes of a setting have in common.
type settingAnswer interface {
	UnmarshalVT([]byte) error
	GetSetting() *wire.ConversationSetting
}

func (c *Client) arrange(ctx context.Context, cmd wire.Command, request wire.Body, answer settingAnswer) (*wire.ConversationSetting, error) {
	err := c.call(ctx, cmd, request, func(payload []byte) error {
		if err := answer.UnmarshalVT(payload); err != nil {
			return err
		}
		if answer.GetSetting() == nil {
			return errors.New("no setting")
		}
		c.inbox.ownSetting(answer.GetSetting())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer.GetSetting(), nil
}

// ConversationSettings lists the conversations that the account has arranged
// somehow. It is complete from the first StateConnected on. The caller must not
// change what it is given.
func (c *Client) ConversationSettings() []*wire.ConversationSetting { return c.inbox.listSettings() }

// ConversationSetting is how the account has arranged one conversation; nil when it
// has not. The caller must not change it.
func (c *Client) ConversationSetting(key ConversationKey) *wire.ConversationSetting {
	key = key.lower()
	return c.inbox.setting(cursorKey{key.Scene, key.Peer})
}

// DoNotDisturb says when the account's sleeping devices are not woken. The caller
// must not change it.
func (c *Client) DoNotDisturb() *wire.DoNotDisturb { return c.inbox.doNotDisturb() }

// SetDoNotDisturb changes that: what of change is present. 414: it is out of range.
func (c *Client) SetDoNotDisturb(ctx context.Context, change *wire.SetDoNotDisturbRequest) (*wire.DoNotDisturb, error) {
	var answer wire.SetDoNotDisturbResponse
	err := c.call(ctx, wire.CmdSetDoNotDisturb, change, func(payload []byte) error {
		if err := answer.UnmarshalVT(payload); err != nil {
			return err
		}
		c.inbox.ownDoNotDisturb(answer.DoNotDisturb, answer.Version)
		return nil
	})
	return answer.DoNotDisturb, err
}

// catchUpSettings reads what has changed of the account's settings, if sync says
// so. It reports whether it came to the end.
func (c *Client) catchUpSettings(ctx context.Context) bool {
	version, behind := c.inbox.settingsBehind()
	if !behind {
		return true
	}
	if version == 0 {
		c.inbox.beginSettings()
	}
	request := &wire.ConversationSettingsRequest{Version: version, Limit: settingsPage}
	for {
		var page wire.ConversationSettingsResponse
		err := c.request(ctx, wire.CmdConversationSettings, request, page.UnmarshalVT)
		if err == nil && page.More && page.Version <= request.Version && !page.StartOver {
			err = errors.New("the server's pages do not advance")
		}
		if err != nil {
			c.inbox.abandonSettings()
			if ctx.Err() == nil {
				c.o.Logger.Warn("reading settings of conversations failed", "error", err)
			}
			return false
		}
		if page.StartOver {
			c.inbox.beginSettings()
		}
		c.inbox.readSettings(&page, !page.More)
		if !page.More {
			return true
		}
		request.Version, request.Floor = page.Version, page.Floor
	}
}
