package secure

import (
	"crypto/rand"
	"fmt"
	"io"

	"github.com/flynn/noise"
)

// ClientHandshake is the client's side of one handshake. It serves one
// connection; another needs a new one.
type ClientHandshake struct {
	noise *noise.HandshakeState
	offer Codecs
	hello []byte
}

// NewClientHandshake prepares a handshake with the server that owns
// serverPublic (PublicKeySize bytes), offering the compressions of offer.
func NewClientHandshake(serverPublic []byte, offer Codecs) (*ClientHandshake, error) {
	return newClientHandshake(serverPublic, offer, rand.Reader)
}

func newClientHandshake(serverPublic []byte, offer Codecs, random io.Reader) (*ClientHandshake, error) {
	if len(serverPublic) != PublicKeySize {
		return nil, fmt.Errorf("secure: server public key has %d bytes, want %d", len(serverPublic), PublicKeySize)
	}
	hello := appendEnvelope(make([]byte, 0, envelopeSize+minBody), Version, minBody)
	hs, err := newNoise(nil, serverPublic, hello, random)
	if err != nil {
		return nil, fmt.Errorf("secure: start a handshake: %w", err)
	}
	hello, _, _, err = hs.WriteMessage(hello, []byte{byte(offer)})
	if err != nil {
		return nil, fmt.Errorf("secure: server public key cannot be used: %w", err)
	}
	return &ClientHandshake{noise: hs, offer: offer, hello: hello}, nil
}

// Hello is the first thing to send. The caller must not change it.
func (h *ClientHandshake) Hello() []byte { return h.hello }

// Finish reads the server's answer at the start of in. n is the bytes it took,
// or 0 when the answer has not wholly arrived, which takes at most MaxReply
// bytes. After an error, which is a *RefusedError when the server said why, the
// connection is useless.
func (h *ClientHandshake) Finish(in []byte) (n int, ch *Channel, err error) {
	version, body, n, err := parseEnvelope(in, MaxReply, true)
	switch {
	case err != nil:
		return 0, nil, err
	case n == 0:
		return 0, nil, nil
	case version == refusalVersion:
		return 0, nil, parseRefusal(body)
	}
	choice, toServer, fromServer, err := h.noise.ReadMessage(nil, body)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: read the reply: %w", ErrHandshake, err)
	}
	chosen := Codecs(choice[0]) // minBody promises one byte
	if chosen&^h.offer != 0 {
		return 0, nil, fmt.Errorf("%w: server chose compressions %#x of %#x", ErrHandshake, chosen, h.offer)
	}
	return n, newChannel(toServer.UnsafeKey(), fromServer.UnsafeKey(), chosen), nil
}
