package framing_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/link/internal/framing"
	"github.com/yizhan-im/yizhan/appliance/secure"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

func TestAppendThenDecompressGivesThePayloadBack(t *testing.T) {
	for _, codecs := range []secure.Codecs{0, 1 << secure.CompressionS2, 1 << secure.CompressionZstd, secure.AllCodecs} {
		for _, size := range []int{0, 1, 63, 64, 200, 5000, 300 << 10} {
			payload := bytes.Repeat([]byte("all work and no play "), size/21+1)[:size]
			prefix := []byte("before")
			b, err := framing.Append(bytes.Clone(prefix), &wire.Frame{Kind: wire.KindPush, Command: 64, Payload: payload}, nil, codecs)
			if err != nil || !bytes.HasPrefix(b, prefix) {
				t.Fatalf("codecs %d, %d bytes: error %v", codecs, size, err)
			}
			f, n, err := wire.ParseFrame(b[len(prefix):], wire.MaxFrame)
			if err != nil || n != len(b)-len(prefix) {
				t.Fatalf("codecs %d, %d bytes: parsed %d of %d, error %v", codecs, size, n, len(b)-len(prefix), err)
			}
			got := f.Payload
			if f.Compression != wire.CompressionNone {
				if got, err = framing.Decompress(nil, &f, codecs); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, payload) {
				t.Errorf("codecs %d, %d bytes: the payload has changed", codecs, size)
			}
		}
	}
}

func TestAppendOfABodyIsAppendOfItsBytes(t *testing.T) {
	body := &wire.SendRequest{To: "bob", Body: string(bytes.Repeat([]byte("text "), 100))}
	payload, err := body.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	for _, codecs := range []secure.Codecs{0, secure.AllCodecs} {
		fromBody, err := framing.Append(nil, &wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: 9}, body, codecs)
		if err != nil {
			t.Fatal(err)
		}
		fromBytes, err := framing.Append(nil, &wire.Frame{Kind: wire.KindRequest, Command: wire.CmdSend, Serial: 9, Payload: payload}, nil, codecs)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fromBody, fromBytes) {
			t.Errorf("codecs %d: the two differ", codecs)
		}
	}
}

func TestAFrameThatIsTooLargeLeavesTheBufferAsItWas(t *testing.T) {
	before := []byte("before")
	after, err := framing.Append(before, &wire.Frame{Kind: wire.KindPush, Payload: make([]byte, wire.MaxFrame)}, nil, 0)
	if !errors.Is(err, wire.ErrFrameTooLarge) || !bytes.Equal(after, before) {
		t.Errorf("error %v, %d bytes", err, len(after))
	}
}
