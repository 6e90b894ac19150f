// Package framing is what both ends of a Link connection do with frames besides
// wire.AppendFrame and wire.ParseFrame: compress and decompress payloads, with
// buffers from a pool.
package framing

import (
	"fmt"

	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// minCompress is the shortest payload that is worth trying to compress, in
// bytes: below it the dictionary saves less than what the attempt costs.
const minCompress = 64

// Append appends f to dst, with body as its payload when that is not nil and
// f.Payload otherwise. The payload is compressed when one of codecs makes it
// smaller. A frame that would exceed wire.MaxFrame is refused with
// wire.ErrFrameTooLarge, and dst comes back as it was.
func Append(dst []byte, f *wire.Frame, body wire.Body, codecs secure.Codecs) ([]byte, error) {
	size := len(f.Payload)
	if body != nil {
		size = body.SizeVT()
	}
	if size > wire.MaxFrame-wire.MaxFrameHeader {
		return dst, fmt.Errorf("%w: payload of %d bytes", wire.ErrFrameTooLarge, size)
	}
	if codecs == 0 || size < minCompress {
		if body != nil {
			return wire.AppendBody(dst, f, body), nil
		}
		return wire.AppendFrame(dst, f), nil
	}
	return appendCompressed(dst, f, body, codecs), nil
}

func appendCompressed(dst []byte, f *wire.Frame, body wire.Body, codecs secure.Codecs) []byte {
	packed := *f
	if body != nil {
		plain := GetBuffer()
		defer plain.Release()
		plain.B = marshal(plain.B, body)
		packed.Payload = plain.B
	}
	scratch := GetBuffer()
	defer scratch.Release()
	out, compression := secure.Compress(scratch.B, packed.Payload, codecs)
	if compression != wire.CompressionNone {
		scratch.B = out
		packed.Payload, packed.Compression = out, compression
	}
	return wire.AppendFrame(dst, &packed)
}

func marshal(dst []byte, m wire.Body) []byte {
	size := m.SizeVT()
	if cap(dst) < size {
		dst = make([]byte, 0, size)
	}
	dst = dst[:size]
	// A generated message fails only when the buffer is smaller than SizeVT.
	if n, err := m.MarshalToSizedBufferVT(dst); err != nil || n != size {
		panic("framing: message changed while it was encoded")
	}
	return dst
}

// Decompress appends f's payload, decompressed, to dst. A frame may use only
// what the handshake has agreed on, and its payload may not exceed
// wire.MaxFrame.
func Decompress(dst []byte, f *wire.Frame, agreed secure.Codecs) ([]byte, error) {
	if agreed&(1<<f.Compression) == 0 {
		return dst, fmt.Errorf("compression %d was not agreed on", f.Compression)
	}
	return secure.Decompress(dst, f.Payload, f.Compression, wire.MaxFrame)
}
