package websocket_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// watched notes the deadline that is on a connection, and may refuse to have it
// changed.
type watched struct {
	net.Conn
	deadline time.Time
	fail     error
	closed   bool
}

func (w *watched) SetDeadline(t time.Time) error {
	if w.fail == nil {
		w.deadline = t
	}
	return w.fail
}

func (w *watched) Close() error { w.closed = true; return nil }

// hijackable is a ResponseWriter whose connection is conn, of which the server
// has read buffered already.
type hijackable struct {
	*httptest.ResponseRecorder
	conn     net.Conn
	buffered string
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r := bufio.NewReader(strings.NewReader(h.buffered))
	_, err := r.Peek(len(h.buffered))
	return h.conn, bufio.NewReadWriter(r, bufio.NewWriter(h.conn)), err
}

func handshake() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", key)
	return r
}

func TestTheServersDeadlinesAreTakenOff(t *testing.T) {
	w := &watched{deadline: time.Now()}
	conn, early, deflate, err := websocket.Upgrade(hijackable{httptest.NewRecorder(), w, ""}, handshake(), websocket.Options{})
	if err != nil || conn != net.Conn(w) || early != nil || deflate {
		t.Fatal(conn, early, deflate, err)
	}
	if !w.deadline.IsZero() || w.closed {
		t.Errorf("deadline %v, closed %v", w.deadline, w.closed)
	}
}

func TestAConnectionWhoseDeadlineStaysIsClosed(t *testing.T) {
	w := &watched{fail: net.ErrClosed}
	conn, _, _, err := websocket.Upgrade(hijackable{httptest.NewRecorder(), w, ""}, handshake(), websocket.Options{})
	if !errors.Is(err, net.ErrClosed) || conn != nil || !w.closed {
		t.Errorf("%v, %v, closed %v", conn, err, w.closed)
	}
}

// logWriter stands for the writer by which a server logs its requests: its
// connection would keep it alive.
type logWriter struct {
	http.ResponseWriter
	status   int
	hijacked bool
}

func (r *logWriter) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *logWriter) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *logWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.hijacked = true
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

func TestALogSeesTheAnswerAndNotTheConnection(t *testing.T) {
	inner := hijackable{httptest.NewRecorder(), new(watched), ""}
	log := &logWriter{ResponseWriter: inner}
	conn, _, _, err := websocket.Upgrade(log, handshake(), websocket.Options{})
	if err != nil || conn != inner.conn || log.hijacked {
		t.Errorf("connection %v, error %v, taken through the log's writer %v", conn, err, log.hijacked)
	}
	if log.status != http.StatusSwitchingProtocols {
		t.Errorf("the log sees status %d", log.status)
	}
}

func TestWhatTheServerHasReadAlreadyIsReturned(t *testing.T) {
	for _, n := range []int{1, 100, 4096} {
		buffered := strings.Repeat("x", n)
		_, early, _, err := websocket.Upgrade(hijackable{httptest.NewRecorder(), new(watched), buffered}, handshake(), websocket.Options{})
		if err != nil || string(early) != buffered {
			t.Errorf("%d bytes: %d, %v", n, len(early), err)
		}
	}
}
