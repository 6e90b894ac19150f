package secure

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/secure/internal/sample"
	"github.com/yizhan-im/yizhan/appliance/wire"
	"golang.org/x/crypto/chacha20poly1305"
)

// This file is a second client, written from PROTOCOL.md alone and sharing
// nothing with the package but the dictionary: what one makes, the other must
// read. It is also the shortest thing to port to another language.

// refClient is the client's side of the handshake (PROTOCOL.md, "Handshake").
type refClient struct {
	ephemeral *ecdh.PrivateKey
	hash, ck  []byte
	key       []byte
}

func newRefClient(t testing.TB, serverPublic, ephemeral []byte, offer byte) (*refClient, []byte) {
	t.Helper()
	private, err := ecdh.X25519().NewPrivateKey(ephemeral)
	if err != nil {
		t.Fatal(err)
	}
	c := &refClient{ephemeral: private}
	hello := []byte{'Y', 'Z', 'L', 1, 0, 49}
	name := []byte("Noise_NK_25519_ChaChaPoly_SHA256") // 32 bytes, so it is not hashed
	c.hash, c.ck = name, name
	c.mixHash(append([]byte("yizhan-link"), hello...))
	c.mixHash(serverPublic)

	e := private.PublicKey().Bytes()
	c.mixHash(e)
	c.mixKey(t, serverPublic)
	sealed := refSeal(c.key, 0, []byte{offer}, c.hash)
	c.mixHash(sealed)
	return c, append(append(hello, e...), sealed...)
}

// finish reads the reply's body and returns the choice and the two keys.
func (c *refClient) finish(t testing.TB, body []byte) (choice byte, send, recv []byte) {
	t.Helper()
	e, sealed := body[:32], body[32:]
	c.mixHash(e)
	c.mixKey(t, e)
	plain, err := refOpen(c.key, 0, sealed, c.hash)
	if err != nil {
		t.Fatal(err)
	}
	send, recv = refHKDF(c.ck, nil)
	return plain[0], send, recv
}

func (c *refClient) mixHash(data []byte) {
	sum := sha256.Sum256(append(bytes.Clone(c.hash), data...))
	c.hash = sum[:]
}

func (c *refClient) mixKey(t testing.TB, public []byte) {
	t.Helper()
	peer, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	shared, err := c.ephemeral.ECDH(peer)
	if err != nil {
		t.Fatal(err)
	}
	c.ck, c.key = refHKDF(c.ck, shared)
}

func refHKDF(ck, input []byte) (first, second []byte) {
	mac := func(key []byte, data ...byte) []byte {
		m := hmac.New(sha256.New, key)
		m.Write(data)
		return m.Sum(nil)
	}
	temp := mac(ck, input...)
	first = mac(temp, 1)
	return first, mac(temp, append(bytes.Clone(first), 2)...)
}

func refSeal(key []byte, n uint64, plain, ad []byte) []byte {
	aead, _ := chacha20poly1305.New(key) // 32 bytes always
	return aead.Seal(nil, refNonce(n), plain, ad)
}

func refOpen(key []byte, n uint64, sealed, ad []byte) ([]byte, error) {
	aead, _ := chacha20poly1305.New(key)
	return aead.Open(nil, refNonce(n), sealed, ad)
}

func refNonce(n uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, 4), n)
}

func refRekey(key []byte) []byte {
	return refSeal(key, 1<<64-1, make([]byte, 32), nil)[:32]
}

func refRecord(key []byte, n uint64, plain []byte) []byte {
	sealed := refSeal(key, n, plain, nil)
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(sealed))), sealed...)
}

// refDecodeS2 decodes a block of CompressionS2 (PROTOCOL.md, "S2 blocks").
func refDecodeS2(block, dictionary []byte) ([]byte, error) {
	size, w := binary.Uvarint(block)
	if w <= 0 {
		return nil, errors.New("no length")
	}
	out := bytes.Clone(dictionary)
	offset := len(dictionary)
	number := func(b []byte, n int) (v int) {
		for i := range n {
			v |= int(b[i]) << (8 * i)
		}
		return v
	}
	for b := block[w:]; len(b) > 0; {
		x := int(b[0]) >> 2
		var length int
		switch b[0] & 3 {
		case 0:
			extra := max(0, x-59)
			if extra > 0 {
				x = number(b[1:], extra)
			}
			out = append(out, b[1+extra:1+extra+x+1]...)
			b = b[1+extra+x+1:]
			continue
		case 1:
			near := int(b[0])>>5<<8 | int(b[1])
			x &= 7
			b = b[2:]
			switch {
			case near > 0:
				offset, length = near, x+4
			case x < 5:
				length = x + 4
			default:
				extra := x - 4
				length = number(b, extra) + []int{8, 260, 65540}[x-5]
				b = b[extra:]
			}
		case 2:
			offset, length = number(b[1:], 2), x+1
			b = b[3:]
		case 3:
			offset, length = number(b[1:], 4), x+1
			b = b[5:]
		}
		for range length {
			out = append(out, out[len(out)-offset])
		}
	}
	out = out[len(dictionary):]
	if uint64(len(out)) != size {
		return nil, errors.New("wrong length")
	}
	return out, nil
}

func TestTheReferenceClientReadsTheVectors(t *testing.T) {
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}

	client, hello := newRefClient(t, v.Handshake.ServerPublic, v.Handshake.ClientEphemeralPrivate, byte(v.Handshake.Offer))
	if !bytes.Equal(hello, v.Handshake.Hello) {
		t.Fatalf("hello %x", hello)
	}
	choice, send, recv := client.finish(t, v.Handshake.Reply[6:])
	if choice != byte(v.Handshake.Choice) || !bytes.Equal(send, v.Handshake.ClientToServerKey) || !bytes.Equal(recv, v.Handshake.ServerToClientKey) {
		t.Fatalf("choice %d, keys %x and %x", choice, send, recv)
	}

	keys, counts := map[string][]byte{"client": send, "server": recv}, map[string]uint64{}
	for i, r := range v.Records {
		if got := refRecord(keys[r.From], counts[r.From], r.Plain); !bytes.Equal(got, r.Record) {
			t.Errorf("record %d is %x", i, got)
		}
		counts[r.From]++
	}
	next := refRekey(send)
	if !bytes.Equal(next, v.AfterRekey.Key) || !bytes.Equal(refRecord(next, 0, v.AfterRekey.Plain), v.AfterRekey.Record) {
		t.Errorf("the second key is %x", next)
	}
	for i, c := range v.Compressed {
		if c.Compression != CompressionS2 {
			continue
		}
		if got, err := refDecodeS2(c.Compressed, dictionary1); err != nil || !bytes.Equal(got, c.Plain) {
			t.Errorf("payload %d: %x, %v", i, got, err)
		}
	}
}

func TestTheReferenceClientTalksToTheServer(t *testing.T) {
	key, err := NewServerKey()
	if err != nil {
		t.Fatal(err)
	}
	client, hello := newRefClient(t, key.Public(), filled(7), byte(AllCodecs))
	_, reply, server, err := key.Accept(hello)
	if err != nil {
		t.Fatal(err)
	}
	choice, send, recv := client.finish(t, reply[6:])
	if Codecs(choice) != AllCodecs {
		t.Errorf("choice %d", choice)
	}
	plain, _, err := server.Open(refRecord(send, 0, []byte("from the client")))
	if err != nil || string(plain) != "from the client" {
		t.Errorf("the server opened %q, %v", plain, err)
	}
	if got := server.Seal(nil, []byte("from the server")); !bytes.Equal(got, refRecord(recv, 0, []byte("from the server"))) {
		t.Errorf("the server sealed %x", got)
	}
}

func TestTheReferenceDecoderReadsEveryBlock(t *testing.T) {
	payloads := append(sample.Holdout(), sample.Train()...)
	payloads = append(payloads, sample.History(60000), bytes.Repeat([]byte("a"), maxS2), dictionary1,
		append([]byte("not in it: "), dictionary1[:100]...),                                            // its first byte
		append(bytes.Clone(dictionary1[len(dictionary1)-100:]), dictionary1[len(dictionary1)-100:]...), // its last byte, twice
	)
	for i, payload := range payloads {
		block := appendS2(nil, payload)
		if got, err := refDecodeS2(block, dictionary1); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("payload %d: %v", i, err)
		}
		if got, err := Decompress(nil, block, CompressionS2, wire.MaxFrame); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("payload %d: the library: %v", i, err)
		}
	}
}
