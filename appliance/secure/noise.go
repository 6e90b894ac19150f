package secure

import (
	"errors"
	"fmt"
	"io"

	circl "github.com/cloudflare/circl/dh/x25519"
	"github.com/flynn/noise"
)

// protocolName opens the prologue, which both sides mix into the handshake's
// hash. The envelope's first six bytes follow, so that magic, version and length
// are authenticated although they travel in the clear.
const protocolName = "yizhan-link"

// tagSize is the length of a Poly1305 tag.
const tagSize = 16

// newNoise starts one side of Noise_NK_25519_ChaChaPoly_SHA256. k is nil on a
// client, peer on the server.
func newNoise(k *ServerKey, peer []byte, helloEnvelope []byte, random io.Reader) (*noise.HandshakeState, error) {
	config := noise.Config{
		CipherSuite: noise.NewCipherSuite(x25519{}, noise.CipherChaChaPoly, noise.HashSHA256),
		Random:      random,
		Pattern:     noise.HandshakeNK,
		Initiator:   k == nil,
		Prologue:    append([]byte(protocolName), helloEnvelope...),
		PeerStatic:  peer,
	}
	if k != nil {
		config.StaticKeypair = noise.DHKey{Private: k.private, Public: k.public}
	}
	return noise.NewHandshakeState(config)
}

// x25519 is the DH function (RFC 7748) on circl. A server needs three
// operations for a handshake, which are most of its cost: circl's take 22 µs for
// a new key and 37 µs for a shared secret where crypto/ecdh takes 50 and 48
// (BenchmarkX25519; it has assembly for amd64, and on other machines its new keys
// are still a third cheaper), and flynn's own, which parses a key for each
// operation, takes twice that.
type x25519 struct{}

var errLowOrder = errors.New("the peer's key is a point of low order")

// GenerateKeypair implements noise.DHFunc.
func (x25519) GenerateKeypair(random io.Reader) (noise.DHKey, error) {
	var private, public circl.Key
	if _, err := io.ReadFull(random, private[:]); err != nil {
		return noise.DHKey{}, fmt.Errorf("make an ephemeral key: %w", err)
	}
	circl.KeyGen(&public, &private)
	return noise.DHKey{Private: private[:], Public: public[:]}, nil
}

// DH implements noise.DHFunc. It fails for a public key of low order.
func (x25519) DH(private, public []byte) ([]byte, error) {
	if len(private) != circl.Size || len(public) != circl.Size {
		return nil, fmt.Errorf("X25519 keys of %d and %d bytes", len(private), len(public))
	}
	var shared circl.Key
	if !circl.Shared(&shared, (*circl.Key)(private), (*circl.Key)(public)) {
		return nil, errLowOrder
	}
	return shared[:], nil
}

// DHLen implements noise.DHFunc.
func (x25519) DHLen() int { return circl.Size }

// DHName implements noise.DHFunc.
func (x25519) DHName() string { return "25519" }
