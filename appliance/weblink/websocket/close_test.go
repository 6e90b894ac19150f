package websocket_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

func closePayload(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

// Class 7: how a client closes, and what comes behind.
func TestCloseFrames(t *testing.T) {
	reason := strings.Repeat("*", 123)
	checkAll(t, maxMessage, false, []exchange{
		{"empty", frame(fin|closeOp, ""), []string{"close 1005 "}, 0},
		{"half a status", frame(fin|closeOp, "\x03"), nil, protocolError},
		{"a status", frame(fin|closeOp, closePayload(1000, "")), []string{"close 1000 "}, 0},
		{"a reason", frame(fin|closeOp, closePayload(1000, "再见")), []string{"close 1000 再见"}, 0},
		{"the longest reason", frame(fin|closeOp, closePayload(1000, reason)), []string{"close 1000 " + reason}, 0},
		{"a reason that is too long", frame(fin|closeOp, closePayload(1000, reason+"*")), nil, protocolError},
		{"a reason that is no text", frame(fin|closeOp, closePayload(1000, "\xce\xba\xed\xa0\x80")), nil, invalidPayload},
		{"a reason that ends within a rune", frame(fin|closeOp, closePayload(1000, "é\xc3")), nil, invalidPayload},
		{"two close frames", join(frame(fin|closeOp, ""), frame(fin|closeOp, "")), []string{"close 1005 "}, 0},
		{"a message behind", join(frame(fin|closeOp, ""), frame(fin|text, "x")), []string{"close 1005 "}, 0},
		{"a ping behind", join(frame(fin|closeOp, ""), frame(fin|ping, "x")), []string{"close 1005 "}, 0},
		{"rubbish behind", join(frame(fin|closeOp, ""), bytes.Repeat([]byte{0xff}, 100)), []string{"close 1005 "}, 0},
		{"a large message in front", join(frame(fin|text, strings.Repeat("x", 100000)), frame(fin|closeOp, closePayload(1001, ""))), []string{"text " + strings.Repeat("x", 100000), "close 1001 "}, 0},
	})
}

func TestCloseStatuses(t *testing.T) {
	allowed := func(code int) bool {
		switch {
		case code >= 3000 && code <= 4999:
			return true
		case code < 1000 || code > 1014:
			return false
		}
		return code != 1004 && code != 1005 && code != 1006
	}
	for _, code := range []int{0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100, 2000, 2999, 3000, 3999, 4000, 4999, 5000, 65535} {
		c := exchange{name: fmt.Sprint(code), input: frame(fin|closeOp, closePayload(uint16(code), "why")), status: protocolError}
		if allowed(code) {
			c.events, c.status = []string{fmt.Sprintf("close %d why", code)}, 0
		}
		c.check(t, maxMessage, false)

		got := websocket.AppendClose(nil, websocket.Status(code), "why")
		want := []byte{fin | closeOp, 0}
		if allowed(code) {
			want = append([]byte{fin | closeOp, 5}, closePayload(uint16(code), "why")...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("AppendClose(%d): %x; want %x", code, got, want)
		}
	}
}

func TestCloseReasonsFitAndStayText(t *testing.T) {
	for _, reason := range []string{"", "x", strings.Repeat("x", 123), strings.Repeat("x", 124), strings.Repeat("é", 100), strings.Repeat("驿", 100), "x" + strings.Repeat("😀", 50), "bad \xff bytes", strings.Repeat("\xff.", 100)} {
		f := websocket.AppendClose([]byte("in front"), websocket.StatusPolicy, reason)[len("in front"):]
		if len(f) < 4 || f[0] != fin|closeOp || int(f[1]) != len(f)-2 || f[1] > 125 {
			t.Fatalf("%q: %x", reason, f)
		}
		got := string(f[4:])
		whole := strings.ToValidUTF8(reason, "\ufffd")
		if !utf8.ValidString(got) || !strings.HasPrefix(whole, got) || (len(whole) > 123 && len(got) < 120) || (len(whole) <= 123 && got != whole) {
			t.Errorf("%q became %q", reason, got)
		}
	}
}
