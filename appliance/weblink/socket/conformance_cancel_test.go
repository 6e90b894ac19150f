package socket_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// A client that gives a poll up has given its session up.
func TestConformanceCancelledPoll(t *testing.T) {
	polled, _ := openPolling(t, newSite(t, engine.Options{}).engine)
	host, target, _ := strings.Cut(strings.TrimPrefix(polled, "http://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	// The next poll may arrive before the first: they are on different connections.
	if status, body := get(t, polled); status != http.StatusBadRequest && body != "1" {
		t.Errorf("the next poll: %d %q", status, body)
	}
	expectStatus(t, http.MethodGet, polled, http.StatusBadRequest)
}
