package app

import (
	"context"
	"slices"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Searcher finds messages by their words; see package search.
type Searcher interface {
	// Search finds what account may read. Errors are *wire.Error when the request is
	// at fault.
	Search(ctx context.Context, tenant uint32, account string, req *wire.SearchRequest) (*wire.SearchResponse, error)
}

// Limits of a search.
const (
	maxSearchText     = 100 // characters
	maxSearchTypes    = 16
	maxSearchPage     = 50 // messages
	defaultSearchPage = 20
	maxSearchCursor   = 64 // bytes
)

var errNoSearch = wire.Errorf(wire.CodeForbidden, "search is switched off on this node")

// search finds messages of the account's own conversations.
func (a *App) search(r *request, payload []byte) error {
	in := new(wire.SearchRequest) // read later, so it must not share the payload
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if err := checkSearch(in); err != nil {
		return err
	}
	if a.searcher == nil {
		return errNoSearch
	}
	id := r.identity
	// On workers of their own: one may take seconds, which nobody's sync must wait for.
	return a.queryOn(a.searches, r, func() (wire.Body, error) {
		return body(a.searcher.Search(a.asking, id.Tenant, id.Account, in))
	})
}

// checkSearch checks in and writes names as they are stored.
func checkSearch(in *wire.SearchRequest) (err error) {
	if err := charsWithin("text", in.Text, maxSearchText); err != nil {
		return err
	}
	if in.Text != "" && strings.TrimSpace(in.Text) == "" {
		return wire.Errorf(wire.CodeBadParameter, "text has no word")
	}
	if in.Peer != "" {
		if in.Peer, err = counterpart(in.Scene, "peer", in.Peer); err != nil {
			return err
		}
	}
	if in.From != "" {
		if in.From, err = accountName("from", in.From); err != nil {
			return err
		}
	}
	if len(in.Types) > maxSearchTypes {
		return wire.Errorf(wire.CodeBadParameter, "types has more than %d", maxSearchTypes)
	}
	if err := checkTimes(in.BeginMs, in.EndMs); err != nil {
		return err
	}
	if err := bytesWithin("cursor", in.Cursor, 0, maxSearchCursor); err != nil {
		return err
	}
	limit, err := page(in.Limit, defaultSearchPage, maxSearchPage)
	in.Limit = uint32(limit)
	return err
}

// Search is search for the tenant's backend, in the name of an account. in is
// changed. CodeForbidden: search is switched off; CodeNotFound: there is no such
// account; the codes of teams.
func (a *App) Search(ctx context.Context, appKey, account string, in *wire.SearchRequest) (*wire.SearchResponse, error) {
	t, account, err := a.target(ctx, appKey, account)
	if err != nil {
		return nil, err
	}
	in.Types = slices.Clone(in.Types)
	if err := checkSearch(in); err != nil {
		return nil, err
	}
	if a.searcher == nil {
		return nil, errNoSearch
	}
	if _, _, err := a.queries.Credentials(t.ID, account); err != nil {
		return nil, a.edge(err)
	}
	res, err := a.searcher.Search(ctx, t.ID, account, in)
	if err != nil {
		return nil, a.edge(err)
	}
	return res, nil
}
