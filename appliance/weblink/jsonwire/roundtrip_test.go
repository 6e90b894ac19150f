package jsonwire

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// fill gives every field of m, and of the messages in it, a value.
func fill(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		switch {
		case fd.IsList() && fd.Message() != nil:
			fill(m.Mutable(fd).List().AppendMutable().Message())
		case fd.IsList():
			m.Mutable(fd).List().Append(value(fd))
		case fd.Message() != nil:
			fill(m.Mutable(fd).Message())
		default:
			m.Set(fd, value(fd))
		}
	}
}

func value(fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(`"<你好>\ ` + "\u2028\x01")
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(fd.Enum().Values().Get(1).Number())
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(1<<32 - 1)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(1<<64 - 1)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(-1 << 63)
	default:
		panic("the test does not know " + fd.Kind().String())
	}
}

func TestEveryRequestComesBack(t *testing.T) {
	for cmd, create := range requests {
		m := create()
		fill(m.ProtoReflect())
		text, err := protojson.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := create()
		request(t, cmd, string(text), got)
		if !proto.Equal(m, got) {
			t.Errorf("%v: %v came back as %v", cmd, m, got)
		}
	}
}

// FuzzRequest checks that whatever is taken is a valid message, which comes back
// the same after another round.
func FuzzRequest(f *testing.F) {
	for cmd, create := range requests {
		m := create()
		fill(m.ProtoReflect())
		text, err := protojson.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(cmd), text)
	}
	f.Add(uint16(wire.CmdSend), []byte(`[{"to":"bob","new":[{}]}]`))
	f.Fuzz(func(t *testing.T, number uint16, input []byte) {
		cmd := wire.Command(number)
		payload, err := AppendRequest(nil, cmd, Argument(input))
		if err != nil {
			return
		}
		first := requests[cmd]()
		if err := first.UnmarshalVT(payload); err != nil {
			t.Fatalf("%q became %x: %v", input, payload, err)
		}
		text, err := AppendMessage(nil, first)
		if err != nil {
			t.Fatalf("%q became %v, which has no JSON: %v", input, first, err)
		}
		if len(text) > MaxRequest {
			return // it was written shorter than we do
		}
		second := requests[cmd]()
		request(t, cmd, string(text), second)
		if !proto.Equal(first, second) {
			t.Fatalf("%v came back as %v", first, second)
		}
	})
}

// FuzzPush checks that no payload, however broken, does harm.
func FuzzPush(f *testing.F) {
	for cmd, create := range pushes {
		m := create()
		fill(m.ProtoReflect())
		payload, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(cmd), payload)
	}
	f.Fuzz(func(t *testing.T, number uint16, payload []byte) {
		out, err := AppendPush(nil, wire.Command(number), payload)
		if err != nil {
			return
		}
		m := pushes[wire.Command(number)]()
		if err := protojson.Unmarshal(out, m); err != nil {
			t.Fatalf("%x became %s: %v", payload, out, err)
		}
	})
}
