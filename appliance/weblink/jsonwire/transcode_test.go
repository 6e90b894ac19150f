package jsonwire

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// everyMessage calls f with each message of wire.
func everyMessage(f func(d protoreflect.MessageDescriptor)) {
	for _, message := range wire.Messages() {
		f(message)
	}
}

// check compares what the plan of d makes of payload, if it takes it, with what
// protojson does.
func check(t *testing.T, d protoreflect.MessageDescriptor, payload []byte) (taken bool) {
	t.Helper()
	out, ok := plans[d.FullName()].append([]byte("kept"), payload)
	if !ok {
		return false
	}
	want := dynamicpb.NewMessage(d)
	if err := proto.Unmarshal(payload, want); err != nil {
		t.Fatalf("%s: the plan takes %x: %v", d.Name(), payload, err)
	}
	got := dynamicpb.NewMessage(d)
	text, found := strings.CutPrefix(string(out), "kept")
	if err := protojson.Unmarshal([]byte(text), got); err != nil || !found {
		t.Fatalf("%s: %x became %s: %v", d.Name(), payload, out, err)
	}
	if !proto.Equal(got, want) {
		t.Fatalf("%s: %x became %s, want %v", d.Name(), payload, out, want)
	}
	return true
}

func TestPlansTakeWhatOurEncodersMake(t *testing.T) {
	everyMessage(func(d protoreflect.MessageDescriptor) {
		m := dynamicpb.NewMessage(d)
		if !check(t, d, nil) {
			t.Errorf("%s: the empty message is left to protojson", d.Name())
		}
		fill(m)
		payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if taken := check(t, d, payload); taken == hasPackedNumbers(d, map[protoreflect.FullName]bool{}) {
			t.Errorf("%s is taken: %v", d.Name(), taken)
		}
	})
}

// hasPackedNumbers reports whether d, or a message in it, has a list of numbers:
// plans do not know those, which are few and rarely sent.
func hasPackedNumbers(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if f.IsPacked() || f.Message() != nil && hasPackedNumbers(f.Message(), seen) {
			return true
		}
	}
	return false
}

func TestPlansKeepListsInOrder(t *testing.T) {
	m := &wire.LoginResponse{SessionId: 1, MaxBodyBytes: 5}
	for i := range 3 {
		m.Others = append(m.Others, &wire.OnlineDevice{SessionId: uint64(i), Platform: wire.Platform(i)})
	}
	out, err := AppendMessage(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"sessionId":"1","others":[{},{"sessionId":"1","platform":"PLATFORM_ANDROID"},{"sessionId":"2","platform":"PLATFORM_IOS"}],"maxBodyBytes":5}`
	if string(out) != want {
		t.Errorf("%s, want %s", out, want)
	}
}

func TestEveryByteOfATextIsWritten(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x300) {
		all.WriteRune(r)
	}
	all.WriteString("\u2028\u2029\ufffd\ufeff😀")
	d := (&wire.ErrorBody{}).ProtoReflect().Descriptor()
	payload := appendMessage(nil, &wire.ErrorBody{Note: all.String()})
	if !check(t, d, payload) {
		t.Error("the text is left to protojson")
	}
	// Engine.IO separates the packets of a poll with this byte.
	out, err := AppendMessage(nil, &wire.ErrorBody{Note: all.String()})
	if err != nil || strings.ContainsRune(string(out), 0x1e) {
		t.Errorf("%q, error %v", out, err)
	}
}

func TestWhatIsUnusualIsLeftToProtojson(t *testing.T) {
	d := (&wire.SendResponse{}).ProtoReflect().Descriptor()
	for name, payload := range map[string]string{
		"an unknown field":         "\x7a\x01x",
		"a field twice":            "\x08\x01\x08\x02",
		"another order":            "\x10\x01\x08\x01",
		"a zero, then a field":     "\x08\x00\x08\x02",
		"another wire type":        "\x0a\x01x",
		"64 bits fixed":            "\x09\x01\x01\x01\x01\x01\x01\x01\x01",
		"a tag that does not end":  "\x88",
		"a value that is not here": "\x08",
		"field 0":                  "\x00\x01",
	} {
		if check(t, d, []byte(payload)) {
			t.Errorf("%s is taken", name)
		}
	}
	// It still comes through.
	out, err := AppendPush(nil, wire.PushClose, []byte("\x12\x01n\x08\x05\x7a\x01x"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, out, `{"code":5,"note":"n"}`)
}

// FuzzTranscode compares plans with protojson on payloads of any kind.
func FuzzTranscode(f *testing.F) {
	number := 0
	everyMessage(func(d protoreflect.MessageDescriptor) {
		m := dynamicpb.NewMessage(d)
		fill(m)
		payload, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(number), payload)
		number++
	})
	messages := wire.Messages()
	f.Fuzz(func(t *testing.T, which uint16, payload []byte) {
		check(t, messages[int(which)%len(messages)], payload)
	})
}
