package secure

import (
	"errors"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// zstdWindow is how far back the encoder looks. A history page repeats itself
// within a few messages, so more memory buys little.
const zstdWindow = 64 << 10

// zstdEncoder is shared by all connections. It has one worker per CPU, of about
// 0.4 MB, and a caller that finds none free waits: memory is bounded by the
// machine and not by the number of connections. There is no checksum, because
// the record around the payload is authenticated.
var zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
	return must(zstd.NewWriter(nil,
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(zstdWindow),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), // announces the content's size
	))
})

// zstdDecoder is shared like zstdEncoder; a worker takes up to 0.7 MB. It writes
// into the space it is given and never beyond.
var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	return must(zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(wire.MaxFrame),
		zstd.WithDecoderMaxWindow(wire.MaxFrame),
		zstd.WithDecodeAllCapLimit(true),
	))
})

func must[T any](v T, err error) T {
	if err != nil {
		panic("secure: " + err.Error()) // the options above contradict each other
	}
	return v
}

// zstdContentSize reads the content size from a frame's header (RFC 8878,
// section 3.1.1.1), which must have one.
func zstdContentSize(frame []byte) (int, error) {
	var h zstd.Header
	if err := h.Decode(frame); err != nil {
		return 0, err
	}
	if h.Skippable || !h.HasFCS || h.DictionaryID != 0 {
		return 0, errors.New("not a frame that announces its size and has no dictionary")
	}
	// A size that does not fit an int is over every limit.
	return int(min(h.FrameContentSize, wire.MaxFrame+1)), nil
}
