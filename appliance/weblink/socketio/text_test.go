package socketio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

func TestTextPacketOfEachForm(t *testing.T) {
	for text, want := range map[string]socketio.Packet{
		`0`:                      {Type: socketio.Connect, Namespace: "/"},
		`0{}`:                    {Type: socketio.Connect, Namespace: "/", Data: []byte(`{}`)},
		`0{"token":"123"}`:       {Type: socketio.Connect, Namespace: "/", Data: []byte(`{"token":"123"}`)},
		`0/`:                     {Type: socketio.Connect, Namespace: "/"},
		`0/,{}`:                  {Type: socketio.Connect, Namespace: "/", Data: []byte(`{}`)},
		`0/custom`:               {Type: socketio.Connect, Namespace: "/custom"},
		`0/custom,`:              {Type: socketio.Connect, Namespace: "/custom"},
		`0/custom,{"a":[1]}`:     {Type: socketio.Connect, Namespace: "/custom", Data: []byte(`{"a":[1]}`)},
		`0/custom?a=b&c=%2C,{}`:  {Type: socketio.Connect, Namespace: "/custom", Query: "a=b&c=%2C", Data: []byte(`{}`)},
		`0/?a=b,`:                {Type: socketio.Connect, Namespace: "/", Query: "a=b"},
		`0/你好,`:                  {Type: socketio.Connect, Namespace: "/你好"},
		`1`:                      {Type: socketio.Disconnect, Namespace: "/"},
		`1/custom`:               {Type: socketio.Disconnect, Namespace: "/custom"},
		`1/custom,`:              {Type: socketio.Disconnect, Namespace: "/custom"},
		`2["a"]`:                 {Type: socketio.Event, Namespace: "/", Data: []byte(`["a"]`)},
		`2[1,2]`:                 {Type: socketio.Event, Namespace: "/", Data: []byte(`[1,2]`)},
		`2["a"] `:                {Type: socketio.Event, Namespace: "/", Data: []byte(`["a"]`)},
		`212["foo",{"a":"你"}]`:   {Type: socketio.Event, Namespace: "/", HasID: true, ID: 12, Data: []byte(`["foo",{"a":"你"}]`)},
		`2/admin,0["foo"]`:       {Type: socketio.Event, Namespace: "/admin", HasID: true, Data: []byte(`["foo"]`)},
		`29007199254740991["a"]`: {Type: socketio.Event, Namespace: "/", HasID: true, ID: socketio.MaxID, Data: []byte(`["a"]`)},
		`3/admin,13["bar"]`:      {Type: socketio.Ack, Namespace: "/admin", HasID: true, ID: 13, Data: []byte(`["bar"]`)},
		`30[]`:                   {Type: socketio.Ack, Namespace: "/", HasID: true, Data: []byte(`[]`)},
		`50-["a"]`:               {Type: socketio.BinaryEvent, Namespace: "/", Data: []byte(`["a"]`)},
		`60-/x,7[1]`:             {Type: socketio.BinaryAck, Namespace: "/x", HasID: true, ID: 7, Data: []byte(`[1]`)},
		// Without attachments, what looks like a placeholder is data.
		`2["a",{"_placeholder":true,"num":7}]`: {Type: socketio.Event, Namespace: "/", Data: []byte(`["a",{"_placeholder":true,"num":7}]`)},
	} {
		got, ok, err := decode(text)
		if err != nil || !ok || !equal(got, want) {
			t.Errorf("%s: %+v, %v, %v; want %+v", text, got, ok, err, want)
		}
	}
}

func TestMalformedTextPacketIsRefused(t *testing.T) {
	for text, want := range map[string]error{
		``:                                       socketio.ErrEmptyPacket,
		`abc`:                                    socketio.ErrUnknownType,
		`7["a"]`:                                 socketio.ErrUnknownType,
		`/`:                                      socketio.ErrUnknownType,
		`4{"message":"no"}`:                      socketio.ErrServerOnly,
		"2[\"\xff\"]":                            socketio.ErrInvalidUTF8,
		"0/\xff":                                 socketio.ErrInvalidUTF8,
		"0/a\x1eb":                               socketio.ErrBadNamespace,
		"0/a\x7f,{}":                             socketio.ErrBadNamespace,
		`01{}`:                                   socketio.ErrBadID,
		`11`:                                     socketio.ErrBadID,
		`3["a"]`:                                 socketio.ErrBadID,
		`60-["a"]`:                               socketio.ErrBadID,
		`29007199254740992["a"]`:                 socketio.ErrBadID,
		`200000000000000001["a"]`:                socketio.ErrBadID,
		`299999999999999999999999999["a"]`:       socketio.ErrBadID,
		`0[]`:                                    socketio.ErrBadPayload,
		`0null`:                                  socketio.ErrBadPayload,
		`0"token"`:                               socketio.ErrBadPayload,
		`0 {}`:                                   socketio.ErrBadPayload,
		`1{}`:                                    socketio.ErrBadPayload,
		`1/x,[]`:                                 socketio.ErrBadPayload,
		`2`:                                      socketio.ErrBadPayload,
		`212`:                                    socketio.ErrBadPayload,
		`2/custom["a"]`:                          socketio.ErrBadPayload, // no comma: all of it is the namespace
		`2{}`:                                    socketio.ErrBadPayload,
		`2"a"`:                                   socketio.ErrBadPayload,
		`2abc["a"]`:                              socketio.ErrBadPayload,
		`2-1["a"]`:                               socketio.ErrBadPayload,
		`31{}`:                                   socketio.ErrBadPayload,
		`31`:                                     socketio.ErrBadPayload,
		`2[]`:                                    socketio.ErrBadEventName,
		`2[ ]`:                                   socketio.ErrBadEventName,
		`2[null]`:                                socketio.ErrBadEventName,
		`2[["a"]]`:                               socketio.ErrBadEventName,
		`2[{"a":1}]`:                             socketio.ErrBadEventName,
		`2["connect"]`:                           socketio.ErrBadEventName,
		`2["connect_error"]`:                     socketio.ErrBadEventName,
		`2["disconnect"]`:                        socketio.ErrBadEventName,
		`2["disconnecting"]`:                     socketio.ErrBadEventName,
		`2["newListener"]`:                       socketio.ErrBadEventName,
		`2["removeListener",1]`:                  socketio.ErrBadEventName,
		`2["\u0063onnect"]`:                      socketio.ErrBadEventName,
		`2["a"`:                                  socketio.ErrBadJSON,
		`2["a",]`:                                socketio.ErrBadJSON,
		`2["a"]]`:                                socketio.ErrBadJSON,
		`2["a"]["b"]`:                            socketio.ErrBadJSON,
		`2["a`:                                   socketio.ErrBadJSON,
		`2[-]`:                                   socketio.ErrBadJSON,
		`0{"a":1,}`:                              socketio.ErrBadJSON,
		`0{"a"}`:                                 socketio.ErrBadJSON,
		`0{a:1}`:                                 socketio.ErrBadJSON,
		`5["a"]`:                                 socketio.ErrBadAttachments,
		`5-["a"]`:                                socketio.ErrBadAttachments,
		`51`:                                     socketio.ErrBadAttachments,
		`5-1-["a"]`:                              socketio.ErrBadAttachments,
		`51.5-["a"]`:                             socketio.ErrBadAttachments,
		`5x-["a"]`:                               socketio.ErrBadAttachments,
		`511-["a"]`:                              socketio.ErrTooManyAttachments,
		`5999999999999999-[]`:                    socketio.ErrTooManyAttachments,
		`51-["a"]`:                               socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":1}]`: socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":-1}]`:                                socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":0.5}]`:                               socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":"0"}]`:                               socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true}]`:                                         socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":1,"num":0}]`:                                    socketio.ErrBadPlaceholder,
		`51-["a",{"num":0}]`:                                                     socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":64}]`:                                socketio.ErrBadPlaceholder,
		`52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]`:   socketio.ErrBadPlaceholder,
		`52-["a",{"_placeholder":true,"num":0}]`:                                 socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`:   socketio.ErrBadPlaceholder,
		`51-["a",{"\u005fplaceholder":true,"num":3}]`:                            socketio.ErrBadPlaceholder,
		`51-["a",{"_placeholder":true,"num":0,"num":3}]`:                         socketio.ErrBadPlaceholder, // the last member counts
		`51-0["a",{"_placeholder":true,"num":99999999999999999999999999999999}]`: socketio.ErrBadPlaceholder,
	} {
		got, ok, err := decode(text)
		if !errors.Is(err, want) || ok || !equal(got, socketio.Packet{}) {
			t.Errorf("%q: %+v, %v, %v; want %v", text, got, ok, err, want)
		}
	}
}

func TestLimitsHoldToTheByteAndLevel(t *testing.T) {
	l := socketio.Limits{MaxBytes: 24, MaxAttachments: 2, MaxNamespace: 5, MaxDepth: 3}
	for text, want := range map[string]error{
		`2["` + strings.Repeat("a", 19) + `"]`: nil,
		`2["` + strings.Repeat("a", 20) + `"]`: socketio.ErrTooLarge,
		`0/1234`:                               nil,
		`0/1234,{}`:                            nil,
		`0/12?4,{}`:                            nil,
		`0/12345`:                              socketio.ErrBadNamespace,
		`0/12345,{}`:                           socketio.ErrBadNamespace,
		`0/12?45,{}`:                           socketio.ErrBadNamespace,
		`2["a",[[1],[2]]]`:                     nil,
		`2["a",[],[[]],{}]`:                    nil,
		`2["a",[[[]]]]`:                        socketio.ErrTooDeep,
		`2["a",{"b":[{}]}]`:                    socketio.ErrTooDeep,
		`0{"a":{"b":{}}}`:                      nil,
		`0{"a":{"b":{"c":{}}}}`:                socketio.ErrTooDeep,
		`30[[[[`:                               socketio.ErrTooDeep,
		`53-["a"]`:                             socketio.ErrTooManyAttachments,
	} {
		if _, _, err := new(socketio.Decoder).Decode(l, []byte(text), false); !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", text, err, want)
		}
	}
	deep := strings.Repeat("[", 500_000)
	if _, _, err := decode(`2["a",` + deep); !errors.Is(err, socketio.ErrTooDeep) {
		t.Errorf("half a million brackets: %v", err)
	}
	if _, _, err := decode(`2["a",` + strings.Repeat("[", 63) + strings.Repeat("]", 64)); err != nil {
		t.Errorf("as deep as the default allows: %v", err)
	}
}

// jsonCases are values right and wrong, the judge of which is encoding/json.
var jsonCases = []string{
	`0`, `-0`, `01`, `1.`, `.5`, `1.5e3`, `1e`, `1E+05`, `1e-`, `--1`, `+1`, `1x`, `0x1`, `NaN`, `Infinity`,
	`true`, `tru`, `truex`, `false`, `null`, `nul`, `True`,
	`""`, `"`, `"\"`, `"\\"`, `"\x"`, `"\u12"`, `"\u12G4"`, `"\uD800"`, `"\u00e9\n\t\/"`, "\"\n\"", "\"\x00\"", "\"\x1f\"", "\"\x7f\"", `"你👋"`,
	`[]`, `[ ]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2`, `[[],[[]]]`, `]`,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{"a":1 "b":2}`, `{"a"1}`, `{"a":}`, `{1:2}`, `{"a":1,"a":2}`, `{"a":{"b":[{}]}}`, `{`, `}`,
	" \t\r\n1", "1 \t\r\n", "\f1", "1\v", "1\u00a0", ``, `//`, `/**/1`, `'a'`, `undefined`,
}

func TestJSONIsJudgedAsTheStandardLibraryDoes(t *testing.T) {
	for _, value := range jsonCases {
		for _, text := range []string{`["a",` + value + `]`, `["a",{"k":` + value + `}]`} {
			if _, _, err := decode("2" + text); (err == nil) != json.Valid([]byte(text)) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

func TestEventIsTakenApartOnce(t *testing.T) {
	for text, want := range map[string]struct{ name, args string }{
		`2["a"]`:                     {"a", `[]`},
		`2[ "a" ]`:                   {"a", `[]`},
		`2["a",1]`:                   {"a", `[1]`},
		`2["a" , 1 , [2]] `:          {"a", `[ 1 , [2]]`},
		`2["",{}]`:                   {"", `[{}]`},
		`2["\u4f60\"\n",null]`:       {"你\"\n", `[null]`},
		`2["\ud83d\udc4b"]`:          {"👋", `[]`},
		`2[1]`:                       {"1", `[]`},
		`2[-1.5e3,"x"]`:              {"-1.5e3", `["x"]`},
		`2/custom,7["read",{"a":1}]`: {"read", `[{"a":1}]`},
		`50-["]",","]`:               {"]", `[","]`},
	} {
		p, _, err := decode(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		name, args, err := p.Event()
		if err != nil || name != want.name || string(args) != want.args || !json.Valid(args) {
			t.Errorf("%s: %q, %s, %v; want %q, %s", text, name, args, err, want.name, want.args)
		}
		if _, _, err := p.Event(); !errors.Is(err, socketio.ErrBadPayload) {
			t.Errorf("%s, taken apart twice: %v", text, err)
		}
	}
	for _, p := range []socketio.Packet{
		{}, {Type: socketio.Event}, {Type: socketio.Ack, Data: []byte(`["a"]`)},
		{Type: socketio.Event, Data: []byte(`["a"x]`)}, {Type: socketio.Event, Data: []byte(`["a]`)}, {Type: socketio.Event, Data: []byte(`[[]`)},
	} {
		if _, _, err := p.Event(); err == nil {
			t.Errorf("%+v passed for an event", p)
		}
	}
}

func TestAppendToDecodedDataLeavesItsNeighbourAlone(t *testing.T) {
	buf := []byte(`2["a",1]next`)
	p, _, err := new(socketio.Decoder).Decode(limits, buf[:len(buf)-4], false)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(p.Data, "overwritten"...)
	_, args, err := p.Event()
	if err != nil {
		t.Fatal(err)
	}
	_ = append(args, "overwritten"...)
	if !bytes.HasSuffix(buf, []byte("next")) {
		t.Errorf("the neighbour became %s", buf)
	}
}
