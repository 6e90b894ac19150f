package state

import (
	"bytes"
	"strings"

	"github.com/yizhan-im/yizhan/appliance/wire"
	"github.com/yizhan-im/yizhan/raftstore"
)

// Limits of a search for accounts.
const (
	MaxSearchPage     = 50
	defaultSearchPage = 20
	// searchRows bounds the rows that a search looks at for one page, those of blocked
	// accounts among them.
	searchRows = 1000
)

// SearchUsers finds accounts of the tenant that are not blocked, in the order of what
// is compared: r.Query is the whole account, its beginning, or the beginning of the
// name. r.After is next of the answer before. CodeBadParameter: the query is empty, or
// r.By is not known.
func (q *Queries) SearchUsers(tenant uint32, r *wire.SearchUsersRequest) (*wire.SearchUsersResponse, error) {
	if r.Query == "" {
		return nil, wire.Errorf(wire.CodeBadParameter, "query is empty")
	}
	v := q.view()
	defer v.Close()
	s := search{v: v, tenant: tenant, limit: int(r.Limit), out: new(wire.SearchUsersResponse)}
	if s.limit <= 0 || s.limit > MaxSearchPage {
		s.limit = defaultSearchPage
	}
	switch r.By {
	case wire.UserSearch_USER_SEARCH_ACCOUNT:
		_, err := s.add(strings.ToLower(r.Query), "")
		return s.out, err
	case wire.UserSearch_USER_SEARCH_ACCOUNT_PREFIX:
		base := appendAccountKey(nil, tableProfile, tenant, "")
		prefix := append(bytes.Clone(base), strings.ToLower(r.Query)...)
		return s.out, s.scan(base, prefix, r.After, func(rest string) string { return rest }, "")
	case wire.UserSearch_USER_SEARCH_NAME_PREFIX:
		folded := FoldName(r.Query)
		if folded == "" {
			return s.out, nil
		}
		base := appendNamePrefix(nil, tenant, "")
		return s.out, s.scan(base, appendNamePrefix(nil, tenant, folded), r.After, func(rest string) string {
			return rest[strings.IndexByte(rest, 0)+1:]
		}, folded)
	}
	return nil, wire.Errorf(wire.CodeBadParameter, "by must be 0 account, 1 beginning of the account or 2 beginning of the name")
}

// search is one search under way.
type search struct {
	v      *raftstore.View
	tenant uint32
	limit  int
	out    *wire.SearchUsersResponse
}

// scan adds the accounts under prefix behind the key base+after. accountOf finds the
// account in what of a key follows base.
func (s *search) scan(base, prefix []byte, after string, accountOf func(rest string) string, folded string) error {
	lo := prefix
	if after != "" {
		if behind := append(append(bytes.Clone(base), after...), 0); bytes.Compare(behind, lo) > 0 {
			lo = behind
		}
	}
	hi := prefixEnd(prefix)
	if bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	it, err := s.v.Iter(lo, hi)
	if err != nil {
		return readError(err)
	}
	rows, last := 0, ""
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		if rows == searchRows || len(s.out.Profiles) == s.limit {
			s.out.Next = last
			break
		}
		rows++
		last = string(it.Key()[len(base):])
		_, err = s.add(accountOf(last), folded)
	}
	if closeErr := it.Close(); err == nil {
		err = readError(closeErr)
	}
	return err
}

// add adds the account if it may be found; with folded, if its name begins so: a long
// name is not whole in the index.
func (s *search) add(account, folded string) (bool, error) {
	var row accountRow
	ok, err := readRow(s.v, appendAccountKey(nil, tableAccount, s.tenant, account), row.decode)
	if err != nil || !ok || row.blocked {
		return false, err
	}
	p := new(wire.Profile)
	ok, err = readRow(s.v, appendAccountKey(nil, tableProfile, s.tenant, account), p.UnmarshalVT)
	if err != nil || !ok || !strings.HasPrefix(FoldName(p.Name), folded) {
		return false, err
	}
	s.out.Profiles = append(s.out.Profiles, p)
	return true, nil
}
