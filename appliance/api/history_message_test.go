package api

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/state"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// TestMergedForwardsAreShown with what they hold, and without being asked for.
func TestMergedForwardsAreShown(t *testing.T) {
	if types, err := parseTypes(""); err != nil || !slices.Contains(types, state.TypeMerged) {
		t.Errorf("history shows %v: %v", types, err)
	}
	m := &wire.Message{From: "a", Id: 9, Type: state.TypeMerged, Body: "7", Merged: []*wire.MergedMessage{
		{Origin: &wire.Origin{From: "b", Id: 5, TimeMs: 3}, Body: "hi", Ext: "e"},
		{Origin: &wire.Origin{From: "c", Id: 6, TimeMs: 4}, Type: 100, Body: `{"x":1}`},
	}}
	shown, err := historyMessageOf(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(shown)
	const want = `{"from":"a","msgid":9,"msgidclient":"","sendtime":0,"type":101,"fromclienttype":0,"body":{"msg":"7"},"merged":[` +
		`{"from":"b","msgid":5,"sendtime":3,"type":0,"body":{"msg":"hi"},"ext":"e"},` +
		`{"from":"c","msgid":6,"sendtime":4,"type":100,"body":{"x":1}}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}
