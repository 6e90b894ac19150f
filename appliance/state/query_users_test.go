package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// found lists the accounts of a search, in pages of limit.
func (n *node) found(tenant uint32, by wire.UserSearch, query string, limit int) (all []string) {
	n.tb.Helper()
	in := &wire.SearchUsersRequest{Query: query, By: by, Limit: uint32(limit)}
	for range 1000 {
		out, err := n.q.SearchUsers(tenant, in)
		if err != nil {
			n.tb.Fatal(err)
		}
		if len(out.Profiles) > limit {
			n.tb.Fatalf("%d on a page of %d", len(out.Profiles), limit)
		}
		for _, p := range out.Profiles {
			all = append(all, p.Account)
		}
		if out.Next == "" {
			return all
		}
		in.After = out.Next
	}
	n.tb.Fatal("the search does not end")
	return nil
}

const (
	byAccount = wire.UserSearch_USER_SEARCH_ACCOUNT
	byPrefix  = wire.UserSearch_USER_SEARCH_ACCOUNT_PREFIX
	byName    = wire.UserSearch_USER_SEARCH_NAME_PREFIX
)

func (n *node) named(tenant uint32, account, name string) {
	n.tb.Helper()
	n.apply(&UpdateProfile{TimeMs: testTime, Tenant: tenant, Account: account, Update: &wire.UpdateProfileRequest{Name: proto.String(name)}})
}

func TestUsersAreFound(t *testing.T) {
	n := newNode(t)
	n.upgradeAll(t)
	tenant, other := n.setup("app", "ann", "anna", "annb", "bob", "zoe", "an"), n.setup("app2", "ann", "anne")
	long := strings.Repeat("长", 40)
	for account, name := range map[string]string{
		"ann": "Ann Ä", "anna": "ANN ä", "bob": "Ｂｏｂ", "zoe": long + "1", "an": long + "2", "annb": "annette",
	} {
		n.named(tenant, account, name)
	}
	n.named(other, "ann", "Ann of another tenant")
	n.apply(&SetBlocked{TimeMs: testTime, Tenant: tenant, Account: "annb", Blocked: true})
	for _, test := range []struct {
		by    wire.UserSearch
		query string
		want  string
	}{
		{byAccount, "Ann", "ann"}, {byAccount, "annb", ""}, {byAccount, "an", "an"}, {byAccount, "nobody", ""},
		{byPrefix, "AN", "an ann anna"}, {byPrefix, "anna", "anna"}, {byPrefix, "c", ""},
		{byName, "ann", "ann anna"}, {byName, "ANN Ä", "ann anna"}, {byName, "bo", "bob"}, {byName, "Ｂ", "bob"},
		{byName, "长", "zoe an"}, {byName, long, "zoe an"}, {byName, long + "2", "an"}, {byName, "\x01", ""}, {byName, "nn", ""},
	} {
		for _, limit := range []int{1, 2, 50} {
			got := strings.Join(n.found(tenant, test.by, test.query, limit), " ")
			same := got == test.want
			if test.by == byName && strings.HasPrefix(test.query, "长") { // beyond what is indexed the order is that of accounts
				a, b := strings.Fields(got), strings.Fields(test.want)
				slices.Sort(a)
				slices.Sort(b)
				same = slices.Equal(a, b)
			}
			if !same {
				t.Errorf("%v %q: found %q, want %q", test.by, test.query, got, test.want)
			}
		}
	}
	// Who is renamed is found by the new name only, and who has none by none.
	n.named(tenant, "ann", "Maria")
	n.named(tenant, "anna", "")
	if a, m := n.found(tenant, byName, "ann", 9), n.found(tenant, byName, "MAR", 9); len(a) > 0 || !slices.Equal(m, []string{"ann"}) {
		t.Errorf("after renaming: %v and %v", a, m)
	}
	for name, in := range map[string]*wire.SearchUsersRequest{"nothing": {}, "an unknown kind": {Query: "a", By: 9}} {
		if _, err := n.q.SearchUsers(tenant, in); wire.CodeOf(err) != wire.CodeBadParameter {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNamesOfAnOlderSiteAreIndexed by the upgrade, and those that come meanwhile.
func TestNamesOfAnOlderSiteAreIndexed(t *testing.T) {
	n := newNode(t)
	var names []string
	for i := range upgradeBudget + 10 {
		names = append(names, fmt.Sprintf("a%04d", i))
	}
	tenant := n.setup("app", names...)
	for _, account := range names {
		n.named(tenant, account, "Name "+account)
	}
	for _, row := range n.dump() {
		if strings.HasPrefix(row, "87") {
			t.Fatalf("the first format has a row of the index: %s", row)
		}
	}
	if res := one[*UpgradeResult](n, &Upgrade{TimeMs: testTime, To: Format}); !res.More {
		t.Fatalf("upgraded at once: %+v", res)
	}
	n.named(tenant, names[0], "Renamed")
	n.restart()
	n.upgradeAll(t)
	if got := n.found(tenant, byName, "name a", 50); len(got) != len(names)-1 || got[0] != names[1] {
		t.Errorf("%d are found", len(got))
	}
	if got := n.found(tenant, byName, "renamed", 50); !slices.Equal(got, names[:1]) {
		t.Errorf("renamed meanwhile: %v", got)
	}
}

// TestSearchLooksAtSoManyRows: a page that finds nobody among many goes on.
func TestSearchLooksAtSoManyRows(t *testing.T) {
	n := newNode(t)
	tenant := n.setup("app")
	var cmds []command
	for i := range searchRows + 5 {
		account := fmt.Sprintf("a%05d", i)
		cmds = append(cmds, &CreateAccount{TimeMs: testTime, Tenant: tenant, Account: account, TokenHash: HashToken("", "", "")},
			&SetBlocked{TimeMs: testTime, Tenant: tenant, Account: account, Blocked: i < searchRows+2})
	}
	n.apply(cmds...)
	out, err := n.q.SearchUsers(tenant, &wire.SearchUsersRequest{Query: "a", By: byPrefix})
	if err != nil || len(out.Profiles) != 0 || out.Next == "" {
		t.Errorf("the first page: %v %v", out, err)
	}
	if got := n.found(tenant, byPrefix, "a", 50); len(got) != 3 {
		t.Errorf("found %v", got)
	}
}

// FuzzFoldName: folding is done once, and its result can be a key.
func FuzzFoldName(f *testing.F) {
	for _, s := range []string{"", "Ann Ä", "ＡＢＣ　", "ЀЯ", "ŸŹĲ", "\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		folded := FoldName(s)
		if FoldName(folded) != folded || strings.ContainsRune(folded, 0) {
			t.Errorf("%q became %q, then %q", s, folded, FoldName(folded))
		}
		if !strings.HasPrefix(folded, indexedName(folded)) {
			t.Errorf("%q is indexed as %q", folded, indexedName(folded))
		}
	})
}

func BenchmarkSearchUsers(b *testing.B) {
	n := newNode(b)
	n.apply(&Upgrade{TimeMs: testTime, To: Format})
	tenant := n.setup("app")
	var cmds []command
	for i := range 2000 {
		cmds = append(cmds, &CreateAccount{
			TimeMs: testTime, Tenant: tenant, Account: fmt.Sprintf("a%05d", i), TokenHash: HashToken("", "", ""), Profile: &wire.Profile{Name: fmt.Sprint("Name ", i)},
		})
	}
	n.apply(cmds...)
	for _, by := range []wire.UserSearch{byPrefix, byName} {
		b.Run(by.String(), func(b *testing.B) {
			query := map[wire.UserSearch]string{byPrefix: "a01", byName: "name 1"}[by]
			b.ReportAllocs()
			for b.Loop() {
				if out, err := n.q.SearchUsers(tenant, &wire.SearchUsersRequest{Query: query, By: by}); err != nil || len(out.Profiles) != defaultSearchPage {
					b.Fatal(out, err)
				}
			}
		})
	}
}
