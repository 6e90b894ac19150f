package app

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// ChangeConversation changes how account has arranged a conversation, as the
// tenant's backend says: of c the fields Top, Muted, Marked, Ext, Remove, Clear and
// ClearSeq count. The codes are those of state.ConversationChange.
func (a *App) ChangeConversation(ctx context.Context, appKey, account string, scene wire.Scene, peer string, c state.ConversationChange) (*wire.ConversationSetting, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	c.TimeMs, c.Tenant, c.Session, c.Account = a.now().UnixMilli(), t.ID, noSession, account
	if err := nameConversation(&c, scene, peer); err != nil {
		return nil, err
	}
	if c.Ext != nil {
		if err := bytesWithin("ext", *c.Ext, 0, maxSettingExt); err != nil {
			return nil, err
		}
	}
	res, err := propose[*state.ConversationChangeResult](ctx, a, &c)
	if err != nil {
		return nil, err
	}
	if err := conversationOutcome(res.Code); err != nil {
		return nil, err
	}
	return res.Setting, nil
}

// SetDoNotDisturb changes when the account's sleeping devices are not woken.
// CodeNotFound: there is no such account.
func (a *App) SetDoNotDisturb(ctx context.Context, appKey, account string, in *wire.SetDoNotDisturbRequest) (*wire.DoNotDisturb, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	if err := checkQuietHours(in.Quiet); err != nil {
		return nil, err
	}
	res, err := propose[*state.DoNotDisturbResult](ctx, a, &state.SetDoNotDisturb{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Session: noSession, Account: account,
		On: in.On, Desktop: in.Desktop, Quiet: proto.CloneOf(in.Quiet), NoQuiet: in.NoQuiet,
	})
	if err != nil {
		return nil, err
	}
	if err := outcome(res.Code); err != nil {
		return nil, err
	}
	return res.DoNotDisturb, nil
}

// MuteAccount forbids the account's user to send in the places of set, of those in
// mask. CodeNotFound: there is no such account.
func (a *App) MuteAccount(ctx context.Context, appKey, account string, mask, set state.Mute) error {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return err
	}
	res, err := propose[*state.AccountResult](ctx, a, &state.MuteAccount{
		TimeMs: a.now().UnixMilli(), Tenant: t.ID, Account: account, Mask: mask, Set: set,
	})
	if err != nil {
		return err
	}
	return outcome(res.Code)
}

// AccountMute reads where the account's user may not send, and whether the account
// is blocked. CodeNotFound: there is no such account.
func (a *App) AccountMute(ctx context.Context, appKey, account string) (mute state.Mute, blocked bool, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return 0, false, err
	}
	if _, blocked, err = a.queries.Credentials(t.ID, account); err != nil {
		return 0, false, a.edge(err)
	}
	if mute, err = a.queries.AccountMute(t.ID, account); err != nil {
		return 0, false, a.edge(err)
	}
	return mute, blocked, nil
}

// Conversations reads the conversations of the account's list whose newest message
// is of minMs to maxMs, newest first, at most limit. An account that does not exist
// has none.
func (a *App) Conversations(ctx context.Context, appKey, account string, minMs, maxMs int64, limit int) (found []*wire.ConversationState, more bool, err error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, false, err
	}
	if found, more, err = a.queries.ConversationsByTime(t.ID, account, minMs, maxMs, limit); err != nil {
		return nil, false, a.edge(err)
	}
	return found, more, nil
}

// Unread counts what the account has not read.
func (a *App) Unread(ctx context.Context, appKey, account string) (*wire.UnreadResponse, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	res, err := a.queries.Unread(t.ID, account)
	if err != nil {
		return nil, a.edge(err)
	}
	return res, nil
}
