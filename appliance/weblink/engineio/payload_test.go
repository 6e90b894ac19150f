package engineio_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/yizhan-im/yizhan/appliance/weblink/engineio"
)

func TestPayloadJoinsTextAndBinaryPackets(t *testing.T) {
	for _, c := range []struct {
		payload string
		packets []engineio.Packet
	}{
		{"4hello", []engineio.Packet{text(engineio.Message, "hello")}},
		{"4a\x1e2\x1e4你好", []engineio.Packet{text(engineio.Message, "a"), text(engineio.Ping, ""), text(engineio.Message, "你好")}},
		{"4hello\x1ebAQIDBA==", []engineio.Packet{text(engineio.Message, "hello"), binary(1, 2, 3, 4)}},
		{"b\x1e1", []engineio.Packet{binary(), text(engineio.Close, "")}},
	} {
		got, err := limits.DecodePayload(nil, []byte(c.payload))
		if err != nil || len(got) != len(c.packets) {
			t.Fatalf("decoding %q: %+v, %v", c.payload, got, err)
		}
		for i := range got {
			if !equal(got[i], c.packets[i]) {
				t.Errorf("packet %d of %q: %+v; want %+v", i, c.payload, got[i], c.packets[i])
			}
		}
		out, n, err := limits.AppendPayload([]byte("before"), c.packets)
		if err != nil || n != len(c.packets) || string(out) != "before"+c.payload {
			t.Errorf("encoding %q: %q, %d, %v", c.payload, out, n, err)
		}
	}
}

func TestMalformedPayloadIsRefusedWhole(t *testing.T) {
	// Two blocks of the decoder, the first of which ends in padding.
	padded := strings.Repeat("AAAA", 255) + "AA==" + "AAAA"
	for _, c := range []struct {
		name, payload string
		want          error
	}{
		{"nothing", "", engineio.ErrEmptyPacket},
		{"a separator in front", "\x1e4a", engineio.ErrEmptyPacket},
		{"a separator behind", "4a\x1e", engineio.ErrEmptyPacket},
		{"two separators in a row", "4a\x1e\x1e4b", engineio.ErrEmptyPacket},
		{"an unknown type", "4a\x1e9", engineio.ErrUnknownType},
		{"a letter for a type", "abc", engineio.ErrUnknownType},
		{"text that is not UTF-8", "4a\x1e4\xc0\x80", engineio.ErrInvalidUTF8},
		{"base64 without padding", "bAQ", engineio.ErrBadBase64},
		{"base64 for addresses", "b-_-_", engineio.ErrBadBase64},
		{"base64 with a line break", "bAQ\r\nID", engineio.ErrBadBase64},
		{"base64 made of line breaks", "b\n\n\n\n", engineio.ErrBadBase64},
		{"base64 with stray bits", "bAR==", engineio.ErrBadBase64},
		{"base64 behind its padding", "bAQ==AQID", engineio.ErrBadBase64},
		{"base64 behind its padding, in the next block", "b" + padded, engineio.ErrBadBase64},
		{"a binary packet with a type", "b4AQID", engineio.ErrBadBase64},
	} {
		before := []engineio.Packet{text(engineio.Noop, "")}
		if got, err := limits.DecodePayload(before, []byte(c.payload)); !errors.Is(err, c.want) || len(got) != 1 {
			t.Errorf("%s: %+v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestPayloadLimitsHoldToTheByteAndPacket(t *testing.T) {
	l := engineio.Limits{MaxPayload: 9, MaxPackets: 3}
	for payload, want := range map[string]error{
		"2\x1e2\x1e2":         nil,
		"2\x1e2\x1e2\x1e2":    engineio.ErrTooManyPackets,
		"412345678":           nil,
		"4123456789":          engineio.ErrTooLarge,
		"bAAAA\x1e42":         nil,
		"bAAAA\x1e4234":       engineio.ErrTooLarge,
		"2\x1e\x1e2\x1e2":     engineio.ErrEmptyPacket,
		"2\x1e2\x1e2\x1e":     engineio.ErrTooManyPackets,
		"2\x1e2\x1e7\x1e\xff": engineio.ErrUnknownType,
	} {
		if _, err := l.DecodePayload(nil, []byte(payload)); !errors.Is(err, want) {
			t.Errorf("%q: %v; want %v", payload, err, want)
		}
	}
	if _, err := (engineio.Limits{MaxPayload: 9}).DecodePayload(nil, []byte("2")); !errors.Is(err, engineio.ErrTooManyPackets) {
		t.Errorf("limits without packets: %v", err)
	}
}

func TestPacketsBeyondTheLimitsWaitForTheNextPayload(t *testing.T) {
	l := engineio.Limits{MaxPayload: 9, MaxPackets: 3}
	ping, long := text(engineio.Ping, ""), text(engineio.Message, "12345678")
	for _, c := range []struct {
		packets []engineio.Packet
		out     string
		n       int
		err     error
	}{
		{nil, "", 0, nil},
		{[]engineio.Packet{ping, ping, ping, ping}, "2\x1e2\x1e2", 3, nil},
		{[]engineio.Packet{ping, long}, "2", 1, nil},
		{[]engineio.Packet{long, ping}, "412345678", 1, nil},
		{[]engineio.Packet{binary(0, 0, 0), text(engineio.Message, "ab")}, "bAAAA\x1e4ab", 2, nil},
		{[]engineio.Packet{binary(0, 0, 0), text(engineio.Message, "abc")}, "bAAAA", 1, nil},
		{[]engineio.Packet{ping, text(engineio.Message, "123456789")}, "", 1, engineio.ErrTooLarge},
		{[]engineio.Packet{binary(0, 0, 0, 0, 0, 0, 0)}, "", 0, engineio.ErrTooLarge},
		{[]engineio.Packet{ping, text(engineio.Message, "a\x1eb")}, "", 1, engineio.ErrSeparator},
	} {
		out, n, err := l.AppendPayload(nil, c.packets)
		if string(out) != c.out || n != c.n || !errors.Is(err, c.err) {
			t.Errorf("%+v: %q, %d, %v; want %q, %d, %v", c.packets, out, n, err, c.out, c.n, c.err)
		}
	}
	if _, _, err := (engineio.Limits{MaxPayload: 9}).AppendPayload(nil, []engineio.Packet{ping}); !errors.Is(err, engineio.ErrTooManyPackets) {
		t.Errorf("limits without packets: %v", err)
	}
}

func TestAppendToDecodedDataLeavesItsNeighbourAlone(t *testing.T) {
	packets, err := limits.DecodePayload(nil, []byte("4a\x1ebAQID\x1e4b"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets[:2] {
		_ = append(p.Data, "overwritten"...)
	}
	if !equal(packets[1], binary(1, 2, 3)) || !equal(packets[2], text(engineio.Message, "b")) {
		t.Errorf("neighbours became %+v", packets[1:])
	}
}

// Whatever the limits, a sender that goes on where the last payload ended
// delivers every packet once and in order, in payloads its peer accepts.
func TestPayloadRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyPacket(), 0, 20).Draw(t, "packets")
		l := engineio.Limits{
			MaxPayload: rapid.IntRange(5000, 20000).Draw(t, "bytes"),
			MaxPackets: rapid.IntRange(1, 8).Draw(t, "packets per payload"),
		}
		var got []engineio.Packet
		for rest := want; len(rest) > 0; {
			payload, n, err := l.AppendPayload(nil, rest)
			if err != nil || n == 0 {
				t.Fatalf("%d packets, %v", n, err)
			}
			if got, err = l.DecodePayload(got, payload); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if len(got) != len(want) {
			t.Fatalf("%d packets of %d arrived", len(got), len(want))
		}
		for i := range got {
			if !equal(got[i], want[i]) {
				t.Fatalf("packet %d: %+v; want %+v", i, got[i], want[i])
			}
		}
	})
}

func FuzzDecodePayload(f *testing.F) {
	f.Add([]byte("4hello\x1e2\x1ebAQIDBA=="))
	f.Add([]byte("b" + base64.StdEncoding.EncodeToString(make([]byte, 2000))))
	f.Add([]byte("4a\x1e\x1e4b"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		packets, err := limits.DecodePayload(nil, bytes.Clone(payload))
		if err != nil {
			return
		}
		again, n, err := limits.AppendPayload(nil, packets)
		if err != nil || n != len(packets) || !bytes.Equal(again, payload) {
			t.Fatalf("%q was accepted but encodes as %q, %d, %v", payload, again, n, err)
		}
	})
}
