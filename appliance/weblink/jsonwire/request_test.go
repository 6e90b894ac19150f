package jsonwire

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// request decodes value as cmd into m.
func request(t testing.TB, cmd wire.Command, value string, m message) {
	t.Helper()
	payload, err := AppendRequest(nil, cmd, []byte(value))
	if err != nil {
		t.Fatalf("%v %s: %v", cmd, value, err)
	}
	if err := m.UnmarshalVT(payload); err != nil {
		t.Fatalf("%v %s became %x: %v", cmd, value, payload, err)
	}
}

func TestRequestsAreReadAsProtoJSON(t *testing.T) {
	for _, test := range []struct {
		name, value string
		cmd         wire.Command
		want        message
	}{
		{"lowerCamelCase", `{"to":"bob","clientId":"c1","type":100,"body":"{}"}`, wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "c1", Type: 100, Body: "{}"}},
		{"names of the .proto", `{"to":"bob","client_id":"c1"}`, wire.CmdSend, &wire.SendRequest{To: "bob", ClientId: "c1"}},
		{"64 bits as a string", `{"peer":"bob","seq":"18446744073709551615"}`, wire.CmdRead, &wire.ReadRequest{Peer: "bob", Seq: 1<<64 - 1}},
		{"64 bits as a number", `{"seq":7}`, wire.CmdRead, &wire.ReadRequest{Seq: 7}},
		{"an enum by name", `{"platform":"PLATFORM_WEB"}`, wire.CmdLogin, &wire.LoginRequest{Platform: wire.Platform_PLATFORM_WEB}},
		{"an enum by number", `{"platform":16}`, wire.CmdLogin, &wire.LoginRequest{Platform: wire.Platform_PLATFORM_WEB}},
		{"an enum's unknown name", `{"platform":"PLATFORM_TOASTER"}`, wire.CmdLogin, &wire.LoginRequest{}},
		{"unknown fields", `{"peer":"bob","new":{"a":[1,{"b":null}]}}`, wire.CmdRead, &wire.ReadRequest{Peer: "bob"}},
		{"null fields", `{"peer":null}`, wire.CmdRead, &wire.ReadRequest{}},
		{"lists", `{"sessionIds":["1",2]}`, wire.CmdKick, &wire.KickRequest{SessionIds: []uint64{1, 2}}},
		{"present defaults", `{"name":""}`, wire.CmdUpdateProfile, &wire.UpdateProfileRequest{Name: proto.String("")}},
		{"every script", `{"body":"你好 \ud83d\ude00 \u0001"}`, wire.CmdSend, &wire.SendRequest{Body: "你好 😀 \x01"}},
		{"an empty object", ` {} `, wire.CmdSync, &wire.SyncRequest{}},
		{"null", "null", wire.CmdSync, &wire.SyncRequest{}},
		{"nothing", "", wire.CmdLogout, &wire.LogoutRequest{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := requests[test.cmd]()
			request(t, test.cmd, test.value, got)
			if !proto.Equal(got, test.want) {
				t.Errorf("%s became %v, want %v", test.value, got, test.want)
			}
		})
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"x":`, maxDepth+2) + "1" + strings.Repeat("}", maxDepth+2)
	for name, value := range map[string]string{
		"an array":           `[]`,
		"a string":           `"to"`,
		"a number":           `1`,
		"true":               `true`,
		"two objects":        `{},{}`,
		"an open object":     `{"to":"bob"`,
		"a wrong type":       `{"to":1}`,
		"too large a number": `{"type":4294967296}`,
		"a negative number":  `{"type":-1}`,
		"a field twice":      `{"clientId":"a","client_id":"b"}`,
		"no UTF-8":           "{\"to\":\"\xff\"}",
		"half a surrogate":   `{"to":"\ud83d"}`,
		"too deep":           deep,
		"too deep arrays":    `{"x":` + strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2) + "}",
		"a comment":          `{/**/}`,
	} {
		t.Run(name, func(t *testing.T) {
			out, err := AppendRequest([]byte("kept"), wire.CmdSend, []byte(value))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Message != "SendRequest" || string(out) != "kept" {
				t.Errorf("%.40s: %q, error %v", value, out, err)
			}
		})
	}
}

func TestErrorsSayWhereButRepeatNothing(t *testing.T) {
	for value, want := range map[string]string{
		`{"token":{"s3cret":1}}`:           "not the JSON form of LoginRequest: invalid value for string field token at 1:10",
		`{"token":"s3cret" s3cret}`:        "malformed at 1:19",
		`{"token":"s3cret"} s3cret`:        "malformed at 1:20",
		`"s3cret"`:                         "unexpected token at 1:1",
		`{"token":"s3cret","token":"x"}`:   "duplicate field at 1:19",
		`{"token":"s3cret \u12"}`:          "malformed at",
		`{"heartbeatSeconds":"s3cret"}`:    "invalid value for uint32 field heartbeatSeconds at 1:21",
		`{"token":"s3cret` + "\x00" + `"}`: "malformed",
	} {
		_, err := AppendRequest(nil, wire.CmdLogin, []byte(value))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: error %q, want %q", value, err, want)
		}
	}
}

func TestLimitsOfARequest(t *testing.T) {
	body := strings.Repeat("x", MaxRequest-len(`{"body":""}`))
	request(t, wire.CmdSend, `{"body":"`+body+`"}`, new(wire.SendRequest))
	if _, err := AppendRequest(nil, wire.CmdSend, []byte(`{"body":"x`+body+`"}`)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more than the limit: %v", err)
	}
	for _, cmd := range []wire.Command{0, wire.PushMessage, 9999} {
		if _, err := AppendRequest(nil, cmd, []byte("{}")); !errors.Is(err, ErrCommand) {
			t.Errorf("%v as a request: %v", cmd, err)
		}
	}
}

func TestArgument(t *testing.T) {
	for array, want := range map[string]string{
		`[]`:                "",
		` [ {"a":1} ] `:     ` {"a":1} `,
		`[{"a":1},{"b":1}]`: `{"a":1},{"b":1}`,
		`[null]`:            "null",
		`[[]]`:              "[]",
		`{}`:                "{}",
		`[`:                 "[",
		``:                  "",
	} {
		if got := string(Argument([]byte(array))); got != want {
			t.Errorf("the argument of %q is %q, want %q", array, got, want)
		}
	}
}
