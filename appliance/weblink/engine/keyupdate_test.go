package engine_test

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// record types of TLS (RFC 8446 §5.1).
const (
	tlsHandshake   = 22
	tlsApplication = 23
)

// tlsWriter makes a client's TLS 1.3 records (RFC 8446 §5.2), for what
// crypto/tls does not send: requests for new keys.
type tlsWriter struct {
	t      *testing.T
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	number uint64
}

func newTLSWriter(t *testing.T, secret []byte) *tlsWriter {
	w := &tlsWriter{t: t}
	w.use(secret)
	return w
}

// use starts with the keys of secret (§7.3).
func (w *tlsWriter) use(secret []byte) {
	block, err := aes.NewCipher(w.expand(secret, "key", 16))
	if err != nil {
		w.t.Fatal(err)
	}
	if w.aead, err = cipher.NewGCM(block); err != nil {
		w.t.Fatal(err)
	}
	w.secret, w.iv, w.number = secret, w.expand(secret, "iv", 12), 0
}

// expand is HKDF-Expand-Label without a context (§7.1).
func (w *tlsWriter) expand(secret []byte, label string, length int) []byte {
	label = "tls13 " + label
	info := append([]byte{0, byte(length), byte(len(label))}, label...)
	key, err := hkdf.Expand(sha256.New, secret, string(append(info, 0)), length)
	if err != nil {
		w.t.Fatal(err)
	}
	return key
}

func (w *tlsWriter) append(dst []byte, kind byte, data []byte) []byte {
	nonce := bytes.Clone(w.iv)
	for i, b := range binary.BigEndian.AppendUint64(nil, w.number) {
		nonce[4+i] ^= b
	}
	w.number++
	inner := append(bytes.Clone(data), kind)
	size := len(inner) + w.aead.Overhead()
	header := []byte{tlsApplication, 3, 3, byte(size >> 8), byte(size)}
	return w.aead.Seal(append(dst, header...), nonce, inner, header)
}

// appendUpdate changes our keys and asks the server for new ones (§4.6.3).
func (w *tlsWriter) appendUpdate(dst []byte) []byte {
	const keyUpdate, requested = 24, 1
	dst = w.append(dst, tlsHandshake, []byte{keyUpdate, 0, 0, 1, requested})
	w.use(w.expand(w.secret, "traffic upd", sha256.Size))
	return dst
}

// A TLS client may ask for new keys as often as it likes. The reader answers, and
// waits when the client does not read; whoever flushes must not wait for that.
func TestFlushersDoNotWaitForTheAnswersOfTLS(t *testing.T) {
	a := newApp()
	a.sendBuffer = 64 << 10
	n := serve(t, a, engine.Options{WriteTimeout: time.Hour})
	for range 4 { // more than there are flushers
		raw := n.dialRaw(t, true)
		_ = raw.(*net.TCPConn).SetReadBuffer(4 << 10)
		var log bytes.Buffer
		conn := tls.Client(raw, &tls.Config{
			InsecureSkipVerify: true, KeyLogWriter: &log, MinVersion: tls.VersionTLS13,
			SessionTicketsDisabled: true,
		})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if conn.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
			t.Skip("this machine prefers another cipher suite")
		}
		_, rest, _ := strings.Cut(log.String(), "CLIENT_TRAFFIC_SECRET_0 ")
		line, _, _ := strings.Cut(rest, "\n")
		secret, err := hex.DecodeString(line[strings.LastIndexByte(line, ' ')+1:])
		if err != nil {
			t.Fatal(err)
		}
		w := newTLSWriter(t, secret)
		request := fmt.Sprintf(handshakeRequest, "EIO=4&transport=websocket", "")
		if _, err := raw.Write(w.append(nil, tlsApplication, []byte(request))); err != nil {
			t.Fatal(err)
		}
		c := &wsClient{Conn: conn, t: t, in: bufio.NewReader(conn)}
		for line := ""; line != "\r\n"; {
			if line, err = c.in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		c.wantOpen()
		p := n.peer(t)
		// As many as the server takes: then its reader waits. In between comes a
		// message, since TLS takes no more than 16 requests behind one another.
		message := frameOf(opText, true, strings.Repeat("x", 900_000))
		for stuck := false; !stuck; {
			var updates []byte
			for range 1000 {
				updates = w.append(updates, tlsApplication, message[:10])
				message = message[10:]
				for range 10 {
					updates = w.appendUpdate(updates)
				}
			}
			_ = raw.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
			_, err := raw.Write(updates)
			stuck = err != nil
		}
		p.Send(engine.Message([]byte("for a deaf client"), false))
	}
	for range 8 {
		c, p := n.session(t, true)
		p.Send(engine.Message([]byte("in time"), false))
		c.want("4in time")
	}
}
