package socketio_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/socketio"
)

// Whatever is accepted is JSON to the standard library too, and encodes to a
// packet that reads the same.
func FuzzDecodeText(f *testing.F) {
	for _, seed := range []string{
		`0/custom?a=b,{"token":"abc"}`, `1/custom,`, `2/x,12["foo",{"a":[true,null,-1.5e3,"\u00e9\n"]}]`, `3/admin,13["bar"]`,
		`52-789["m",{"_placeholder":true,"num":1},{"num":0,"_placeholder":true}]`, `60-1[]`, `2[1,"x"]`, `2["connect"]`, `4{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d socketio.Decoder
		p, ok, err := d.Decode(limits, bytes.Clone(text), false)
		if err != nil && (ok || d.Waiting()) {
			t.Fatalf("%q: an error, and yet a packet or part of one", text)
		}
		if err != nil || !ok {
			return
		}
		if p.Data != nil && !json.Valid(p.Data) {
			t.Fatalf("%q: accepted %q", text, p.Data)
		}
		again := reencode(t, p)
		q, ok, err := decode(string(again))
		if err != nil || !ok {
			t.Fatalf("%q was accepted but encodes as %q: %v", text, again, err)
		}
		p.Query = "" // servers send none
		if p.Type == socketio.Event || p.Type == socketio.BinaryEvent {
			return // reencode compares the names and arguments
		}
		if !equal(p, q) {
			t.Fatalf("%q: %+v, then %+v", text, p, q)
		}
	})
}

// reencode encodes a complete packet without attachments.
func reencode(t *testing.T, p socketio.Packet) []byte {
	switch p.Type {
	case socketio.Connect:
		return socketio.AppendConnect(nil, p.Namespace, p.Data)
	case socketio.Disconnect:
		return socketio.AppendDisconnect(nil, p.Namespace)
	case socketio.Ack:
		return socketio.AppendAck(nil, p.Namespace, id(p), p.Data)
	case socketio.BinaryAck:
		return socketio.AppendBinaryAck(nil, p.Namespace, id(p), 0, p.Data)
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(p.Data, &elements); err != nil {
		t.Fatal(err)
	}
	p.Data = bytes.Clone(p.Data)
	name, args, err := p.Event()
	if err != nil || !json.Valid(args) {
		t.Fatalf("%q: %v", args, err)
	}
	var rest []json.RawMessage
	if err := json.Unmarshal(args, &rest); err != nil || len(rest) != len(elements)-1 {
		t.Fatalf("%q of %q: %v", args, elements, err)
	}
	values := make([][]byte, len(rest))
	for i := range rest {
		if !bytes.Equal(rest[i], elements[i+1]) {
			t.Fatalf("argument %d: %q became %q", i, elements[i+1], rest[i])
		}
		values[i] = rest[i]
	}
	if p.Type == socketio.BinaryEvent {
		return socketio.AppendBinaryEvent(nil, p.Namespace, id(p), 0, name, values...)
	}
	return socketio.AppendEvent(nil, p.Namespace, id(p), name, values...)
}
