package secure

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

// Accept answers the hello at the start of in. n is the bytes it took, or 0 when
// the hello has not wholly arrived, which takes at most MaxHello bytes. The
// caller writes reply and then uses ch.
//
// On an error the caller closes the connection, after writing reply when there
// is one: a plaintext refusal that tells an honest client why. A peer that does
// not speak the protocol at all (ErrNotLink) is told nothing.
func (k *ServerKey) Accept(in []byte) (n int, reply []byte, ch *Channel, err error) {
	return k.accept(in, rand.Reader)
}

func (k *ServerKey) accept(in []byte, random io.Reader) (n int, reply []byte, ch *Channel, err error) {
	_, hello, n, err := parseEnvelope(in, MaxHello, false)
	if err == nil && n > 0 {
		reply, ch, err = k.answer(in[:envelopeSize], hello, random)
	}
	switch {
	case err == nil:
		return n, reply, ch, nil
	case errors.Is(err, ErrVersion):
		return 0, Refusal(wire.CodeClientTooOld), nil, err
	case errors.Is(err, ErrHandshake):
		return 0, Refusal(wire.CodeMalformedFrame), nil, err
	default:
		return 0, nil, nil, err
	}
}

// answer reads the hello's Noise message and makes the reply and the channel.
func (k *ServerKey) answer(envelope, hello []byte, random io.Reader) (reply []byte, ch *Channel, err error) {
	hs, err := newNoise(k, nil, envelope, random)
	if err != nil {
		return nil, nil, fmt.Errorf("secure: start a handshake: %w", err)
	}
	var buf [MaxHello]byte
	offer, _, _, err := hs.ReadMessage(buf[:0], hello)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: read the hello: %w", ErrHandshake, err)
	}
	chosen := Codecs(offer[0]) & AllCodecs // minBody promises one byte

	reply = appendEnvelope(make([]byte, 0, envelopeSize+minBody), Version, minBody)
	reply, fromClient, toClient, err := hs.WriteMessage(reply, []byte{byte(chosen)})
	if err != nil {
		return nil, nil, fmt.Errorf("%w: write the reply: %w", ErrHandshake, err)
	}
	return reply, newChannel(toClient.UnsafeKey(), fromClient.UnsafeKey(), chosen), nil
}
