package engineio_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

// limits are those of the tests that are not about limits.
var limits = engineio.Limits{MaxPayload: 1 << 20, MaxPackets: 64}

func text(t engineio.Type, data string) engineio.Packet {
	return engineio.Packet{Type: t, Data: []byte(data)}
}

func binary(data ...byte) engineio.Packet {
	return engineio.Packet{Type: engineio.Message, Binary: true, Data: data}
}

func equal(a, b engineio.Packet) bool {
	return a.Type == b.Type && a.Binary == b.Binary && bytes.Equal(a.Data, b.Data)
}

// anyPacket draws a packet that may travel on both transports.
func anyPacket() *rapid.Generator[engineio.Packet] {
	return rapid.Custom(func(t *rapid.T) engineio.Packet {
		if rapid.Bool().Draw(t, "binary") {
			// Slices drawn freely are short; the decoder works in blocks of 768 bytes.
			size := rapid.SampledFrom([]int{0, 1, 2, 3, 767, 768, 769, 1536, 1537, 3000}).Draw(t, "size")
			return binary(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "data")...)
		}
		kind := engineio.Type(rapid.IntRange(int(engineio.Open), int(engineio.Noop)).Draw(t, "type"))
		data := rapid.String().Filter(func(s string) bool { return !bytes.ContainsRune([]byte(s), 0x1e) }).Draw(t, "data")
		return text(kind, data)
	})
}

func TestFrameOfEachPacketType(t *testing.T) {
	for _, c := range []struct {
		frame  string
		packet engineio.Packet
	}{
		{`0{"sid":"x"}`, text(engineio.Open, `{"sid":"x"}`)},
		{"1", text(engineio.Close, "")},
		{"2", text(engineio.Ping, "")},
		{"2probe", engineio.Probe()},
		{"3", text(engineio.Pong, "")},
		{"3probe", engineio.Probe().Pong()},
		{"4", text(engineio.Message, "")},
		{"4你好 👋", text(engineio.Message, "你好 👋")},
		{"4a\x1eb", text(engineio.Message, "a\x1eb")}, // frames need no separator
		{"5", text(engineio.Upgrade, "")},
		{"6", text(engineio.Noop, "")},
		{"", binary()},
		{"4\x00\xff", binary('4', 0, 0xff)}, // a binary frame has no type
	} {
		got, err := limits.DecodeFrame([]byte(c.frame), c.packet.Binary)
		if err != nil || !equal(got, c.packet) {
			t.Errorf("decoding %q: %+v, %v; want %+v", c.frame, got, err, c.packet)
		}
		out, err := engineio.AppendFrame([]byte("before"), c.packet)
		if err != nil || string(out) != "before"+c.frame {
			t.Errorf("encoding %+v: %q, %v; want %q", c.packet, out, err, c.frame)
		}
	}
}

func TestMalformedFrameIsRefused(t *testing.T) {
	small := engineio.Limits{MaxPayload: 8, MaxPackets: 1}
	for _, c := range []struct {
		name, frame string
		binary      bool
		want        error
	}{
		{"nothing", "", false, engineio.ErrEmptyPacket},
		{"a letter for a type", "abc", false, engineio.ErrUnknownType},
		{"the type after the last", "7", false, engineio.ErrUnknownType},
		{"the character before 0", "/", false, engineio.ErrUnknownType},
		{"a type as a number", "\x04hi", false, engineio.ErrUnknownType},
		{"base64, which frames do not need", "bAQID", false, engineio.ErrUnknownType},
		{"a stray byte", "4\xff", false, engineio.ErrInvalidUTF8},
		{"half a character", "4\xe4\xbd", false, engineio.ErrInvalidUTF8},
		{"a surrogate", "4\xed\xa0\x80", false, engineio.ErrInvalidUTF8},
		{"one byte of text too many", "412345678", false, engineio.ErrTooLarge},
		{"one binary byte too many", "123456789", true, engineio.ErrTooLarge},
	} {
		if got, err := small.DecodeFrame([]byte(c.frame), c.binary); !errors.Is(err, c.want) || got.Data != nil {
			t.Errorf("%s: %+v, %v; want %v", c.name, got, err, c.want)
		}
	}
	if _, err := small.DecodeFrame([]byte("41234567"), false); err != nil {
		t.Errorf("a frame as long as the limit: %v", err)
	}
}

func TestPacketThatNoPeerUnderstandsIsNotEncoded(t *testing.T) {
	for _, c := range []struct {
		packet engineio.Packet
		want   error
	}{
		{text(engineio.Noop+1, ""), engineio.ErrUnknownType},
		{engineio.Packet{Type: engineio.Ping, Binary: true}, engineio.ErrBinaryType},
		{text(engineio.Message, "\xff"), engineio.ErrInvalidUTF8},
	} {
		if out, err := engineio.AppendFrame([]byte("before"), c.packet); !errors.Is(err, c.want) || string(out) != "before" {
			t.Errorf("frame of %+v: %q, %v; want %v", c.packet, out, err, c.want)
		}
		packets := []engineio.Packet{binary(1), c.packet}
		if out, n, err := limits.AppendPayload([]byte("before"), packets); !errors.Is(err, c.want) || n != 1 || string(out) != "before" {
			t.Errorf("payload of %+v: %q, %d, %v; want %v at 1", c.packet, out, n, err, c.want)
		}
	}
}

func TestHeartbeatIsNoProbe(t *testing.T) {
	if !engineio.Probe().IsProbe() || !engineio.Probe().Pong().IsProbe() {
		t.Error("a probe and its answer are not recognised")
	}
	for _, p := range []engineio.Packet{text(engineio.Ping, ""), text(engineio.Pong, ""), text(engineio.Ping, "probes"), text(engineio.Message, "probe")} {
		if p.IsProbe() {
			t.Errorf("%+v passes for a probe", p)
		}
	}
}

func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyPacket().Draw(t, "packet")
		frame, err := engineio.AppendFrame(nil, want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := limits.DecodeFrame(frame, want.Binary); err != nil || !equal(got, want) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func FuzzDecodeFrame(f *testing.F) {
	f.Add([]byte("2probe"), false)
	f.Add([]byte("4你好"), false)
	f.Add([]byte{0, 0xff}, true)
	f.Fuzz(func(t *testing.T, frame []byte, binary bool) {
		p, err := limits.DecodeFrame(frame, binary)
		if err != nil {
			return
		}
		if again, err := engineio.AppendFrame(nil, p); err != nil || !bytes.Equal(again, frame) {
			t.Fatalf("%q was accepted but encodes as %q, %v", frame, again, err)
		}
	})
}
