package secure

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// PublicKeySize is the length of a server's public key, an X25519 u-coordinate.
const PublicKeySize = 32

// ServerKey is a site's static key. Whoever holds it can pose as the site; what
// was sent before stays secret, thanks to the ephemeral keys. It is immutable
// and safe for use by any goroutine.
type ServerKey struct {
	private []byte // never changed
	public  []byte
}

// NewServerKey makes a random key that is kept nowhere.
func NewServerKey() (*ServerKey, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("secure: make a server key: %w", err)
	}
	return newServerKey(private), nil
}

func newServerKey(private *ecdh.PrivateKey) *ServerKey {
	return &ServerKey{private: private.Bytes(), public: private.PublicKey().Bytes()}
}

// Public is the key that clients need, PublicKeySize bytes.
func (k *ServerKey) Public() []byte {
	return append([]byte(nil), k.public...)
}

// EncodePublicKey writes a public key as text, the way LBS and configuration
// files carry it: base64url without padding (RFC 4648, section 5).
func EncodePublicKey(pub []byte) string {
	return base64.RawURLEncoding.EncodeToString(pub)
}

// ParsePublicKey reads what EncodePublicKey wrote.
func ParsePublicKey(s string) ([]byte, error) {
	pub, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(s))
	if err != nil {
		return nil, fmt.Errorf("secure: public key is not base64url without padding: %w", err)
	}
	if len(pub) != PublicKeySize {
		return nil, fmt.Errorf("secure: public key has %d bytes, want %d", len(pub), PublicKeySize)
	}
	return pub, nil
}
