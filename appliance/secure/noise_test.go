package secure

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"testing"
)

// TestX25519AgreesWithTheStandardLibrary compares two implementations of RFC 7748
// on random keys, including public keys with the bit set that is to be ignored.
func TestX25519AgreesWithTheStandardLibrary(t *testing.T) {
	for range 200 {
		pair, err := x25519{}.GenerateKeypair(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ecdh.X25519().NewPrivateKey(pair.Private)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(pair.Public, key.PublicKey().Bytes()) {
			t.Fatalf("private key %x: public keys differ", pair.Private)
		}
		point := make([]byte, PublicKeySize)
		rand.Read(point)
		peer, err := ecdh.X25519().NewPublicKey(point)
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := key.ECDH(peer)
		got, gotErr := x25519{}.DH(pair.Private, point)
		if !bytes.Equal(got, want) || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("private key %x, point %x: got %x %v, want %x %v", pair.Private, point, got, gotErr, want, wantErr)
		}
	}
}

// The points of small order (RFC 7748, section 6.1) would let a peer choose the
// shared secret.
func TestX25519RefusesPointsOfLowOrder(t *testing.T) {
	one := make([]byte, PublicKeySize)
	one[0] = 1
	for _, point := range [][]byte{make([]byte, PublicKeySize), one} {
		if shared, err := (x25519{}).DH(filled(7), point); err == nil {
			t.Errorf("point %x gives %x", point, shared)
		}
	}
	if _, err := (x25519{}).DH(filled(7), one[1:]); err == nil {
		t.Error("a short key was accepted")
	}
}
