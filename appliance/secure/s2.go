package secure

import (
	_ "embed"
	"encoding/binary"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/s2"
)

//go:generate go run ./internal/mkdict dictionary-1.bin

// dictionary1 is what CompressionS2 assumes to stand before every block. Clients
// have it built in: it never changes. Another one needs another compression id.
//
//go:embed dictionary-1.bin
var dictionary1 []byte

// s2Dictionary is the library's form of dictionary1, for decoding. Its repeat
// offset starts at the dictionary's first byte.
var s2Dictionary = sync.OnceValue(func() *s2.Dict {
	return s2.MakeDict(dictionary1, nil)
})

// The encoder below makes S2 blocks (see PROTOCOL.md) of short payloads. The
// library's encoder keeps a 64 KiB table on the stack, which leaves a connection's
// goroutine with 128 KiB until later garbage collections shrink it; with this one
// it is 4. It takes about the same time and saves 3 % more, because it looks at
// more positions and chooses between the dictionary and the payload itself.
const (
	// maxS2 is the longest payload the encoder takes: a position must fit the 16
	// bits of a table entry, and S2 does not reach the dictionary from farther.
	maxS2 = 1<<16 - 1

	// A copy must save this many bytes, because it may cost one by splitting a
	// literal, and a literal decodes faster.
	minSaving = 2

	localBits = 10 // 2 KiB on the stack; most payloads here are short
	dictBits  = 15 // 64 KiB, once per process

	// maxOffset is the largest offset of a three-byte copy.
	maxOffset = 1<<16 - 1
	// nearOffset is the first offset that a two-byte copy cannot reach.
	nearOffset = 1 << 11

	// The kind of an S2 element, in the low two bits of its first byte.
	tagLiteral = 0
	tagCopy1   = 1
	tagCopy2   = 2
)

// dictTable says where in dictionary1 a string of 5 bytes last occurs, by its
// hash. An empty slot points at the first byte, which does no harm.
var dictTable = sync.OnceValue(func() *[1 << dictBits]uint16 {
	table := new([1 << dictBits]uint16)
	for i := 0; i+8 <= len(dictionary1); i++ {
		table[hash(load64(dictionary1[i:]), 5, dictBits)] = uint16(i)
	}
	return table
})

// appendS2 appends src, of at most maxS2 bytes, to dst as one S2 block.
func appendS2(dst, src []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(src)))
	inDict := dictTable()
	var local [1 << localBits]uint16 // by hash of 4 bytes: a position in src
	last := len(dictionary1)         // the last copy's offset
	written := 0                     // how much of src is in dst
	for s := 0; s+8 <= len(src); {
		v := load64(src[s:])
		slot := &local[hash(v, 4, localBits)]
		near, far := int(*slot), int(inDict[hash(v, 5, dictBits)])
		*slot = uint16(s)

		offset, length, saving := 0, 0, minSaving-1
		if near < s && load32(src[near:]) == uint32(v) {
			offset, length = s-near, commonPrefix(src[s:], src[near:])
			saving = length - copySize(offset, length, last)
		}
		if load32(dictionary1[far:]) == uint32(v) {
			o, n := s+len(dictionary1)-far, commonPrefix(src[s:], dictionary1[far:])
			if gain := n - copySize(o, n, last); gain > saving && o <= maxOffset {
				offset, length, saving = o, n, gain
			}
		}
		if saving < minSaving {
			s += 1 + (s-written)>>5 // hurry through what does not match
			continue
		}
		for s > written && s != offset && byteBehind(src, s-1, offset) == int(src[s-1]) {
			s--
			length++
		}
		dst = appendLiteral(dst, src[written:s])
		dst = appendCopy(dst, offset, length, last)
		last = offset
		s += length
		written = s
	}
	return appendLiteral(dst, src[written:])
}

// byteBehind is the byte offset before src[s], or -1 before the dictionary.
func byteBehind(src []byte, s, offset int) int {
	switch i := s - offset; {
	case i >= 0:
		return int(src[i])
	case i >= -len(dictionary1):
		return int(dictionary1[len(dictionary1)+i])
	default:
		return -1
	}
}

func commonPrefix(a, b []byte) int {
	n, limit := 0, min(len(a), len(b))
	for ; n+8 <= limit; n += 8 {
		if diff := load64(a[n:]) ^ load64(b[n:]); diff != 0 {
			return n + bits.TrailingZeros64(diff)/8
		}
	}
	for n < limit && a[n] == b[n] {
		n++
	}
	return n
}

// copySize is how many bytes appendCopy takes, or one too few for a long copy.
func copySize(offset, length, last int) int {
	if length < 12 && (offset == last || offset < nearOffset) {
		return 2
	}
	return 3
}

func appendLiteral(dst, literal []byte) []byte {
	switch n := len(literal) - 1; {
	case n < 0:
		return dst
	case n < 60:
		dst = append(dst, byte(n)<<2|tagLiteral)
	case n < 1<<8:
		dst = append(dst, 60<<2|tagLiteral, byte(n))
	default: // n < maxS2
		dst = append(dst, 61<<2|tagLiteral, byte(n), byte(n>>8))
	}
	return append(dst, literal...)
}

// appendCopy appends a copy of length bytes, at least 4, from offset. last is
// the offset of the copy before.
func appendCopy(dst []byte, offset, length, last int) []byte {
	switch {
	case offset == last:
		return appendRepeat(dst, length)
	case length < 12 && offset < nearOffset:
		return append(dst, byte(offset>>8)<<5|byte(length-4)<<2|tagCopy1, byte(offset))
	case length <= 64:
		return append(dst, byte(length-1)<<2|tagCopy2, byte(offset), byte(offset>>8))
	default: // leave at least 4 bytes to repeat
		dst = append(dst, (60-1)<<2|tagCopy2, byte(offset), byte(offset>>8))
		return appendRepeat(dst, length-60)
	}
}

// appendRepeat appends a copy of length bytes, 4 to maxS2, from the same offset
// as the copy before.
func appendRepeat(dst []byte, length int) []byte {
	switch {
	case length <= 8:
		return append(dst, byte(length-4)<<2|tagCopy1, 0)
	case length < 8+1<<8:
		return append(dst, 5<<2|tagCopy1, 0, byte(length-8))
	default:
		length -= 4 + 1<<8
		return append(dst, 6<<2|tagCopy1, 0, byte(length), byte(length>>8))
	}
}

func load32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }

func load64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// hash of the first n bytes of v, as a number of the given bits.
func hash(v uint64, n, bits int) uint64 {
	const prime = 0x9e3779b185ebca87 // xxHash's first prime
	return v << (64 - 8*n) * prime >> (64 - bits)
}
