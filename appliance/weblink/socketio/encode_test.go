package socketio_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

func TestEncodersWriteTheExamplesOfTheProtocol(t *testing.T) {
	zero := socketio.AppendPlaceholder(nil, 0)
	for want, got := range map[string][]byte{
		`0{"sid":"oSO0"}`:                 socketio.AppendConnect(nil, "/", []byte(`{"sid":"oSO0"}`)),
		`0/admin,{"sid":"oSO0"}`:          socketio.AppendConnect(nil, "/admin", []byte(`{"sid":"oSO0"}`)),
		`4{"message":"Not authorized"}`:   socketio.AppendConnectError(nil, "/", []byte(`{"message":"Not authorized"}`)),
		`1`:                               socketio.AppendDisconnect(nil, "/"),
		`1/admin,`:                        socketio.AppendDisconnect(nil, "/admin"),
		`2["foo"]`:                        socketio.AppendEvent(nil, "/", socketio.NoID, "foo"),
		`2/admin,["bar",1,{}]`:            socketio.AppendEvent(nil, "/admin", socketio.NoID, "bar", []byte("1"), []byte("{}")),
		`212["foo"]`:                      socketio.AppendEvent(nil, "/", 12, "foo"),
		`20["foo"]`:                       socketio.AppendEvent(nil, "/", 0, "foo"),
		`3/admin,13["bar"]`:               socketio.AppendAck(nil, "/admin", 13, []byte(`["bar"]`)),
		`312[]`:                           socketio.AppendAck(nil, "/", 12, nil),
		`51-["baz",` + string(zero) + `]`: socketio.AppendBinaryEvent(nil, "/", socketio.NoID, 1, "baz", zero),
		`61-15["bar",{"_placeholder":true,"num":0}]`: socketio.AppendBinaryAck(nil, "/", 15, 1, []byte(`["bar",`+string(zero)+`]`)),
		"before2[\"a\"]": socketio.AppendEvent([]byte("before"), "/", socketio.NoID, "a"),
	} {
		if string(got) != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

func TestStringsAreEscapedAsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		var back string
		if err := json.Unmarshal(socketio.AppendString(nil, s), &back); err != nil || back != s {
			t.Fatalf("%q became %q, %v", s, back, err)
		}
	})
	// The separator of Engine.IO payloads never stands in a packet as it is.
	for in, want := range map[string]string{"\x1e\x00\n\x7f": `"\u001e\u0000\u000a\u007f"`, "\xffa": "\"\ufffda\"", `"\/`: `"\"\\/"`, "你\u2028": "\"你\u2028\""} {
		if got := string(socketio.AppendString(nil, in)); got != want {
			t.Errorf("%q: %s; want %s", in, got, want)
		}
	}
}

// What a server encodes, a decoder of its clients' packets reads alike.
func TestEventRoundTrip(t *testing.T) {
	values := rapid.SampledFrom([]string{`1`, `"a\"]"`, `{"a":[null,{}]}`, `[]`, `{"_placeholder":true,"num":3}`})
	rapid.Check(t, func(t *rapid.T) {
		namespace := rapid.SampledFrom([]string{"/", "/custom", "/a/b", "/你"}).Draw(t, "namespace")
		name := rapid.String().Draw(t, "name")
		number := rapid.OneOf(rapid.Uint64Range(0, socketio.MaxID), rapid.Just(socketio.NoID)).Draw(t, "id")
		var args [][]byte
		want := "["
		for i, v := range rapid.SliceOf(values).Draw(t, "args") {
			if args = append(args, []byte(v)); i > 0 {
				want += ","
			}
			want += v
		}
		p, ok, err := decode(string(socketio.AppendEvent(nil, namespace, number, name, args...)))
		if err != nil || !ok || p.Namespace != namespace || id(p) != number {
			t.Fatalf("%+v, %v, %v", p, ok, err)
		}
		gotName, gotArgs, err := p.Event()
		if err != nil || gotName != name || string(gotArgs) != want+"]" {
			t.Fatalf("%q, %s, %v", gotName, gotArgs, err)
		}
	})
}
