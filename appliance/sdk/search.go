package sdk

import (
	"context"
	"time"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Search says which messages to look for. All that is set must hold; one of Text,
// From and Types must be.
type Search struct {
	// Text is words, at most 100 characters; a message must hold all of them.
	Text string
	// Scene and Peer limit the search to one conversation. Without Peer all of this
	// account's are searched.
	Scene wire.Scene
	Peer  string
	// From is the sender.
	From string
	// Types are message types, at most 16.
	Types []uint32
	// Begin and End bound the time, both included; the zero time is no limit.
	Begin, End time.Time
	// Limit is the most messages of a page, 1..50; 0 means 20.
	Limit int
	// Cursor is that of the page to go on behind.
	Cursor string
}

// Found is one page of what was found, the newest first.
type Found struct {
	Messages []*wire.Message
	// Cursor is empty when there is no more. A page may be short, or empty, and have
	// one.
	Cursor string
	// Incomplete says that the server is still reading messages that may belong here.
	Incomplete bool
}

// Search finds messages on the server. What was sent within the last seconds may
// not be found yet.
func (c *Client) Search(ctx context.Context, s Search) (*Found, error) {
	request := &wire.SearchRequest{
		Text: s.Text, Scene: s.Scene, Peer: s.Peer, From: s.From, Types: s.Types, Limit: uint32(max(s.Limit, 0)), Cursor: s.Cursor,
	}
	if !s.Begin.IsZero() {
		request.BeginMs = s.Begin.UnixMilli()
	}
	if !s.End.IsZero() {
		request.EndMs = s.End.UnixMilli()
	}
	var response wire.SearchResponse
	if err := c.call(ctx, wire.CmdSearch, request, response.UnmarshalVT); err != nil {
		return nil, err
	}
	return &Found{response.Messages, response.Cursor, response.Incomplete}, nil
}
