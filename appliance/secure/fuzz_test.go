package secure

import (
	"bytes"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
	"github.com/yizhan-im/yizhan/appliance/wire"
)

// FuzzAccept: whatever a stranger sends, the server takes it whole, waits for a
// bounded rest, or refuses.
func FuzzAccept(f *testing.F) {
	key := fixedKey(f, 1)
	for _, public := range [][]byte{key.Public(), fixedKey(f, 2).Public()} {
		h, err := newClientHandshake(public, AllCodecs, constant(3))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(h.Hello())
		f.Add(h.Hello()[:20])
	}
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(Refusal(wire.CodeBusy))
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		n, reply, ch, err := key.Accept(in)
		if !bytes.Equal(in, before) {
			t.Fatal("the input was changed")
		}
		switch {
		case len(reply) > MaxReply || n > min(len(in), MaxHello):
			t.Fatalf("took %d of %d bytes, replied %d", n, len(in), len(reply))
		case err != nil && (n != 0 || ch != nil):
			t.Fatalf("an error beside %d bytes and a channel: %v", n, err)
		case err == nil && n == 0 && (len(in) >= MaxHello || reply != nil || ch != nil):
			t.Fatalf("still waits after %d bytes", len(in))
		case err == nil && n > 0 && (ch == nil || len(reply) == 0):
			t.Fatal("success without a channel or a reply")
		}
	})
}

// FuzzFinish: whatever a server or someone in between answers, the client
// finishes, waits for a bounded rest, or gives up.
func FuzzFinish(f *testing.F) {
	key := fixedKey(f, 1)
	newClient := func(tb testing.TB) *ClientHandshake {
		h, err := newClientHandshake(key.Public(), 1<<CompressionS2, constant(3))
		if err != nil {
			tb.Fatal(err)
		}
		return h
	}
	_, reply, _, err := key.accept(newClient(f).Hello(), constant(4))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reply)
	f.Add(reply[:30])
	f.Add(Refusal(wire.CodeBusy))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		n, ch, err := newClient(t).Finish(in)
		switch {
		case n > min(len(in), MaxReply):
			t.Fatalf("took %d of %d bytes", n, len(in))
		case err != nil && (n != 0 || ch != nil):
			t.Fatalf("an error beside %d bytes and a channel: %v", n, err)
		case err == nil && n == 0 && len(in) >= MaxReply:
			t.Fatalf("still waits after %d bytes", len(in))
		case err == nil && n > 0 && !bytes.Equal(in[:n], reply):
			t.Fatalf("finished with a reply that the server did not make: %x", in[:n])
		}
	})
}

// FuzzOpen: a stream opens to what was sealed, up to the first byte that differs.
func FuzzOpen(f *testing.F) {
	texts := []string{"first", "second record", "third"}
	seal := func() (stream []byte, server *Channel) {
		client, server := pair()
		for _, text := range texts {
			stream = client.Seal(stream, []byte(text))
		}
		return stream, server
	}
	stream, _ := seal()
	f.Add(stream)
	f.Add(stream[:len(stream)-1])
	f.Add(stream[RecordOverhead+len(texts[0]):])
	f.Add([]byte{0, 0, 1})
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		sealed, server := seal()
		honest, used := bytes.Clone(in), 0
		for i := 0; ; i++ {
			plain, n, err := server.Open(in)
			if err != nil || n == 0 {
				if plain != nil || err == nil && len(in) >= MaxRecord {
					t.Fatalf("%q beside an error, or still waiting after %d bytes: %v", plain, len(in), err)
				}
				return
			}
			used += n
			if i >= len(texts) || string(plain) != texts[i] || !bytes.Equal(honest[:used], sealed[:used]) {
				t.Fatalf("record %d opened to %q", i, plain)
			}
			in = in[n:]
		}
	})
}

// FuzzDecompress: a peer's payload never panics, never yields more than the
// limit, and dst survives.
func FuzzDecompress(f *testing.F) {
	const limit = 64 << 10
	for _, payload := range [][]byte{sample.Holdout()[0], sample.Holdout()[50], sample.History(3 << 10), make([]byte, 2*limit)} {
		f.Add(byte(CompressionS2), appendS2(nil, payload[:min(len(payload), maxS2)]))
		f.Add(byte(CompressionZstd), zstdEncoder().EncodeAll(payload, nil))
	}
	f.Add(byte(9), []byte("?"))
	f.Fuzz(func(t *testing.T, c byte, payload []byte) {
		out, err := Decompress([]byte("kept"), payload, wire.Compression(c), limit)
		if string(out[:4]) != "kept" || len(out)-4 > limit {
			t.Fatalf("%d bytes", len(out)-4)
		}
		if err != nil && len(out) != 4 {
			t.Fatalf("%d bytes beside an error: %v", len(out)-4, err)
		}
		if err == nil && c == byte(CompressionS2) {
			want, err := refDecodeS2(payload, dictionary1)
			if err != nil || !bytes.Equal(out[4:], want) {
				t.Fatalf("the reference decoder disagrees: %v", err)
			}
		}
	})
}

// FuzzCompress: what one side compresses, the other gets back.
func FuzzCompress(f *testing.F) {
	for _, payload := range [][]byte{sample.Holdout()[0], sample.Holdout()[50], sample.History(minZstd), dictionary1[:300]} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, allowed := range []Codecs{1 << CompressionS2, 1 << CompressionZstd} {
			out, c := Compress(nil, payload, allowed)
			if c == wire.CompressionNone {
				continue
			}
			got, err := Decompress(nil, out, c, len(payload))
			if err != nil || !bytes.Equal(got, payload) {
				t.Fatalf("compression %d: %v", c, err)
			}
		}
		if len(payload) > maxS2 {
			return
		}
		if got, err := refDecodeS2(appendS2(nil, payload), dictionary1); err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("the reference decoder: %v", err)
		}
	})
}
