package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	protos = "../../../../wire"
	output = "../../../../sdk/web/src/wire.gen.ts"
)

// TestTheWebSDKHasTheMessagesOfToday fails when a .proto file or the table of
// jsonwire was changed and the web SDK's module was not made anew.
func TestTheWebSDKHasTheMessagesOfToday(t *testing.T) {
	want, err := Generate(os.DirFS(protos))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(output)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("appliance/sdk/web/src/wire.gen.ts is not of today: run go generate ./appliance/weblink/jsonwire, then make web")
	}
}

func TestItWritesWhatTheSDKReads(t *testing.T) {
	source, err := Generate(os.DirFS(protos))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`  | "other_device"`,            // an enum's word without what all have in common
		"  fromPlatform: Platform;",     // its name in JSON
		"  sessionIds: string[];",       // ids are strings
		"  sessionIds: list(id),",       //
		"  seq: number;",                // seqs are numbers
		"  utcOffset: signed,",          // below 0 too
		"  name?: string;",              // optional
		"  event: optional(TeamEvent),", // and so are messages
		"  /** alias is at most 128 characters, ex at most 256. */", // the comments come along
		`export const createTeam = /* @__PURE__ */ request("create_team", CreateTeamRequest, CreateTeamResponse);`,
		`export const kick = /* @__PURE__ */ request("kick", KickRequest, Empty);`,
		`export const teamStatePush = /* @__PURE__ */ push("team_state", TeamStatePush);`,
	} {
		if !strings.Contains(string(source), line+"\n") && !strings.Contains(string(source), line+";\n") {
			t.Errorf("there is no line %q", line)
		}
	}
}

func TestComments(t *testing.T) {
	dir := fstest.MapFS{"a.proto": {Data: []byte(`// Of the file.
syntax = "proto3";

// A is
// one.
message A {
  // b ends */ nothing.
  string b = 1;
  uint32 c = 2; // behind
  string d = 3;
}
message Empty {}
// Stray.

enum E {
  // first
  E_X = 0;
}
`)}}
	got, err := readComments(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := comments{"A": "A is\none.", "A.b": "b ends * / nothing.", "A.c": "behind", "E.E_X": "first"}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s has %q, not %q", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %q", got)
	}
	if _, err := readComments(fstest.MapFS{}); err == nil {
		t.Error("no .proto files are no error")
	}
}
