package app

import (
	"context"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// maxUserQuery is the most characters of a search for accounts.
const maxUserQuery = 64

var errUserSearch = wire.Errorf(wire.CodeForbidden, "the tenant does not let users search for accounts like this")

// searchUsers finds accounts of the tenant, as far as that allows it.
func (a *App) searchUsers(r *request, payload []byte) error {
	in := new(wire.SearchUsersRequest)
	if in.UnmarshalVT(payload) != nil {
		return errMalformed
	}
	if err := checkUserSearch(in); err != nil {
		return err
	}
	switch mode := r.tenant.Limits.UserSearch; {
	case mode == state.UserSearchOff, mode != state.UserSearchOn && in.By != wire.UserSearch_USER_SEARCH_ACCOUNT:
		return errUserSearch
	}
	tenant := r.identity.Tenant
	return a.query(r, func() (wire.Body, error) {
		return body(a.queries.SearchUsers(tenant, in))
	})
}

func checkUserSearch(in *wire.SearchUsersRequest) error {
	if in.Query == "" {
		return wire.Errorf(wire.CodeBadParameter, "query is missing")
	}
	if err := charsWithin("query", in.Query, maxUserQuery); err != nil {
		return err
	}
	if _, known := wire.UserSearch_name[int32(in.By)]; !known {
		return wire.Errorf(wire.CodeBadParameter, "by must be 0 account, 1 beginning of the account or 2 beginning of the name")
	}
	if in.Limit > state.MaxSearchPage {
		return wire.Errorf(wire.CodeBadParameter, "limit is more than %d", state.MaxSearchPage)
	}
	return nil
}

// SearchUsers finds accounts for the tenant's backend, which may always search. The
// accounts that are blocked are not found.
func (a *App) SearchUsers(ctx context.Context, appKey string, in *wire.SearchUsersRequest) (*wire.SearchUsersResponse, error) {
	t, err := a.Tenant(ctx, appKey)
	if err != nil {
		return nil, err
	}
	if err := checkUserSearch(in); err != nil {
		return nil, err
	}
	out, err := a.queries.SearchUsers(t.ID, in)
	if err != nil {
		return nil, a.edge(err)
	}
	return out, nil
}
