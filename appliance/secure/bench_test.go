package secure

import (
	"crypto/ecdh"
	"crypto/rand"
	"testing"

	"github.com/flynn/noise"
)

// BenchmarkAccept is the server's side of one handshake.
func BenchmarkAccept(b *testing.B) {
	key := fixedKey(b, 1)
	h, err := NewClientHandshake(key.Public(), AllCodecs)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := key.Accept(h.Hello()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkX25519 is one DH operation, of which Accept needs three, and the
// library's way of doing it.
func BenchmarkX25519(b *testing.B) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	peer := key.PublicKey().Bytes()
	b.Run("secure", func(b *testing.B) {
		x := &x25519{static: key}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := x.DH(staticHandle, peer); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		private := key.Bytes()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := noise.DH25519.DH(private, peer); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSeal200(b *testing.B) {
	client, _ := pair()
	plain := make([]byte, 200)
	buf := make([]byte, 0, len(plain)+RecordOverhead)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		client.Seal(buf, plain)
	}
}

// BenchmarkSealOpen200 seals one record and opens it.
func BenchmarkSealOpen200(b *testing.B) {
	client, server := pair()
	plain := make([]byte, 200)
	buf := make([]byte, 0, len(plain)+RecordOverhead)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := server.Open(client.Seal(buf, plain)); err != nil {
			b.Fatal(err)
		}
	}
}
