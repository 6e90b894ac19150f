package matrix

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// requestOf is the empty message of a request: add_friend is asked with
// AddFriendRequest.
func requestOf(t testing.TB, cmd wire.Command) proto.Message {
	t.Helper()
	var name strings.Builder
	for part := range strings.SplitSeq(cmd.String(), "_") {
		name.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("yizhan.wire.v1." + name.String() + "Request"))
	if err != nil {
		t.Fatalf("the request %s has no message of its name: %v", cmd, err)
	}
	return kind.New().Interface()
}

// messageNamed is an empty message, nil when there is none of this name.
func messageNamed(name string) proto.Message {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	return kind.New().Interface()
}

// filling is what fields get by their names.
type filling struct {
	ids   map[string]string // by the name of the field
	scene wire.Scene
	peer  string // of fields named to or peer
}

// maxDepth is how deep messages in messages are filled.
const maxDepth = 4

// fill sets every field of m.
func (f *filling) fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if oneof := fd.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() && m.WhichOneof(oneof) != nil {
			continue
		}
		switch {
		case fd.IsMap():
		case fd.IsList():
			l := m.Mutable(fd).List()
			if fd.Message() == nil {
				l.Append(f.value(fd))
			} else if depth < maxDepth {
				f.fill(l.AppendMutable().Message(), depth+1)
			}
		case fd.Message() != nil:
			if depth < maxDepth {
				f.fill(m.Mutable(fd).Message(), depth+1)
			}
		default:
			m.Set(fd, f.value(fd))
		}
	}
}

func (f *filling) value(fd protoreflect.FieldDescriptor) protoreflect.Value {
	name := string(fd.Name())
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(f.text(name))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(f.text(name)))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		if name == "scene" {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(f.scene))
		}
		return protoreflect.ValueOfEnum(1)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(f.number(name))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(f.number(name)))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(f.number(name)))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(f.number(name)))
	default:
		return fd.Default()
	}
}

func (f *filling) text(name string) string {
	if id, ok := f.ids[name]; ok {
		return id
	}
	switch name {
	case "to", "peer":
		return f.peer
	case "account", "accounts", "members", "mentions", "from":
		return "bob"
	default:
		return "x"
	}
}

func (f *filling) number(name string) uint64 {
	if id, ok := f.ids[name]; ok {
		var n uint64
		for _, digit := range id {
			n = n*10 + uint64(digit-'0')
		}
		return n
	}
	switch name {
	case "version", "floor":
		return 0
	case "limit":
		return 50
	default:
		return 1
	}
}
