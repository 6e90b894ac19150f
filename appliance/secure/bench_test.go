package secure

import (
	"crypto/ecdh"
	"crypto/rand"
	"testing"

	"github.com/flynn/noise"
	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
	"github.com/yizhan-im/yizhan/appliance/wire"
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

// BenchmarkX25519 is the operations of a handshake (Accept needs one new key and
// two shared secrets), beside those of crypto/ecdh and of the noise library.
func BenchmarkX25519(b *testing.B) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	peer := key.PublicKey()
	shared := func(dh noise.DHFunc) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dh.DH(key.Bytes(), peer.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	newKey := func(dh noise.DHFunc) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dh.GenerateKeypair(rand.Reader); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("shared/secure", shared(x25519{}))
	b.Run("shared/noise", shared(noise.DH25519))
	b.Run("shared/ecdh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := key.ECDH(peer); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("key/secure", newKey(x25519{}))
	b.Run("key/noise", newKey(noise.DH25519))
	b.Run("key/ecdh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ecdh.X25519().GenerateKey(rand.Reader); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSeal200 seals records of 200 bytes, and encrypts the same with the
// noise library's CipherState, which makes a nonce on the heap for each.
func BenchmarkSeal200(b *testing.B) {
	plain := make([]byte, 200)
	buf := make([]byte, 0, len(plain)+RecordOverhead)
	b.Run("secure", func(b *testing.B) {
		client, _ := pair()
		b.ReportAllocs()
		for b.Loop() {
			client.Seal(buf, plain)
		}
	})
	b.Run("library", func(b *testing.B) {
		suite := noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashSHA256)
		state := noise.UnsafeNewCipherState(suite, [32]byte{1}, 0)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := state.Encrypt(buf, nil, plain); err != nil {
				b.Fatal(err)
			}
		}
	})
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

// benchmarkPayloads are a small packet and a history page.
func benchmarkPayloads(b *testing.B) map[string][]byte {
	b.Helper()
	for _, payload := range sample.Holdout() {
		if n := len(payload); n > 190 && n < 210 {
			return map[string][]byte{"200B": payload, "8KB": sample.History(8 << 10)}
		}
	}
	b.Fatal("no sample of about 200 bytes")
	return nil
}

func BenchmarkCompress(b *testing.B) {
	for name, payload := range benchmarkPayloads(b) {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 2*len(payload))
			out, _ := Compress(buf, payload, AllCodecs)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				Compress(buf, payload, AllCodecs)
			}
			b.ReportMetric(float64(len(out))/float64(len(payload)), "ratio")
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	for name, payload := range benchmarkPayloads(b) {
		b.Run(name, func(b *testing.B) {
			out, c := Compress(nil, payload, AllCodecs)
			buf := make([]byte, 0, len(payload))
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decompress(buf, out, c, wire.MaxFrame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkS2 compares this package's encoder with the library's on small
// packets, in time and in bytes.
func BenchmarkS2(b *testing.B) {
	payloads := sample.Holdout()
	buf := make([]byte, 0, 4<<10)
	for name, encode := range map[string]func([]byte) []byte{
		"secure":  func(p []byte) []byte { return appendS2(buf, p) },
		"library": func(p []byte) []byte { return s2Dictionary().Encode(buf, p) },
	} {
		b.Run(name, func(b *testing.B) {
			raw, packed := 0, 0
			for _, p := range payloads {
				raw, packed = raw+len(p), packed+len(encode(p))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				encode(payloads[i%len(payloads)])
				i++
			}
			b.ReportMetric(float64(packed)/float64(raw), "ratio")
		})
	}
}
