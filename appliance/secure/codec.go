package secure

import (
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// The compressions. An id stands for an algorithm together with its dictionary
// and never for anything else: a new dictionary gets a new id, and the handshake
// finds out whether both sides have it.
const (
	CompressionS2   wire.Compression = 1 // S2 with dictionary 1
	CompressionZstd wire.Compression = 2 // Zstandard without a dictionary
)

// Codecs is a set of compressions: bit i stands for wire.Compression i. Not
// compressing is always allowed.
type Codecs uint8

// AllCodecs is every compression that this build knows.
const AllCodecs Codecs = 1<<CompressionS2 | 1<<CompressionZstd

func (c Codecs) has(id wire.Compression) bool { return c>>id&1 == 1 }

const (
	// minCompress is the shortest payload that is worth trying: below it the
	// dictionary saves a few bytes, and the record around it costs 18.
	minCompress = 64
	// minZstd is where Zstandard takes over: at 1.2 KB both come to the same
	// size, at 2 KB it begins to win, at 8 KB it saves another 14 %. It takes
	// several times as long.
	minZstd = 2 << 10
	// gainShift: a payload travels compressed when that saves 1/16 of it. Less
	// is not worth the receiver's time.
	gainShift = 4
)

// Errors of Decompress. Both end the connection.
var (
	// ErrCompressed is returned when a payload is not what its compression
	// makes, or the compression is unknown.
	ErrCompressed = errors.New("secure: payload cannot be decompressed")
	// ErrTooLong is returned when a payload would decompress to more than the limit.
	ErrTooLong = errors.New("secure: payload decompresses to more than the limit")
)

// Compress appends payload to dst, compressed by the one of allowed that suits
// its length. When that gains nothing, out is dst and c is
// wire.CompressionNone. It keeps no state between payloads, so one result can be
// sent to many connections that agreed on c. payload and dst must not overlap.
//
// A payload's length tells something about its content. One that holds a secret
// beside text that others choose must not be compressed; see
// wire.Command.Compressible.
func Compress(dst, payload []byte, allowed Codecs) (out []byte, c wire.Compression) {
	switch n := len(payload); {
	case n >= minZstd && allowed.has(CompressionZstd):
		out, c = zstdEncoder().EncodeAll(payload, dst), CompressionZstd
	case n >= minCompress && n <= maxS2 && allowed.has(CompressionS2):
		out, c = appendS2(dst, payload), CompressionS2
	default:
		return dst, wire.CompressionNone
	}
	if len(out)-len(dst) > len(payload)-len(payload)>>gainShift {
		return dst, wire.CompressionNone
	}
	return out, c
}

// Decompress appends what Compress made of a payload to dst. A payload that
// announces more than limit bytes is refused before anything is spent on it, and
// one that announces less than it holds when it gets there. limit may be up to
// wire.MaxFrame.
func Decompress(dst, payload []byte, c wire.Compression, limit int) ([]byte, error) {
	var size int
	var err error
	switch c {
	case wire.CompressionNone:
		size = len(payload)
	case CompressionS2:
		size, err = s2.DecodedLen(payload)
	case CompressionZstd:
		size, err = zstdContentSize(payload)
	default:
		err = fmt.Errorf("unknown compression %d", c)
	}
	switch {
	case err != nil:
		return dst, fmt.Errorf("%w: %w", ErrCompressed, err)
	case size > min(limit, wire.MaxFrame):
		return dst, ErrTooLong
	}

	start := len(dst)
	grown := slices.Grow(dst, size)
	room := grown[start : start : start+size]
	switch c {
	case CompressionS2:
		room, err = s2Dictionary().Decode(room, payload)
	case CompressionZstd:
		room, err = zstdDecoder().DecodeAll(payload, room)
	default:
		room = append(room, payload...)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrCompressed, err)
	}
	if len(room) != size {
		return dst, fmt.Errorf("%w: it holds %d bytes and announces %d", ErrCompressed, len(room), size)
	}
	return grown[:start+size], nil
}
