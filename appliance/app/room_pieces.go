package app

import "github.com/yizhan-im/yizhan/appliance/wire"

// A notice must fit a frame, or every client that gets it gives up its connection.
// One command names no more than fits; but a queue may have 16 MB, and all of it may
// leave with one owner.
const (
	// maxNoticeValues is how long elements may be together for their values to be told,
	// in bytes: more than those of any one command.
	maxNoticeValues = 128 << 10
	// maxNoticePiece bounds the elements of one notice, in bytes.
	maxNoticePiece = 256 << 10
)

// noticePieces is p, which tells of a change of a queue, in as many notices as its
// elements need. p stays as it is.
func noticePieces(p *wire.RoomNoticePush) []*wire.RoomNoticePush {
	elements, size := p.Elements, 0
	for _, e := range elements {
		size += e.SizeVT()
	}
	if size > maxNoticeValues {
		elements = withoutValues(elements)
	}
	var pieces []*wire.RoomNoticePush
	first := 0
	size = 0
	for i, e := range elements {
		if size += e.SizeVT(); size > maxNoticePiece {
			pieces = append(pieces, pieceOf(p, elements[first:i]))
			first, size = i, e.SizeVT()
		}
	}
	return append(pieces, pieceOf(p, elements[first:]))
}

func pieceOf(p *wire.RoomNoticePush, elements []*wire.RoomElement) *wire.RoomNoticePush {
	return &wire.RoomNoticePush{Room: p.Room, Kind: p.Kind, By: p.By, Ext: p.Ext, QueueOp: p.QueueOp, Elements: elements}
}

// withoutValues are elements by their keys and owners.
func withoutValues(elements []*wire.RoomElement) []*wire.RoomElement {
	bare := make([]*wire.RoomElement, len(elements))
	for i, e := range elements {
		bare[i] = &wire.RoomElement{Key: e.Key, Owner: e.Owner, Transient: e.Transient}
	}
	return bare
}
