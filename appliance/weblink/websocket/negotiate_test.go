package websocket_test

import (
	"net/http"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

func TestCompressionIsNegotiatedWithoutContext(t *testing.T) {
	const (
		accepted = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
		window   = accepted + "; server_max_window_bits=15"
	)
	s, results := server(t, websocket.Options{Deflate: true}, nil)
	s.Start()
	defer s.Close()
	for _, c := range []struct{ offer, answer string }{
		{"permessage-deflate", accepted},
		{"permessage-deflate; client_max_window_bits", accepted}, // browsers
		{"permessage-deflate; client_max_window_bits=8", accepted},
		{"permessage-deflate; client_max_window_bits=15", accepted},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", accepted},
		{"permessage-deflate;client_no_context_takeover ; client_max_window_bits=\"10\"", accepted},
		{"permessage-deflate; server_max_window_bits=15", window},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", accepted},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate; server_max_window_bits=15", window},
		{"x-other; a=b, permessage-deflate; unknown, permessage-deflate; client_max_window_bits", accepted},
		{"foo, bar; baz", ""},
		{"permessage-deflate; server_max_window_bits=10", ""},
		{"permessage-deflate; server_max_window_bits", ""},
		{"permessage-deflate; server_max_window_bits=16", ""},
		{"permessage-deflate; client_max_window_bits=7", ""},
		{"permessage-deflate; client_max_window_bits=16", ""},
		{"permessage-deflate; client_max_window_bits=08", ""},
		{"permessage-deflate; client_max_window_bits=1000000000000000000000", ""},
		{"permessage-deflate; client_no_context_takeover=1", ""},
		{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", ""},
		{"permessage-deflate; unknown", ""},
		{"Permessage-Deflate", ""},
		{"permessage-deflate2", ""},
	} {
		response, _ := send(t, dial(t, s), request("Sec-WebSocket-Extensions: "+c.offer))
		u := <-results
		if u.err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%s: %v, %s", c.offer, u.err, response.Status)
			continue
		}
		u.conn.Close()
		if got := response.Header.Get("Sec-WebSocket-Extensions"); got != c.answer || u.deflate != (c.answer != "") {
			t.Errorf("%s: %q, %v; want %q", c.offer, got, u.deflate, c.answer)
		}
	}
	// Several fields are one list.
	response, _ := send(t, dial(t, s), request("Sec-WebSocket-Extensions: foo", "+Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"))
	u := <-results
	if u.err != nil || !u.deflate || response.Header.Get("Sec-WebSocket-Extensions") != accepted {
		t.Fatalf("two fields: %v, %v", u.err, response.Header)
	}
	u.conn.Close()
}
