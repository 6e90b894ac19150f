package websocket

import (
	"crypto/sha1" // RFC 6455 §4.2.2 prescribes it; nothing secret depends on it
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// acceptGUID is RFC 6455 §1.3's.
	acceptGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	// keySize is the size of Sec-WebSocket-Key in bytes, decoded.
	keySize = 16
	// answerTimeout bounds the writing of the answer, less than a kilobyte.
	answerTimeout = 5 * time.Second
)

// Options are the server's side of the negotiation.
type Options struct {
	// Deflate accepts permessage-deflate from clients that offer it. It is always
	// negotiated without context takeover in either direction.
	Deflate bool
}

// Upgrade makes the server's part of the opening handshake (RFC 6455 §4.2) and
// takes the connection from the HTTP server, past any number of ResponseWriters
// that have an Unwrap method: they see the answer's header and status. The connection has no deadline,
// and the HTTP server's buffers are dropped. early is what the client has sent
// behind its request already: the first input of the Decoder. deflate tells
// whether permessage-deflate was negotiated: it is the Decoder's flag, and
// AppendDeflated is allowed.
//
// Neither Origin nor Host nor subprotocols are looked at. The handler should
// return soon: while it runs the HTTP server keeps the request in memory.
//
// On an error the request has been answered: 505 for HTTP/1.0, HTTP/2 and HTTP/3,
// 405 for another method than GET, 426 for another version of the protocol
// than 13, 400 for what is not a handshake, 501 when the server's writer cannot
// give up its connection. Errors repeat nothing that the client sent.
func Upgrade(w http.ResponseWriter, r *http.Request, o Options) (conn net.Conn, early []byte, deflate bool, err error) {
	key, refusal := check(r)
	if refusal != nil {
		return nil, nil, false, refusal.answer(w)
	}
	extension, ok := negotiate(r.Header.Values("Sec-WebSocket-Extensions"), o)
	if !ok {
		return nil, nil, false, refuse(http.StatusBadRequest, "Sec-WebSocket-Extensions is malformed").answer(w)
	}
	hijacker, ok := innermost(w).(http.Hijacker)
	if !ok {
		return nil, nil, false, refuse(http.StatusNotImplemented, "this server cannot upgrade the connection").answer(w)
	}
	answer(w, key, extension)
	conn, buffers, err := hijacker.Hijack()
	if err != nil {
		return nil, nil, false, fmt.Errorf("websocket: take the connection: %w", err)
	}
	if n := buffers.Reader.Buffered(); n > 0 {
		// No error: what is buffered can be peeked.
		peeked, _ := buffers.Reader.Peek(n)
		early = append([]byte(nil), peeked...)
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		_ = conn.Close()
		return nil, nil, false, fmt.Errorf("websocket: clear the deadline: %w", err)
	}
	return conn, early, extension != "", nil
}

// innermost is the HTTP server's own writer. A wrapper's Hijack may return a
// connection that is wrapped too, which keeps the request in memory for as long
// as the connection lives, as that of Caddy's access log does: 25 KB for each.
func innermost(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// check returns the key of a handshake, or why r is none.
func check(r *http.Request) (key string, _ *refusal) {
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 {
		return "", refuse(http.StatusHTTPVersionNotSupported, "WebSocket needs HTTP/1.1")
	}
	if r.Method != http.MethodGet {
		return "", refuse(http.StatusMethodNotAllowed, "the WebSocket handshake is a GET request").with("Allow", http.MethodGet)
	}
	// A body would be taken for frames.
	if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return "", refuse(http.StatusBadRequest, "the WebSocket handshake has no body")
	}
	if !hasToken(r.Header.Values("Connection"), "upgrade") {
		return "", refuse(http.StatusBadRequest, "Connection does not name Upgrade; is a proxy in between that was not told to pass WebSockets?")
	}
	if !hasToken(r.Header.Values("Upgrade"), "websocket") {
		return "", refuse(http.StatusBadRequest, "Upgrade does not name websocket; is a proxy in between that was not told to pass WebSockets?")
	}
	if v := r.Header.Values("Sec-WebSocket-Version"); len(v) != 1 || v[0] != "13" {
		return "", refuse(http.StatusUpgradeRequired, "Sec-WebSocket-Version must be 13").with("Sec-WebSocket-Version", "13")
	}
	keys := r.Header.Values("Sec-WebSocket-Key")
	if len(keys) != 1 {
		return "", refuse(http.StatusBadRequest, "one Sec-WebSocket-Key is needed")
	}
	// The length first: the decoder skips line ends, which a header cannot have.
	if len(keys[0]) != base64.StdEncoding.EncodedLen(keySize) {
		return "", refuse(http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64")
	}
	if b, err := base64.StdEncoding.DecodeString(keys[0]); err != nil || len(b) != keySize {
		return "", refuse(http.StatusBadRequest, "Sec-WebSocket-Key is not 16 bytes in base64")
	}
	return keys[0], nil
}

// answer makes the server's handshake through all of the writers, so that an
// access log shows it. The server's own Hijack writes it out. That the client has
// left meanwhile shows when it is read from.
func answer(w http.ResponseWriter, key, extension string) {
	sum := sha1.Sum([]byte(key + acceptGUID))
	header := w.Header()
	header.Set("Upgrade", "websocket")
	header.Set("Connection", "Upgrade")
	header.Set("Sec-WebSocket-Accept", base64.StdEncoding.EncodeToString(sum[:]))
	if extension != "" {
		header.Set("Sec-WebSocket-Extensions", extension)
	}
	// Not every server can: then the answer has no deadline of its own.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	w.WriteHeader(http.StatusSwitchingProtocols)
}

// hasToken reports whether one of the comma-separated lists has token, in any
// case (RFC 9110 §5.6.1, §7.6.1). token is lower case.
func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for item := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.Trim(item, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// refusal is an HTTP answer to a request that is not upgraded.
type refusal struct {
	status      int
	note        string
	name, value string // a header field, none when empty
}

func refuse(status int, note string) *refusal { return &refusal{status: status, note: note} }

func (f *refusal) with(name, value string) *refusal {
	f.name, f.value = name, value
	return f
}

func (f *refusal) answer(w http.ResponseWriter) error {
	if f.name != "" {
		w.Header().Set(f.name, f.value)
	}
	http.Error(w, f.note, f.status)
	return f
}

func (f *refusal) Error() string {
	return fmt.Sprintf("websocket: handshake refused with HTTP %d: %s", f.status, f.note)
}
