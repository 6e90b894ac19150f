package secure

import (
	"crypto/ecdh"
	"testing"
)

// fixedKey is a server key whose private bytes are all fill.
func fixedKey(t testing.TB, fill byte) *ServerKey {
	t.Helper()
	private, err := ecdh.X25519().NewPrivateKey(filled(fill))
	if err != nil {
		t.Fatal(err)
	}
	return newServerKey(private)
}

// filled is 32 bytes of fill.
func filled(fill byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = fill
	}
	return b
}

// constant is a source of randomness that repeats one byte.
type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

// handshake runs one between a client and the owner of key.
func handshake(t testing.TB, key *ServerKey, offer Codecs) (client, server *Channel) {
	t.Helper()
	h, err := NewClientHandshake(key.Public(), offer)
	if err != nil {
		t.Fatal(err)
	}
	n, reply, server, err := key.Accept(h.Hello())
	if err != nil || n != len(h.Hello()) {
		t.Fatalf("Accept took %d of %d bytes: %v", n, len(h.Hello()), err)
	}
	n, client, err = h.Finish(reply)
	if err != nil || n != len(reply) {
		t.Fatalf("Finish took %d of %d bytes: %v", n, len(reply), err)
	}
	return client, server
}

// pair is two channels that share keys, without the cost of a handshake.
func pair() (client, server *Channel) {
	return newChannel([32]byte{1}, [32]byte{2}, AllCodecs), newChannel([32]byte{2}, [32]byte{1}, AllCodecs)
}
