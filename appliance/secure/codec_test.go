package secure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestPayloadsSurviveCompression(t *testing.T) {
	payloads := append(sample.Holdout(),
		sample.History(3<<10), sample.History(200<<10), sample.History(900<<10),
		[]byte(strings.Repeat("a", 5000)), []byte(strings.Repeat("ab", 30000)),
		bytes.Repeat(dictionary1, 3), dictionary1[:100], dictionary1[len(dictionary1)-100:],
	)
	for _, allowed := range []Codecs{0, 1 << CompressionS2, 1 << CompressionZstd, AllCodecs} {
		for i, payload := range payloads {
			out, c := Compress([]byte("kept"), payload, allowed)
			if c != wire.CompressionNone && !allowed.has(c) {
				t.Fatalf("payload %d: compression %d is not in %#x", i, c, allowed)
			}
			if string(out[:4]) != "kept" {
				t.Fatalf("payload %d: dst was changed", i)
			}
			if c == wire.CompressionNone {
				if len(out) != 4 {
					t.Fatalf("payload %d: %d bytes appended without compression", i, len(out)-4)
				}
				continue
			}
			if len(out)-4 >= len(payload) {
				t.Errorf("payload %d grew from %d to %d bytes", i, len(payload), len(out)-4)
			}
			got, err := Decompress([]byte("kept"), out[4:], c, len(payload))
			if err != nil || string(got) != "kept"+string(payload) {
				t.Fatalf("payload %d of %d bytes, compression %d: %v", i, len(payload), c, err)
			}
		}
	}
}

func TestCompressionSuitsTheLength(t *testing.T) {
	text := []byte(strings.Repeat("see you tomorrow at the office ", 10000))
	for _, c := range []struct {
		length  int
		allowed Codecs
		want    wire.Compression
	}{
		{minCompress - 1, AllCodecs, wire.CompressionNone},
		{minCompress, AllCodecs, CompressionS2},
		{minZstd - 1, AllCodecs, CompressionS2},
		{minZstd, AllCodecs, CompressionZstd},
		{minZstd - 1, 1 << CompressionZstd, wire.CompressionNone},
		{maxS2, 1 << CompressionS2, CompressionS2},
		{maxS2 + 1, 1 << CompressionS2, wire.CompressionNone},
		{len(text), AllCodecs, CompressionZstd},
		{len(text), 0, wire.CompressionNone},
	} {
		if _, got := Compress(nil, text[:c.length], c.allowed); got != c.want {
			t.Errorf("%d bytes with %#x: compression %d, want %d", c.length, c.allowed, got, c.want)
		}
	}
}

func TestWhatDoesNotGainTravelsAsItIs(t *testing.T) {
	noise := make([]byte, 20<<10)
	rand.NewChaCha8([32]byte{}).Read(noise)
	for _, length := range []int{0, 1, minCompress, 200, minZstd, len(noise)} {
		dst := make([]byte, 3, 100)
		out, c := Compress(dst, noise[:length], AllCodecs)
		if c != wire.CompressionNone || len(out) != 3 || &out[0] != &dst[0] {
			t.Errorf("%d random bytes: %d bytes appended, compression %d", length, len(out)-3, c)
		}
	}
}

// The dictionary must earn its 16 KiB on texts that it was not built from.
func TestTheDictionaryHelpsSmallPackets(t *testing.T) {
	raw, compressed := 0, 0
	for _, payload := range sample.Holdout() {
		raw += len(payload)
		if out, c := Compress(nil, payload, AllCodecs); c == wire.CompressionNone {
			compressed += len(payload)
		} else {
			compressed += len(out)
		}
	}
	ratio := float64(compressed) / float64(raw)
	t.Logf("%d bytes to %d: %.3f", raw, compressed, ratio)
	if ratio > 0.85 {
		t.Errorf("small packets shrink to %.3f of their size only", ratio)
	}
}

func TestABombIsRefusedBeforeMemoryIsSpent(t *testing.T) {
	const limit = 1000
	zeros := make([]byte, wire.MaxFrame)
	hugeS2 := binary.AppendUvarint(nil, 1<<32-1)
	hugeZstd := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	zstdBomb, _ := Compress(nil, zeros, AllCodecs)
	for name, c := range map[string]struct {
		payload []byte
		c       wire.Compression
	}{
		"s2":                  {appendS2(nil, zeros[:maxS2]), CompressionS2},
		"s2 just over":        {appendS2(nil, zeros[:limit+1]), CompressionS2},
		"s2 that announces":   {hugeS2, CompressionS2},
		"zstd":                {zstdBomb, CompressionZstd},
		"zstd just over":      {zstdEncoder().EncodeAll(zeros[:limit+1], nil), CompressionZstd},
		"zstd that announces": {hugeZstd, CompressionZstd},
		"not compressed":      {zeros[:limit+1], wire.CompressionNone},
	} {
		t.Run(name, func(t *testing.T) {
			allocs := testing.AllocsPerRun(10, func() {
				if out, err := Decompress(nil, c.payload, c.c, limit); !errors.Is(err, ErrTooLong) || out != nil {
					t.Fatalf("%d bytes, %v", len(out), err)
				}
			})
			if allocs > 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

func TestAFrameThatHidesItsSizeIsRefused(t *testing.T) {
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, wire.MaxFrame)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0}, "data"...)
	for _, payload := range [][]byte{buf.Bytes(), skippable, nil, {0x28, 0xb5, 0x2f, 0xfd}} {
		if _, err := Decompress(nil, payload, CompressionZstd, wire.MaxFrame); !errors.Is(err, ErrCompressed) {
			t.Errorf("%.8x…: %v", payload, err)
		}
	}
}

func TestMoreThanAnnouncedIsRefused(t *testing.T) {
	text := []byte(strings.Repeat("see you tomorrow ", 20))
	block := appendS2(nil, text)
	_, w := binary.Uvarint(block)
	lies := append(binary.AppendUvarint(nil, uint64(len(text)-1)), block[w:]...)
	if _, err := Decompress(nil, lies, CompressionS2, 1<<20); !errors.Is(err, ErrCompressed) {
		t.Errorf("s2: %v", err)
	}
	frame := zstdEncoder().EncodeAll(text, nil)
	if _, err := Decompress(nil, append(frame, frame...), CompressionZstd, 1<<20); !errors.Is(err, ErrCompressed) {
		t.Errorf("zstd: %v", err)
	}
}

func TestATruncatedPayloadIsRefused(t *testing.T) {
	payload := sample.History(3 << 10)
	for _, allowed := range []Codecs{1 << CompressionS2, 1 << CompressionZstd} {
		out, c := Compress(nil, payload, allowed)
		for cut := range out {
			if got, err := Decompress(nil, out[:cut], c, wire.MaxFrame); err == nil {
				t.Errorf("compression %d: %d of %d bytes gave %d bytes", c, cut, len(out), len(got))
			}
		}
	}
}

func TestAnUnknownCompressionIsRefused(t *testing.T) {
	for c := CompressionZstd + 1; c < 16; c++ {
		if _, err := Decompress(nil, []byte("x"), c, 100); !errors.Is(err, ErrCompressed) {
			t.Errorf("compression %d: %v", c, err)
		}
	}
}

func TestSmallPacketsAreCompressedWithoutAllocating(t *testing.T) {
	payload := sample.Holdout()[0]
	packed, plain := make([]byte, 0, 2*len(payload)), make([]byte, 0, 2*len(payload))
	allocs := testing.AllocsPerRun(100, func() {
		out, c := Compress(packed, payload, AllCodecs)
		if _, err := Decompress(plain, out, c, wire.MaxFrame); c != CompressionS2 || err != nil {
			t.Fatal(c, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
