package jsonwire

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// same compares JSON texts: protojson does not promise where it puts spaces.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	gotText, _ := json.Marshal(g)
	wantText, _ := json.Marshal(w)
	if string(gotText) != string(wantText) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		code wire.Code
		body wire.Body
		want string
	}{
		{wire.CodeOK, nil, `{"code":200,"body":{}}`},
		{wire.CodeOK, &wire.SendResponse{Seq: 1, Id: 1 << 60, TimeMs: 5}, `{"code":200,"body":{"seq":"1","id":"1152921504606846976","timeMs":"5"}}`},
		{wire.CodeRateLimited, &wire.ErrorBody{Note: "wait", RetryAfterMs: 9}, `{"code":416,"body":{"note":"wait","retryAfterMs":9}}`},
		{wire.CodeOK, &wire.SyncResponse{}, `{"code":200,"body":{}}`},
	} {
		out, err := AppendAnswer([]byte("["), test.code, test.body)
		if err != nil {
			t.Fatal(err)
		}
		same(t, append(out, ']'), "["+test.want+"]")
	}
}

func TestAMessageThatIsNotTextHasNoAnswer(t *testing.T) {
	out, err := AppendAnswer([]byte("kept"), wire.CodeOK, &wire.ErrorBody{Note: "\xff"})
	if err == nil || string(out) != "kept" {
		t.Errorf("%q, error %v", out, err)
	}
}

func TestPushes(t *testing.T) {
	for cmd, create := range pushes {
		m := create()
		fill(m.ProtoReflect())
		payload, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out, err := AppendPush(nil, cmd, payload)
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		again := create()
		if err := protojson.Unmarshal(out, again); err != nil || !proto.Equal(m, again) {
			t.Errorf("%v came as %s, error %v", cmd, out, err)
		}
	}
	if _, err := AppendPush(nil, wire.CmdSend, nil); err == nil {
		t.Error("a request is pushed")
	}
	if out, err := AppendPush([]byte("kept"), wire.PushClose, []byte{0xff}); err == nil || string(out) != "kept" {
		t.Errorf("a push that is no protobuf: %q, error %v", out, err)
	}
}
