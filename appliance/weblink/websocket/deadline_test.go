package websocket_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// watched notes the deadline that is on a connection, and may refuse to write.
type watched struct {
	net.Conn
	deadline time.Time
	fail     error
	closed   bool
}

func (w *watched) SetDeadline(t time.Time) error { w.deadline = t; return nil }
func (w *watched) Close() error                  { w.closed = true; return nil }
func (w *watched) Write(p []byte) (int, error) {
	if w.deadline.IsZero() {
		return 0, errors.New("written without a deadline")
	}
	return len(p), w.fail
}

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

func TestAConnectionThatCannotBeAnsweredIsClosed(t *testing.T) {
	w := &watched{fail: io.ErrClosedPipe}
	conn, _, _, err := websocket.Upgrade(hijackable{httptest.NewRecorder(), w, ""}, handshake(), websocket.Options{})
	if !errors.Is(err, io.ErrClosedPipe) || conn != nil || !w.closed {
		t.Errorf("%v, %v, closed %v", conn, err, w.closed)
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
