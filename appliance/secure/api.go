package secure

import (
	"errors"

	"github.com/yizhan-im/yizhan/appliance/wire"
)

const (
	PublicKeySize  = 32
	MaxHello       = 256
	MaxReply       = 256
	RecordOverhead = 18
	MaxRecordPlain = 16<<10 - RecordOverhead

	CompressionS2   wire.Compression = 1
	CompressionZstd wire.Compression = 2
)

// Codecs is a set of compressions: bit i stands for wire.Compression i.
type Codecs uint8

const AllCodecs Codecs = 1<<CompressionS2 | 1<<CompressionZstd

var (
	ErrNotLink    = errors.New("secure: not the Link protocol")
	ErrVersion    = errors.New("secure: protocol version not served")
	ErrHandshake  = errors.New("secure: handshake failed")
	ErrTampered   = errors.New("secure: record failed authentication")
	ErrRecordSize = errors.New("secure: record length out of range")
	ErrCompressed = errors.New("secure: payload cannot be decompressed")
	errPending    = errors.New("secure: pending")
)

type RefusedError struct{ Code wire.Code }

func (e *RefusedError) Error() string { return e.Code.Meaning() }

type ServerKey struct{}

func LoadOrCreateServerKey(path string) (*ServerKey, error) { return nil, errPending }
func NewServerKey() (*ServerKey, error)                     { return nil, errPending }
func (k *ServerKey) Public() []byte                         { return nil }
func EncodePublicKey(pub []byte) string                     { return "" }
func ParsePublicKey(s string) ([]byte, error)               { return nil, errPending }
func (k *ServerKey) Accept(in []byte) (n int, reply []byte, ch *Channel, err error) {
	return 0, nil, nil, errPending
}

// Refusal is the plaintext reply that refuses a hello with code.
func Refusal(code wire.Code) []byte { return nil }

type ClientHandshake struct{}

func NewClientHandshake(serverPublic []byte, offer Codecs) (*ClientHandshake, error) {
	return nil, errPending
}
func (h *ClientHandshake) Hello() []byte { return nil }
func (h *ClientHandshake) Finish(in []byte) (n int, ch *Channel, err error) {
	return 0, nil, errPending
}

type Channel struct{}

func (c *Channel) Codecs() Codecs                                  { return 0 }
func (c *Channel) Seal(dst, plain []byte) []byte                   { return dst }
func (c *Channel) Open(in []byte) (plain []byte, n int, err error) { return nil, 0, errPending }
func Compress(dst, payload []byte, allowed Codecs) (out []byte, c wire.Compression) {
	return dst, wire.CompressionNone
}
func Decompress(dst, payload []byte, c wire.Compression, limit int) ([]byte, error) {
	return dst, errPending
}
