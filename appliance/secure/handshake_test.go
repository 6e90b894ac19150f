package secure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestHandshakeOpensBothDirections(t *testing.T) {
	client, server := handshake(t, fixedKey(t, 1), AllCodecs)
	for _, way := range []struct{ from, to *Channel }{{client, server}, {server, client}} {
		for _, text := range []string{"first", "second"} {
			sealed := way.from.Seal(nil, []byte(text))
			if bytes.Contains(sealed, []byte(text)) {
				t.Fatal("the record shows what it carries")
			}
			plain, n, err := way.to.Open(sealed)
			if err != nil || n != len(sealed) || string(plain) != text {
				t.Fatalf("Open = %q, %d, %v", plain, n, err)
			}
		}
	}
}

func TestHandshakeTakesOnlyItsOwnBytes(t *testing.T) {
	key := fixedKey(t, 1)
	h, err := NewClientHandshake(key.Public(), 0)
	if err != nil {
		t.Fatal(err)
	}
	n, reply, server, err := key.Accept(append(bytes.Clone(h.Hello()), "early data"...))
	if err != nil || n != len(h.Hello()) {
		t.Fatalf("Accept took %d of %d bytes: %v", n, len(h.Hello()), err)
	}
	n, client, err := h.Finish(server.Seal(bytes.Clone(reply), []byte("x")))
	if err != nil || n != len(reply) {
		t.Fatalf("Finish took %d of %d bytes: %v", n, len(reply), err)
	}
	if len(h.Hello()) > MaxHello || len(reply) > MaxReply {
		t.Fatalf("hello of %d and reply of %d bytes exceed their limits", len(h.Hello()), len(reply))
	}
	if client == nil {
		t.Fatal("no channel")
	}
}

func TestCodecsAreWhatBothSidesKnow(t *testing.T) {
	const unknown = 1 << 7
	for offer, want := range map[Codecs]Codecs{
		0:                                   0,
		1 << CompressionS2:                  1 << CompressionS2,
		AllCodecs:                           AllCodecs,
		unknown | 1<<CompressionZstd:        1 << CompressionZstd,
		unknown:                             0,
		1 << wire.CompressionNone:           0,
		1<<wire.CompressionNone | AllCodecs: AllCodecs,
	} {
		client, server := handshake(t, fixedKey(t, 1), offer)
		if client.Codecs() != want || server.Codecs() != want {
			t.Errorf("offer %#x: client has %#x, server %#x, want %#x", offer, client.Codecs(), server.Codecs(), want)
		}
	}
}

func TestTheWrongServerKeyEndsTheHandshake(t *testing.T) {
	h, err := NewClientHandshake(fixedKey(t, 2).Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	_, refusal, ch, err := fixedKey(t, 1).Accept(h.Hello())
	if !errors.Is(err, ErrHandshake) || ch != nil {
		t.Fatalf("Accept = %v, %v", ch, err)
	}
	wantRefused(t, h, refusal, wire.CodeMalformedFrame)
}

func TestAnImpostorCannotFinish(t *testing.T) {
	h, err := NewClientHandshake(fixedKey(t, 1).Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	// A reply that the impostor made for a hello of his own to the real server.
	other, err := NewClientHandshake(fixedKey(t, 1).Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	_, reply, _, err := fixedKey(t, 1).Accept(other.Hello())
	if err != nil {
		t.Fatal(err)
	}
	if _, ch, err := h.Finish(reply); !errors.Is(err, ErrHandshake) || ch != nil {
		t.Fatalf("Finish = %v, %v", ch, err)
	}
}

func TestAnUnknownVersionIsRefusedInPlaintext(t *testing.T) {
	h, err := NewClientHandshake(fixedKey(t, 1).Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []byte{0, Version + 1, 255} {
		// Four bytes are enough: the rest may mean anything in another version.
		_, refusal, ch, err := fixedKey(t, 1).Accept(append([]byte(magic), version))
		if !errors.Is(err, ErrVersion) || ch != nil {
			t.Fatalf("version %d: Accept = %v, %v", version, ch, err)
		}
		wantRefused(t, h, refusal, wire.CodeClientTooOld)
	}
}

func TestAClientRefusesAnUnknownVersion(t *testing.T) {
	h, err := NewClientHandshake(fixedKey(t, 1).Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Finish(append([]byte(magic), Version+1)); !errors.Is(err, ErrVersion) {
		t.Fatalf("Finish: %v", err)
	}
}

func TestAServerCanRefuseForReasonsOfItsOwn(t *testing.T) {
	h, err := NewClientHandshake(fixedKey(t, 1).Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, h, Refusal(wire.CodeBusy), wire.CodeBusy)
}

func wantRefused(t *testing.T, h *ClientHandshake, refusal []byte, want wire.Code) {
	t.Helper()
	if len(refusal) == 0 || len(refusal) > MaxReply {
		t.Fatalf("refusal of %d bytes", len(refusal))
	}
	for part := range refusal {
		if n, _, err := h.Finish(refusal[:part]); n != 0 || err != nil {
			t.Fatalf("Finish of %d bytes of a refusal = %d, %v", part, n, err)
		}
	}
	var refused *RefusedError
	if _, _, err := h.Finish(refusal); !errors.As(err, &refused) {
		t.Fatalf("Finish: %v", err)
	}
	if *refused != (RefusedError{Code: want, Lowest: Version, Highest: Version}) {
		t.Fatalf("refused with %+v", refused)
	}
}

func TestAStrangerIsToldNothing(t *testing.T) {
	key := fixedKey(t, 1)
	for _, in := range []string{"G", "GET / HTTP/1.1\r\n", "\x16\x03\x01", "YZ\n", "yzl"} {
		if _, reply, _, err := key.Accept([]byte(in)); !errors.Is(err, ErrNotLink) || reply != nil {
			t.Errorf("%q: Accept = %q, %v", in, reply, err)
		}
		h, err := NewClientHandshake(key.Public(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := h.Finish([]byte(in)); !errors.Is(err, ErrNotLink) {
			t.Errorf("%q: Finish: %v", in, err)
		}
	}
}

func TestATruncatedHandshakeWaitsForMore(t *testing.T) {
	key := fixedKey(t, 1)
	h, err := NewClientHandshake(key.Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	hello := h.Hello()
	for part := range hello {
		if n, reply, ch, err := key.Accept(hello[:part]); n != 0 || reply != nil || ch != nil || err != nil {
			t.Fatalf("Accept of %d bytes = %d, %x, %v, %v", part, n, reply, ch, err)
		}
	}
	_, reply, _, err := key.Accept(hello)
	if err != nil {
		t.Fatal(err)
	}
	for part := range reply {
		if n, ch, err := h.Finish(reply[:part]); n != 0 || ch != nil || err != nil {
			t.Fatalf("Finish of %d bytes = %d, %v, %v", part, n, ch, err)
		}
	}
	if _, _, err := h.Finish(reply); err != nil {
		t.Fatalf("the parts spoilt the handshake: %v", err)
	}
}

func TestAFlippedBitEndsTheHandshake(t *testing.T) {
	key := fixedKey(t, 1)
	h, err := NewClientHandshake(key.Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	for _, altered := range flips(h.Hello()) {
		if n, _, ch, err := key.Accept(altered); ch != nil || err == nil && !stillWaits(n, altered) {
			t.Errorf("Accept(%x) = %d, %v, %v", altered, n, ch, err)
		}
	}
	_, reply, _, err := key.Accept(h.Hello())
	if err != nil {
		t.Fatal(err)
	}
	for _, altered := range flips(reply) {
		if n, ch, err := h.Finish(altered); ch != nil || err == nil && !stillWaits(n, altered) {
			t.Errorf("Finish(%x) = %d, %v, %v", altered, n, ch, err)
		}
	}
}

// stillWaits reports whether a message was not judged only because it announces
// more than has arrived: then the deadline ends the handshake.
func stillWaits(n int, message []byte) bool {
	announced := envelopeSize + int(binary.BigEndian.Uint16(message[len(magic)+1:]))
	return n == 0 && announced > len(message) && announced <= MaxHello
}

// flips is every message that differs from b in one bit.
func flips(b []byte) [][]byte {
	var all [][]byte
	for i := range b {
		for bit := range 8 {
			altered := bytes.Clone(b)
			altered[i] ^= 1 << bit
			all = append(all, altered)
		}
	}
	return all
}

func TestALengthThatLiesIsRefused(t *testing.T) {
	key := fixedKey(t, 1)
	h, err := NewClientHandshake(key.Public(), AllCodecs)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{0, 1, minBody - 1, MaxHello - envelopeSize + 1, 1<<16 - 1} {
		in := appendEnvelope(nil, Version, length)
		if _, _, _, err := key.Accept(in); !errors.Is(err, ErrHandshake) {
			t.Errorf("hello of length %d: %v", length, err)
		}
		if _, _, err := h.Finish(in); !errors.Is(err, ErrHandshake) {
			t.Errorf("reply of length %d: %v", length, err)
		}
	}
}

func TestALowOrderPointIsRefused(t *testing.T) {
	// With the point 0 as ephemeral key the shared secret would be known to all.
	in := append(appendEnvelope(nil, Version, minBody), make([]byte, minBody)...)
	if _, _, _, err := fixedKey(t, 1).Accept(in); !errors.Is(err, ErrHandshake) {
		t.Errorf("Accept: %v", err)
	}
	if _, err := NewClientHandshake(make([]byte, PublicKeySize), AllCodecs); err == nil {
		t.Error("a client took the point 0 for a server's key")
	}
}

func TestAServerCannotChooseWhatWasNotOffered(t *testing.T) {
	key := fixedKey(t, 1)
	h, err := NewClientHandshake(key.Public(), 1<<CompressionS2)
	if err != nil {
		t.Fatal(err)
	}
	// A server that chooses zstd whatever the client says.
	hs, err := newNoise(key, nil, h.Hello()[:envelopeSize], constant(9))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := hs.ReadMessage(nil, h.Hello()[envelopeSize:]); err != nil {
		t.Fatal(err)
	}
	reply, _, _, err := hs.WriteMessage(appendEnvelope(nil, Version, minBody), []byte{1 << CompressionZstd})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Finish(reply); !errors.Is(err, ErrHandshake) {
		t.Fatalf("Finish: %v", err)
	}
}

func TestLaterBuildsMayAddToThePayloads(t *testing.T) {
	key := fixedKey(t, 1)
	const extra = 40
	hello := appendEnvelope(nil, Version, minBody+extra)
	client, err := newNoise(nil, key.Public(), hello, constant(3))
	if err != nil {
		t.Fatal(err)
	}
	hello, _, _, err = client.WriteMessage(hello, append([]byte{byte(AllCodecs)}, make([]byte, extra)...))
	if err != nil {
		t.Fatal(err)
	}
	if n, _, ch, err := key.Accept(hello); err != nil || n != len(hello) || ch.Codecs() != AllCodecs {
		t.Fatalf("Accept took %d of %d bytes: %v", n, len(hello), err)
	}
}

func TestAServerKeyOfTheWrongSizeIsRefused(t *testing.T) {
	for _, size := range []int{0, PublicKeySize - 1, PublicKeySize + 1} {
		if _, err := NewClientHandshake(make([]byte, size), 0); err == nil {
			t.Errorf("took a key of %d bytes", size)
		}
	}
}

func TestOneKeyServesManyConnectionsAtOnce(t *testing.T) {
	key := fixedKey(t, 1)
	page := sample.History(minZstd)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			h, err := NewClientHandshake(key.Public(), AllCodecs)
			if err != nil {
				t.Error(err)
				return
			}
			_, reply, server, err := key.Accept(h.Hello())
			if err != nil {
				t.Error(err)
				return
			}
			_, client, err := h.Finish(reply)
			if err != nil {
				t.Error(err)
				return
			}
			for _, payload := range [][]byte{page[:minZstd-1], page} {
				packed, c := Compress(nil, payload, client.Codecs())
				plain, _, err := server.Open(client.Seal(nil, packed))
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := Decompress(nil, plain, c, wire.MaxFrame); err != nil || !bytes.Equal(got, payload) {
					t.Errorf("%d bytes arrived as %d: %v", len(payload), len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
