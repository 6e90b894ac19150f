package secure

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The compressions. An id stands for an algorithm with its dictionary and is
// never used again for another: a new dictionary gets a new id.
const (
	CompressionS2   wire.Compression = 1 // S2 with the shared dictionary
	CompressionZstd wire.Compression = 2
)

// Codecs is a set of compressions: bit i stands for wire.Compression i.
type Codecs uint8

// AllCodecs is every compression that this build knows.
const AllCodecs Codecs = 1<<CompressionS2 | 1<<CompressionZstd

// ErrCompressed is returned by Decompress.
var ErrCompressed = errors.New("secure: payload cannot be decompressed")

// Compress appends payload, compressed, to dst.
func Compress(dst, payload []byte, allowed Codecs) (out []byte, c wire.Compression) {
	return dst, wire.CompressionNone
}

// Decompress appends.
func Decompress(dst, payload []byte, c wire.Compression, limit int) ([]byte, error) {
	return dst, ErrCompressed
}
