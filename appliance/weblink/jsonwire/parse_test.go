package jsonwire

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// checkParse compares what the plan of cmd makes of value, if it takes it, with
// what protojson does.
func checkParse(t *testing.T, cmd wire.Command, value []byte) (taken bool) {
	t.Helper()
	before := string(value)
	out, ok := requestPlans[cmd].parse([]byte("kept"), value)
	if string(value) != before {
		t.Fatalf("parse has changed its input")
	}
	if !ok {
		if string(out) != "kept" {
			t.Fatalf("%v %s is left to protojson, but %q is returned", cmd, value, out)
		}
		return false
	}
	want := requests[cmd]()
	if err := decode.Unmarshal(value, want); err != nil {
		t.Fatalf("%v %s is taken: %v", cmd, value, err)
	}
	payload, found := strings.CutPrefix(string(out), "kept")
	got := requests[cmd]()
	if err := got.UnmarshalVT([]byte(payload)); err != nil || !found || !proto.Equal(got, want) {
		t.Fatalf("%v %s became %v, want %v; error %v", cmd, value, got, want, err)
	}
	return true
}

func TestUsualRequestsAreTaken(t *testing.T) {
	for cmd, values := range map[wire.Command][]string{
		wire.CmdLogin:         {`{"appKey":"a","account":"b","token":"c","deviceId":"d","platform":"PLATFORM_WEB","sdkVersion":"","heartbeatSeconds":30}`},
		wire.CmdSend:          {`{"to":"bob","clientId":"1","body":"a \"q\" \\ \n\u00e9 你好 😀"}`, `{ "to" : "bob" , "client_id":"1" , "type":100 , "scene":"SCENE_TEAM" }`, `{"ext":"` + strings.Repeat(`\"`, 300) + `"}`},
		wire.CmdRead:          {`{"peer":"bob","seq":"18446744073709551615"}`, `{"peer":"bob","seq":0}`, `{"seq":9999999999999999999}`},
		wire.CmdHistory:       {`{"peer":"bob","fromSeq":"1","toSeq":2,"limit":50,"reverse":true}`, `{"reverse": false }`},
		wire.CmdSync:          {`{}`, ` { } `, `{"version":"12"}`},
		wire.CmdProfiles:      {`{"accounts":[]}`, `{"accounts":["a","","c\t"]}`},
		wire.CmdUpdateProfile: {`{"name":"","gender":0}`},
	} {
		for _, value := range values {
			if !checkParse(t, cmd, []byte(value)) {
				t.Errorf("%v %s is left to protojson", cmd, value)
			}
		}
	}
}

func TestUnusualRequestsAreLeftToProtojson(t *testing.T) {
	for _, value := range []string{
		``, `{`, `{}}`, `{} x`, `[]`, `{"to":"a",}`, `{"to" "a"}`, `{"to":"a" "body":"b"}`, `{"t\u006f":"a"}`,
		`{"to":"a","to":"b"}`, `{"clientId":"a","client_id":"b"}`, `{"new":1}`, `{"to":null}`, `{"to":1}`,
		`{"to":"\ud83d\ude00"}`, `{"to":"\ud83d"}`, `{"to":"\x"}`, `{"to":"\u12"}`, `{"to":"\u00zz"}`, `{"to":"\`, `{"to":"a`,
		"{\"to\":\"\xff\"}", "{\"to\":\"\x01\"}", `{"type":01}`, `{"type":1.0}`, `{"type":1e2}`, `{"type":-1}`, `{"type":""}`,
		`{"type":"1}`, `{"type":4294967296}`, `{"type":"18446744073709551616"}`, `{"scene":"NONE"}`, `{"scene":1}`, `{"scene":"SCENE_\u0054EAM"}`,
	} {
		if checkParse(t, wire.CmdSend, []byte(value)) {
			t.Errorf("%s is taken", value)
		}
	}
	for _, value := range []string{`{"accounts":"a"}`, `{"accounts":["a",]}`, `{"accounts":["a"`, `{"accounts":[1]}`} {
		if checkParse(t, wire.CmdProfiles, []byte(value)) {
			t.Errorf("%s is taken", value)
		}
	}
	for _, value := range []string{`{"reverse":truex}`, `{"reverse":1}`, `{"reverse":"true"}`, `{"reverse":t`} {
		if checkParse(t, wire.CmdHistory, []byte(value)) {
			t.Errorf("%s is taken", value)
		}
	}
	if checkParse(t, wire.CmdKick, []byte(`{"sessionIds":[1]}`)) {
		t.Error("a list of numbers is taken")
	}
}

// FuzzParse compares parse with protojson on JSON of any kind.
func FuzzParse(f *testing.F) {
	f.Add(uint16(wire.CmdSend), []byte(`{"to":"bob","client_id":"1","body":"a \"q\" \\ \n\u00e9 你好","type":"100","scene":"SCENE_TEAM"}`))
	f.Add(uint16(wire.CmdLogin), []byte(`{ "platform" : "PLATFORM_WEB" , "heartbeatSeconds":30 }`))
	f.Add(uint16(wire.CmdProfiles), []byte(`{"accounts":["a","","c\t"]}`))
	f.Add(uint16(wire.CmdHistory), []byte(`{"reverse":true,"limit":"5"}`))
	f.Add(uint16(wire.CmdUpdateProfile), []byte(`{"name":"","gender":0}`))
	f.Fuzz(func(t *testing.T, number uint16, value []byte) {
		if cmd := wire.Command(number); requests[cmd] != nil {
			checkParse(t, cmd, value)
		}
	})
}

func TestEveryCommandHasAPlan(t *testing.T) {
	for cmd := range requests {
		if requestPlans[cmd] == nil {
			t.Errorf("%v has no plan", cmd)
		}
	}
	for cmd := range pushes {
		if pushPlans[cmd] == nil {
			t.Errorf("%v has no plan", cmd)
		}
	}
}
