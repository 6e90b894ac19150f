package raftstore

import (
	"errors"
	"testing"
)

func TestIdentityMatches(t *testing.T) {
	me := identity{Version: 1, Node: "n1", Cluster: "c1"}
	for _, c := range []struct {
		other identity
		want  error
	}{
		{me, nil},
		{identity{Node: "n1"}, nil}, // written before the cluster was known
		{identity{Node: "n2", Cluster: "c1"}, ErrForeignState},
		{identity{Node: "n1", Cluster: "c2"}, ErrForeignState},
	} {
		if err := me.match("part", c.other); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c.other, err)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add(identity{Version: 1, Node: "n1", Cluster: "c1", Phase: phaseReady}.encode())
	f.Add([]byte(`{"version":2,"node":"n1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := decodeIdentity(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Error(err)
			}
			return
		}
		again, err := decodeIdentity(id.encode())
		if err != nil || again != id {
			t.Errorf("%+v became %+v, %v", id, again, err)
		}
	})
}
