package jsonwire

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// plan says how one message is turned from protobuf to JSON, or back, without a
// message in between.
type plan struct {
	fields []*field          // by their numbers
	names  map[string]*field // by both of their names
}

// field is one field of a plan.
type field struct {
	number   int
	key      string // "name": with its quotes and colon
	kind     kind
	list     bool
	presence bool           // a default value that is there is written too
	message  *plan          // of kindMessage
	names    map[int]string // of kindEnum, with their quotes
	numbers  map[string]int // of kindEnum, by their names without quotes
}

// kind is how a field's value is read and written.
type kind uint8

const (
	kindOther    kind = iota // left to protojson
	kindText                 // string
	kindNumber               // uint32
	kindUnsigned             // uint64, in quotes
	kindSigned               // int64, in quotes
	kindBool
	kindEnum
	kindMessage
)

// maxFieldNumber bounds the numbers that a plan has. Fields above it, of which
// wire has none, are left to protojson.
const maxFieldNumber = 63

// plans are those of all messages of wire, by name.
var plans = func() map[protoreflect.FullName]*plan {
	all := make(map[protoreflect.FullName]*plan)
	for _, message := range wire.Messages() {
		planOf(message, all)
	}
	return all
}()

// Those of the requests and of the pushes.
var (
	requestPlans = plansOf(requests)
	pushPlans    = plansOf(pushes)
)

func plansOf(table map[wire.Command]func() message) map[wire.Command]*plan {
	of := make(map[wire.Command]*plan, len(table))
	for cmd, create := range table {
		of[cmd] = plans[create().ProtoReflect().Descriptor().FullName()]
	}
	return of
}

// planOf makes the plan of a message, and of those in it, once.
func planOf(d protoreflect.MessageDescriptor, all map[protoreflect.FullName]*plan) *plan {
	if p := all[d.FullName()]; p != nil {
		return p
	}
	p := &plan{names: make(map[string]*field)}
	all[d.FullName()] = p
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		number := int(fd.Number())
		if number > maxFieldNumber {
			continue
		}
		for len(p.fields) <= number {
			p.fields = append(p.fields, nil)
		}
		f := fieldOf(fd, all)
		p.fields[number], p.names[fd.JSONName()], p.names[fd.TextName()] = f, f, f
	}
	return p
}

func fieldOf(fd protoreflect.FieldDescriptor, all map[protoreflect.FullName]*plan) *field {
	f := &field{number: int(fd.Number()), key: strconv.Quote(fd.JSONName()) + ":", kind: kindOf(fd), list: fd.IsList(), presence: fd.HasPresence()}
	switch f.kind {
	case kindMessage:
		f.message = planOf(fd.Message(), all)
	case kindEnum:
		values := fd.Enum().Values()
		f.names, f.numbers = make(map[int]string, values.Len()), make(map[string]int, values.Len())
		for i := range values.Len() {
			name, number := string(values.Get(i).Name()), int(values.Get(i).Number())
			f.names[number], f.numbers[name] = strconv.Quote(name), number
		}
	}
	return f
}

func kindOf(fd protoreflect.FieldDescriptor) kind {
	if fd.IsMap() || fd.ContainingOneof() != nil && !fd.ContainingOneof().IsSynthetic() {
		return kindOther
	}
	switch fd.Kind() {
	case protoreflect.StringKind:
		return kindText
	case protoreflect.MessageKind:
		return kindMessage
	}
	if fd.IsList() {
		return kindOther // packed numbers
	}
	switch fd.Kind() {
	case protoreflect.Uint32Kind:
		return kindNumber
	case protoreflect.Uint64Kind:
		return kindUnsigned
	case protoreflect.Int64Kind:
		return kindSigned
	case protoreflect.BoolKind:
		return kindBool
	case protoreflect.EnumKind:
		return kindEnum
	default:
		return kindOther
	}
}
