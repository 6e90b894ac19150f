package wire

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Messages are the descriptors of all messages of the protocol, of every .proto
// file, in the order of their names.
func Messages() []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	protoregistry.GlobalFiles.RangeFilesByPackage(File_wire_proto.Package(), func(file protoreflect.FileDescriptor) bool {
		for i := range file.Messages().Len() {
			all = append(all, file.Messages().Get(i))
		}
		return true
	})
	slices.SortFunc(all, func(x, y protoreflect.MessageDescriptor) int { return cmp.Compare(x.Name(), y.Name()) })
	return all
}
