package room

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/session"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestTargets(t *testing.T) {
	for _, c := range []struct {
		text  string
		meant [][]string
		not   [][]string
	}{
		{`{"tag":"a"}`, [][]string{{"a"}, {"b", "a"}}, [][]string{nil, {"b"}, {"aa"}, {"A"}}},
		{`{"tag":"a"} and {"tag":"b"}`, [][]string{{"a", "b"}}, [][]string{{"a"}, {"b"}}},
		{`{"tag":"a"} or {"tag":"b"}`, [][]string{{"a"}, {"b"}, {"b", "a"}}, [][]string{{"c"}}},
		{`{"tag":"a"} or {"tag":"b"} and {"tag":"c"}`, [][]string{{"a"}, {"b", "c"}}, [][]string{{"b"}, {"c"}}},
		{`({"tag":"a"} or {"tag":"b"})AND{"tag":"c"}`, [][]string{{"a", "c"}, {"b", "c"}}, [][]string{{"a"}, {"a", "b"}}},
		{`{"tag":"a.*","matchType":"regex"}`, [][]string{{"a"}, {"x", "abc"}}, [][]string{nil, {"ba"}}},
		{`{"tag":"a|bc","matchType":"regex"}`, [][]string{{"a"}, {"bc"}}, [][]string{{"ac"}, {"b"}}},
		{`{"tag":"a.*"}`, [][]string{{"a.*"}}, [][]string{{"ab"}}},
		{`{"tag":"红 and } (\""}`, [][]string{{`红 and } ("`}}, nil},
		{` ( ( {"tag":"a"} ) ) `, [][]string{{"a"}}, nil},
		{"", [][]string{nil, {"a"}}, nil},
	} {
		to, err := ParseTarget(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if to.String() != c.text {
			t.Errorf("%s is shown as %s", c.text, to)
		}
		for _, tags := range c.meant {
			if !to.Matches(tags) {
				t.Errorf("%s does not mean %q", c.text, tags)
			}
		}
		for _, tags := range c.not {
			if to.Matches(tags) {
				t.Errorf("%s means %q", c.text, tags)
			}
		}
	}
}

func TestWhatIsNoTarget(t *testing.T) {
	for _, text := range []string{
		" ", "a", `"a"`, `{}`, `{"tag":""}`, `{"tag":1}`, `{"tag":"a"`, `{"tag":"a"} {"tag":"b"}`, `{"tag":"a"} xor {"tag":"b"}`,
		`{"tag":"a"} and`, `and {"tag":"a"}`, `({"tag":"a"}`, `{"tag":"a"})`, `()`, `not {"tag":"a"}`, `{"tag":"a","of":1}`,
		`{"tag":"a","matchType":"glob"}`, `{"tag":"a(","matchType":"regex"}`, `{"tag":"a)(b","matchType":"regex"}`,
		`{"tag":"(a{10}){100}","matchType":"regex"}`, `{"tag":"a{1001}","matchType":"regex"}`,
		`{"tag":"` + strings.Repeat("a", MaxTarget) + `"}`, strings.Repeat("(", MaxTarget), strings.Repeat("红", MaxTarget+1),
	} {
		if to, err := ParseTarget(text); !errors.Is(err, ErrTags) {
			t.Errorf("%s is %v, %v", text, to, err)
		}
	}
}

func TestAllOf(t *testing.T) {
	tags := []string{"a", `"quoted" and `, "红"}
	to := AllOf(tags)
	if !to.Matches(tags) || to.Matches(tags[:2]) || AllOf(nil) != nil {
		t.Errorf("%s", to)
	}
	again, err := ParseTarget(to.String())
	if err != nil || !again.Matches(tags) || again.Matches(tags[1:]) {
		t.Errorf("%s, read again: %v, %v", to, again, err)
	}
}

func TestTagsThatCannotBe(t *testing.T) {
	if err := CheckTags([]string{"a", strings.Repeat("红", MaxTag)}); err != nil {
		t.Error(err)
	}
	for _, tags := range [][]string{{""}, {"a", "a"}, {strings.Repeat("a", MaxTag+1)}, {"\xff"}, slices.Repeat([]string{"a"}, MaxTags+1)} {
		if err := CheckTags(tags); !errors.Is(err, ErrTags) {
			t.Errorf("%q: %v", tags, err)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add(`{"tag":"a"} and ({"tag":"b.*","matchType":"regex"} or {"tag":"c"})`, "a\nb")
	f.Add(`(((`, "")
	f.Fuzz(func(t *testing.T, text, tags string) {
		to, err := ParseTarget(text)
		if err != nil {
			if !errors.Is(err, ErrTags) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseTarget(to.String())
		if err != nil {
			t.Fatal(err)
		}
		if list := strings.Split(tags, "\n"); to.Matches(list) != again.Matches(list) {
			t.Fatalf("%s means %q once", text, list)
		}
	})
}

// enterTagged lets d into a room with tags.
func (d *device) enterTagged(t testing.TB, rs *Rooms, name string, tags ...string) {
	t.Helper()
	g := new(Guest)
	g.SetTags(tags, nil)
	if _, _, err := rs.EnterAs(&d.Member, d, d.tenant, name, 16, g); err != nil {
		t.Fatal(err)
	}
}

// TestMessagesReachTheirTargets: a message goes to those that it means, whatever
// room they have a part of, and to nobody else; those for everybody keep their
// order with the others.
func TestMessagesReachTheirTargets(t *testing.T) {
	rs := New(Options{Lanes: 2})
	const n = 2*wholeRoom + 10 // more than one part
	members := make([]*device, n)
	for i := range members {
		members[i] = new(device)
		members[i].enterTagged(t, rs, "lobby", [][]string{nil, {"red"}, {"blue"}, {"red", "blue"}}[i%4]...)
	}
	nobody := new(device)
	nobody.enter(t, rs, "lobby", n+1)
	say := func(body, target string) {
		to, err := ParseTarget(target)
		if err == nil {
			err = rs.Publish(0, "lobby", Normal, to, func(id uint64, ms int64) *session.Event {
				return session.NewEvent(wire.PushRoomMessage, &wire.RoomMessagePush{Id: id, Body: body})
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	say("all", "")
	say("red", `{"tag":"red"}`)
	say("r", `{"tag":"r.*","matchType":"regex"}`)
	say("b", `{"tag":"b.*","matchType":"regex"}`) // not what was known of the one before
	say("both", `{"tag":"red"} and {"tag":"blue"}`)
	say("end", "")
	rs.Close()
	want := []string{"all end", "all red r end", "all b end", "all red r b both end"}
	for i, d := range append(members, nobody) {
		if i == n {
			i = 0
		}
		d.wantBodies(t, strings.Fields(want[i%4])...)
	}
}

// TestTargetsOfManyTagsAreReadAgain, though nobody may write one of that length.
func TestTargetsOfManyTagsAreReadAgain(t *testing.T) {
	var tags []string
	for i := range MaxTags {
		tags = append(tags, strings.Repeat("\u597d", MaxTag-1)+string(rune('a'+i)))
	}
	if err := CheckTags(tags); err != nil {
		t.Fatal(err)
	}
	written := AllOf(tags).String()
	if _, err := ParseTarget(written); !errors.Is(err, ErrTags) {
		t.Errorf("an expression of %d bytes: %v", len(written), err)
	}
	to, err := ReadTarget(written)
	if err != nil || to.String() != written || !to.Matches(tags) || to.Matches(tags[1:]) {
		t.Errorf("read %v: %v", to, err)
	}
}
