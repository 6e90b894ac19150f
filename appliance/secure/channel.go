package secure

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// A record is its length after these two bytes (16 bits, big-endian), the
// encrypted bytes, and their tag. Changing a number breaks compatibility.
const (
	recordHeader = 2

	// RecordOverhead is what a record adds to the bytes it carries.
	RecordOverhead = recordHeader + tagSize
	// MaxRecord is the longest record, so that a 16 KiB buffer always holds one.
	MaxRecord = 16 << 10
	// MaxRecordPlain is the most bytes that one record carries.
	MaxRecordPlain = MaxRecord - RecordOverhead

	// recordsPerKey is how many records one key seals. Then it is replaced by a
	// key derived from it (Noise, section 11.3), so that a counter never runs
	// out, and a stolen key does not open what was sealed before the change. The
	// cost, under a microsecond, is spread over 65,536 records.
	recordsPerKey = 1 << 16
)

// Errors of Channel.Open. Both end the connection.
var (
	// ErrTampered is returned when a record was altered, repeated, reordered or
	// sealed by someone else, or one before it is missing.
	ErrTampered = errors.New("secure: record failed authentication")
	// ErrRecordSize is returned when a record announces a length that no record
	// has: no content, or more than MaxRecordPlain bytes of it.
	ErrRecordSize = errors.New("secure: record length out of range")
)

// Channel seals and opens the records of one connection. One goroutine at a time
// may seal, and another open. It takes 144 bytes: 80 and a cipher of 32 for each
// direction.
type Channel struct {
	send, recv direction
	codecs     Codecs
	broken     bool // a record failed; owned by the opening goroutine
}

func newChannel(send, recv [32]byte, codecs Codecs) *Channel {
	return &Channel{send: newDirection(send), recv: newDirection(recv), codecs: codecs}
}

// Codecs is what both sides agreed to use for compression.
func (c *Channel) Codecs() Codecs { return c.codecs }

// Seal appends plain to dst as one record, or as several when it is longer than
// MaxRecordPlain; nothing when it is empty. plain must not share memory with
// dst, its spare capacity included. It allocates only when dst must grow.
func (c *Channel) Seal(dst, plain []byte) []byte {
	for len(plain) > 0 {
		piece := plain[:min(len(plain), MaxRecordPlain)]
		plain = plain[len(piece):]
		dst = slices.Grow(dst, len(piece)+RecordOverhead)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(piece)+tagSize))
		dst = c.send.aead.Seal(dst, c.send.nonce[:], piece, nil)
		c.send.advance()
	}
	return dst
}

// Open decrypts the first record of in, in place: plain shares memory with in. n
// is the bytes it took, or 0 when the record has not wholly arrived. After an
// error every later call returns ErrTampered.
//
// An end of the stream between two records cannot be told from an attacker's
// cut; what was not acknowledged must be taken as lost.
func (c *Channel) Open(in []byte) (plain []byte, n int, err error) {
	if c.broken {
		return nil, 0, ErrTampered
	}
	if len(in) < recordHeader {
		return nil, 0, nil
	}
	n = recordHeader + int(binary.BigEndian.Uint16(in))
	if n <= RecordOverhead || n > MaxRecord {
		c.broken = true
		return nil, 0, ErrRecordSize
	}
	if len(in) < n {
		return nil, 0, nil
	}
	sealed := in[recordHeader:n]
	plain, err = c.recv.aead.Open(sealed[:0], c.recv.nonce[:], sealed, nil)
	if err != nil {
		c.broken = true
		return nil, 0, ErrTampered
	}
	c.recv.advance()
	return plain, n, nil
}

// direction is one way of a channel. The nonce is Noise's: four zero bytes and
// the number of the record under this key, 64 bits, little-endian. It is kept in
// that form because a nonce made for each call would escape to the heap.
type direction struct {
	aead  cipher.AEAD
	nonce [chacha20poly1305.NonceSize]byte
}

func newDirection(key [chacha20poly1305.KeySize]byte) direction {
	return direction{aead: newAEAD(key[:])}
}

func (d *direction) advance() {
	count := binary.LittleEndian.Uint64(d.nonce[4:]) + 1
	if count == recordsPerKey {
		d.rekey()
		count = 0
	}
	binary.LittleEndian.PutUint64(d.nonce[4:], count)
}

// rekey is Noise's REKEY: the next key is the first 32 bytes of 32 zero bytes
// sealed under the largest nonce, which no record uses.
func (d *direction) rekey() {
	var last [chacha20poly1305.NonceSize]byte
	binary.LittleEndian.PutUint64(last[4:], 1<<64-1)
	var zeros [chacha20poly1305.KeySize]byte
	next := d.aead.Seal(nil, last[:], zeros[:], nil)
	d.aead = newAEAD(next[:chacha20poly1305.KeySize])
}

func newAEAD(key []byte) cipher.AEAD {
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		// Only a key of the wrong length, or a process in FIPS 140-only mode,
		// which cannot run this protocol at all.
		panic("secure: " + err.Error())
	}
	return aead
}
