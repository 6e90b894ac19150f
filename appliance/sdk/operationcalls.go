package sdk

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Edit replaces Body and Ext of a text or custom message that this account has sent
// to peer. The server allows it for a limited time (508 after that).
func (c *Client) Edit(ctx context.Context, peer string, seq uint64, content Content) error {
	return c.talk(peer).edit(ctx, seq, content)
}

// React gives a message an emoji of at most 32 bytes, or with undo takes it back.
func (c *Client) React(ctx context.Context, peer string, seq uint64, emoji string, undo bool) error {
	return c.talk(peer).react(ctx, seq, emoji, undo)
}

// Reactions reads who has given a message an emoji, in the order of names and in
// pages: after is the last of the page before, limit 1–200, 0 is 100.
func (c *Client) Reactions(ctx context.Context, peer string, seq uint64, emoji, after string, limit int) (accounts []string, more bool, err error) {
	return c.talk(peer).reactions(ctx, seq, emoji, after, limit)
}

// Pin pins a message in the conversation, or with undo unpins it; at most 50 (419).
func (c *Client) Pin(ctx context.Context, peer string, seq uint64, undo bool) error {
	return c.talk(peer).pin(ctx, seq, undo)
}

// Pins reads the pinned messages, in the order of the conversation.
func (c *Client) Pins(ctx context.Context, peer string) ([]*wire.Pin, error) {
	return c.talk(peer).pins(ctx)
}

// Thread reads the replies to root, oldest first and in pages: after is the seq of
// the last of the page before, limit 1–100, 0 is 100. The first page has the root.
func (c *Client) Thread(ctx context.Context, peer string, root, after uint64, limit int) (*wire.ThreadResponse, error) {
	return c.talk(peer).thread(ctx, root, after, limit)
}

// DeleteForMe deletes up to 100 messages for this account alone, on all of its
// devices.
func (c *Client) DeleteForMe(ctx context.Context, peer string, seqs ...uint64) error {
	return c.talk(peer).deleteForMe(ctx, seqs)
}

// Edit is Client.Edit in the team.
func (t Team) Edit(ctx context.Context, seq uint64, content Content) error {
	return t.talk().edit(ctx, seq, content)
}

// React is Client.React in the team.
func (t Team) React(ctx context.Context, seq uint64, emoji string, undo bool) error {
	return t.talk().react(ctx, seq, emoji, undo)
}

// Reactions is Client.Reactions in the team.
func (t Team) Reactions(ctx context.Context, seq uint64, emoji, after string, limit int) (accounts []string, more bool, err error) {
	return t.talk().reactions(ctx, seq, emoji, after, limit)
}

// Pin is Client.Pin in the team; for managers.
func (t Team) Pin(ctx context.Context, seq uint64, undo bool) error {
	return t.talk().pin(ctx, seq, undo)
}

// Pins is Client.Pins in the team.
func (t Team) Pins(ctx context.Context) ([]*wire.Pin, error) { return t.talk().pins(ctx) }

// Thread is Client.Thread in the team.
func (t Team) Thread(ctx context.Context, root, after uint64, limit int) (*wire.ThreadResponse, error) {
	return t.talk().thread(ctx, root, after, limit)
}

// DeleteForMe is Client.DeleteForMe in the team.
func (t Team) DeleteForMe(ctx context.Context, seqs ...uint64) error {
	return t.talk().deleteForMe(ctx, seqs)
}
