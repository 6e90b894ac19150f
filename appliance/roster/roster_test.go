package roster_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/roster"
)

type member struct{ place int }

func TestRosterMatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := roster.New(func(m *member) *int { return &m.place })
		var want []*member
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				got := r.All()
				if r.Len() != len(want) || len(got) != len(want) {
					t.Fatalf("%d and %d members, want %d", r.Len(), len(got), len(want))
				}
				for _, m := range want {
					if !slices.Contains(got, m) {
						t.Fatal("a member is missing")
					}
				}
			},
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "how many") {
					m := new(member)
					r.Add(m)
					want = append(want, m)
				}
			},
			"remove": func(t *rapid.T) {
				for range min(rapid.IntRange(1, 20).Draw(t, "how many"), len(want)) {
					at := rapid.IntRange(0, len(want)-1).Draw(t, "which")
					r.Remove(want[at])
					want = slices.Delete(want, at, at+1)
				}
			},
		})
	})
}

func TestAllIsACopy(t *testing.T) {
	r := roster.New(func(m *member) *int { return &m.place })
	r.Add(new(member))
	r.All()[0] = nil
	if r.All()[0] == nil {
		t.Error("the list is given away")
	}
}

// A storm of clients that is over leaves no list of its size behind.
func TestAListThatEmptiesShrinks(t *testing.T) {
	r := roster.New(func(m *member) *int { return &m.place })
	for range 100_000 {
		r.Add(new(member))
	}
	for r.Len() > 10 {
		r.Remove(r.First())
	}
	if r.Len() != 10 || r.Cap() > 4096 {
		t.Errorf("%d members in a list for %d", r.Len(), r.Cap())
	}
}
